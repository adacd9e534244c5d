"""The outside world as it costs least: payment provider, points of sale, and drivers' phones.

As a program: python -m infra.bench.standins --help shows the options.

Everything is answered at once, and well: charges succeed, tickets are accepted, drivers take every
offer, pick up, hand over, and are free again. The one wait is that of the kitchen, between a ticket
and its end; without it some orders would be cooked before they are accepted, and skip a step.
An answer derives from what is asked, so nothing is kept, and what is asked twice is answered twice.
"""

import argparse
import asyncio
import logging
import os

import msgspec
import uvloop

from infra.bench.phones import Fleet, Phones
from infra.bench.plain_http import Client, header, request, serve
from infra.ports import HOST

IDEMPOTENCY_KEY = b"idempotency-key:"
CALLBACK_CONNECTIONS_MAX = 32
CALLBACK_ATTEMPTS_MAX = 200
CALLBACK_PAUSE_SECONDS = 0.25
EXIT_FAILED = 70

log = logging.getLogger(__name__)


class _Ticket(msgspec.Struct):
    callback_url: str


class Kitchens:
    """Tells the order front that orders are cooked.

    Args:
        seconds: that an order is cooked for.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._decoder = msgspec.json.Decoder(_Ticket)
        self._fronts: dict[str, Client] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def cook(self, ticket: bytes) -> None:
        """Begins to cook what a ticket asks for."""
        url = self._decoder.decode(ticket).callback_url
        asyncio.get_running_loop().call_later(self._seconds, self._finish, url)

    def _finish(self, url: str) -> None:
        task = asyncio.create_task(self._tell(url))
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: "asyncio.Task[None]") -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _die(f"a callback failed: {error!r}")

    async def _tell(self, url: str) -> None:
        address, _, path = url.removeprefix("http://").partition("/")
        if address not in self._fronts:
            host, _, port = address.partition(":")
            self._fronts[address] = Client(host, int(port), CALLBACK_CONNECTIONS_MAX)
        told = request("POST", f"/{path}/preparation-finished")
        status = 0
        for _ in range(CALLBACK_ATTEMPTS_MAX):
            status, _ = await self._fronts[address].ask(told)
            if status == 202:
                return
            await asyncio.sleep(CALLBACK_PAUSE_SECONDS)
        raise RuntimeError(f"{url} is answered {status}")


class StandIns:
    """Answers as a payment provider and as every point of sale do."""

    def __init__(self, kitchens: Kitchens, phones: Phones) -> None:
        self._kitchens = kitchens
        self._phones = phones

    def answer(self, method: bytes, path: bytes, head: bytes, body: bytes) -> tuple[int, bytes]:
        """The answer to one request."""
        if path == b"/health/ready":
            return (200 if self._phones.are_known else 503), b"{}"
        if method != b"POST":
            return 404, b"{}"  # it is not known, so that it is asked for again
        key = header(head, IDEMPOTENCY_KEY)
        match path:
            case b"/charges":
                return 201, b'{"id":"ch-%b","status":"succeeded"}' % key
            case b"/tickets":
                self._kitchens.cook(body)
                return 201, b'{"id":"t-%b","status":"accepted","preparation_seconds":0}' % key
            case b"/refunds":
                return 201, b'{"id":"re-%b","status":"succeeded"}' % key
            case b"/voids":
                return 201, b'{"id":"vo-%b","status":"voided"}' % key
            case b"/ticket-cancellations":
                return 201, b'{"status":"cancelled"}'
            case _:
                return 404, b"{}"


async def main() -> None:
    """Stands in until it is ended."""
    arguments = _parser().parse_args()
    fleet = Fleet(arguments.drivers, arguments.regions)
    async with Phones(arguments.bootstrap, fleet) as phones:
        stand_ins = StandIns(Kitchens(arguments.kitchen_seconds), phones)
        async with await serve(HOST, arguments.port, stand_ins.answer):
            await phones.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.bench.standins", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--port", type=int, required=True, help="of all that is asked over HTTP")
    parser.add_argument("--bootstrap", required=True, help="where Kafka listens")
    parser.add_argument("--drivers", type=int, default=400, help="how many wait for work")
    parser.add_argument("--regions", type=int, default=8, help="that they wait in")
    parser.add_argument("--kitchen-seconds", type=float, default=0.1, help="from ticket to end")
    return parser


def _die(reason: str) -> None:
    log.error("%s", reason)
    os._exit(EXIT_FAILED)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(main())
