"""The floor of a query: uvicorn and FastAPI that give everybody the same answer, from memory.

As a program: python -m infra.bench.bare_front <port> <file with the answer>
"""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response

from infra.ports import HOST


def create_api(answer: bytes) -> FastAPI:
    """A front with the one route that is measured."""
    api = FastAPI()

    @api.get("/orders/{order_id}")
    async def get_order(order_id: str) -> Response:
        return Response(answer, media_type="application/json")

    return api


if __name__ == "__main__":
    port, path = sys.argv[1:]
    content = Path(path).read_bytes()
    uvicorn.run(
        create_api(content),
        host=HOST,
        port=int(port),
        loop="uvloop",
        access_log=False,
        log_level="warning",
    )
