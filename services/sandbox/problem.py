"""Problem details for every error that goes over HTTP. Source: RFC 9457."""

from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A call that is answered with problem details.

    Args:
        status: the HTTP status.
        kind: names the problem for programs; the last part of its type URI.
        detail: a sentence for people.
        extensions: further members, such as the reason of a refusal.
    """

    def __init__(self, status: int, kind: str, detail: str, **extensions: object) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.extensions = extensions


def install_problems(app: FastAPI) -> None:
    """Answers every error of the app, FastAPI's own included, with problem details."""
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _response(error)


async def _answer_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"location": ".".join(map(str, one["loc"])), "message": one["msg"]}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['location']}: {one['message']}" for one in errors)
    return _response(ProblemError(422, "invalid-request", detail, errors=errors))


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    response = _response(ProblemError(error.status_code, kind, str(error.detail)))
    response.headers.update(error.headers or {})
    return response


async def _answer_unexpected(_: Request, __: Exception) -> Response:
    # The server logs the error with its trace; the caller learns nothing of our insides.
    return _response(ProblemError(500, "unexpected", "The sandbox has a bug; see its log."))


def _response(problem: ProblemError) -> Response:
    document = {
        "type": f"urn:sandbox:problem:{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.extensions,
    }
    return Response(orjson.dumps(document), status_code=problem.status, media_type=MEDIA_TYPE)
