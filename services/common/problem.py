"""Problem details: how a front says what is wrong (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Response

from services.common.codec import encode_plain

PROBLEM = "application/problem+json"
RETRY_AFTER_SECONDS = 1


class ProblemError(Exception):
    """An answer that is an error: status, and a sentence that says what is wrong and where."""

    def __init__(
        self, status: int, detail: str, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors


def problem_response(
    status: int,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem details answer; 503 says when to try again."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        content["errors"] = errors
    again = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return Response(encode_plain(content), status, {**again, **(headers or {})}, PROBLEM)
