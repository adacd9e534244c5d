"""Takes spans as an OTLP/HTTP collector does, and hands them to Zipkin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
from fastapi import FastAPI, Request, Response

from infra.traces.translation import BadSpansError, translate

ZIPKIN_SECONDS_MAX = 5.0


def create_receiver(zipkin_url: str, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The receiver; it answers once Zipkin has the spans, so that a sender knows.

    Args:
        transport: to Zipkin; the network when None.
    """
    client = httpx.AsyncClient(transport=transport, timeout=ZIPKIN_SECONDS_MAX, trust_env=False)

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    receiver = FastAPI(title="OTLP for Zipkin", lifespan=closing)

    @receiver.post("/v1/traces")
    async def take(request: Request) -> Response:
        """Takes the spans of one request."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Response("only OTLP in JSON is taken", 415)
        try:
            spans = translate(await request.body())
        except BadSpansError as error:
            return Response(str(error), 400)
        try:
            answer = await client.post(
                f"{zipkin_url}/api/v2/spans",
                content=msgspec.json.encode(spans),
                headers={"Content-Type": "application/json"},
            )
        except httpx.HTTPError as error:
            return Response(f"Zipkin does not answer: {error!r}", 503)
        if not answer.is_success:
            return Response(f"Zipkin answered {answer.status_code}: {answer.text}", 502)
        return Response("{}", media_type="application/json")

    return receiver
