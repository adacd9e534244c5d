"""Passes calls of the pages on to the services' fronts and to the sandbox, and to nobody else."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from services.common.limited_body import BODY_BYTES_MAX
from services.common.problem import ProblemError
from services.web.fronts import Fronts, json_response, passed_on

METHODS = ["GET", "POST", "PUT", "DELETE"]
HEADERS = ("content-type", "accept", "idempotency-key", "traceparent")


def proxy_routes(services: Fronts, sandbox: Fronts) -> APIRouter:
    """/api/<service>/... and /api/sandbox/<program>/..., for those that run."""
    routes = APIRouter(prefix="/api", tags=["proxy"])

    @routes.get("/sandbox")
    async def has_sandbox() -> Response:
        """Whether a sandbox runs, and which programs of it."""
        return json_response({"available": bool(sandbox.urls), "programs": sorted(sandbox.urls)})

    @routes.api_route("/sandbox/{name}/{path:path}", methods=METHODS)
    async def to_sandbox(request: Request, name: str, path: str) -> Response:
        """A call to a program of the sandbox."""
        return await pass_on(sandbox, request, name, path)

    @routes.api_route("/{name}/{path:path}", methods=METHODS)
    async def to_service(request: Request, name: str, path: str) -> Response:
        """A call to the front of a service."""
        return await pass_on(services, request, name, path)

    return routes


async def pass_on(fronts: Fronts, request: Request, name: str, path: str) -> Response:
    """The answer of the front of that name.

    Raises:
        ProblemError: 404, there is none; 400, the path leads elsewhere; 413, the body is too long.
    """
    if name not in fronts.urls:
        raise ProblemError(404, f"there is no {request.url.path}")
    if any(part in (".", "..") for part in path.split("/")):
        raise ProblemError(400, "a path has no parts that are . or ..")
    content = await request.body()
    if len(content) > BODY_BYTES_MAX:
        raise ProblemError(
            413, f"the body has {len(content)} bytes; at most {BODY_BYTES_MAX} are taken"
        )
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {each: request.headers[each] for each in HEADERS if each in request.headers}
    answer = await fronts.call(name, request.method, f"/{quote(path)}{query}", content, headers)
    return passed_on(answer)
