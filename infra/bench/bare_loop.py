"""A contender: the least that aiokafka can do, a loop that copies records and keeps no state.

As a program: python -m infra.bench.bare_loop
"""

import asyncio

from infra.bench.job import SESSION_SECONDS, Job
from services.common import kafka
from services.common.settings import CommonSettings


async def run(job: Job) -> None:
    """Copies batch by batch, for ever; commits a batch once its copies are acknowledged."""
    settings = CommonSettings(
        bootstrap=job.bootstrap, worker=job.group, session_seconds=SESSION_SECONDS
    )
    producer = kafka.producer(settings, "bare")
    consumer = kafka.group_consumer(settings, job.group)
    consumer.subscribe([job.input])
    await producer.start()
    await consumer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=200, max_records=settings.records_per_batch_max)
        acks = [
            await producer.send(job.output, record.value, record.key, partition=place.partition)
            for place, records in fetched.items()
            for record in records
        ]
        if acks:
            await asyncio.gather(*acks)
            await consumer.commit(
                {place: records[-1].offset + 1 for place, records in fetched.items()}
            )


if __name__ == "__main__":
    asyncio.run(run(Job.from_env()))
