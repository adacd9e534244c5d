"""Starts a worker whose group's clients fetch nothing: python -m tests.e2e.deaf_worker <service>.

Everything else of them works: they beat, commit, and say where partitions end.
"""

import asyncio
import importlib
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer


def main() -> None:
    """Takes the hearing, then runs the worker as it would run itself."""
    service, *rest = sys.argv[1:]
    hear = AIOKafkaConsumer.getmany

    async def deaf(self: AIOKafkaConsumer, *places: Any, timeout_ms: int, **more: Any) -> Any:
        if self._group_id is None:
            return await hear(self, *places, timeout_ms=timeout_ms, **more)
        await asyncio.sleep(timeout_ms / 1000)
        return {}

    AIOKafkaConsumer.getmany = deaf
    sys.argv = [f"services.{service}", *rest]
    importlib.import_module(f"services.{service}.app").main()


if __name__ == "__main__":
    main()
