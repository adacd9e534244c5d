"""The floor beside a section's figures, measured in the same run and on the same broker."""

from infra.bench.context import Context
from infra.bench.floor import CLIENTS, RECORD_BYTES, chain_rate
from infra.bench.results import Figure

NAMES = {"aiokafka": "floor: bare aiokafka", "confluent": "floor: bare confluent-kafka"}
FLOOR = NAMES["aiokafka"]


async def floor_figures(
    context: Context,
    bootstrap: str,
    hops: int,
    orders: int,
    records_per_order: int | None = None,
) -> tuple[Figure, ...]:
    """Orders a second through bare clients; FLOOR is the one of the client that Tiffin uses."""
    figures = []
    for client in CLIENTS:
        runs = []
        for run in range(context.runs):
            rate = await chain_rate(
                bootstrap, context.directory, client, hops, orders, RECORD_BYTES, records_per_order
            )
            context.say(f"run {run + 1}: {rate:.1f} orders a second with bare {client}")
            runs.append(rate)
        floor = None if NAMES[client] == FLOOR else FLOOR
        figures.append(Figure(NAMES[client], "/s", tuple(runs), floor))
    return tuple(figures)
