"""Kafka clients of load generators and stand-ins."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def open_tail(bootstrap: str, topic: str) -> AIOKafkaConsumer:
    """A consumer of all that is appended to a topic from now on; to be stopped."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    for place in consumer.assignment():
        await consumer.position(place)  # from now on, not from the first fetch on
    return consumer


def create_producer(bootstrap: str) -> AIOKafkaProducer:
    """A producer of records that are acknowledged once they are safe; to be started."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        max_batch_size=131_072,
    )
