"""What both Faust contenders share: the app's production settings, and the rule that they apply."""

from typing import Any

import faust
from faust.types import TopicT

from infra.bench.job import PARTITIONS, SESSION_SECONDS, Job

BLOCK_CACHE_BYTES = 16 << 20
WRITE_BUFFER_BYTES = 8 << 20

Json = dict[str, Any]


def create_faust_app(job: Job, **others: Any) -> faust.App:
    """An app with the settings that section 5 of the design found to be right for production."""
    return faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        store="rocksdb://",
        datadir=job.directory,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        table_standby_replicas=0,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 4,
        broker_commit_interval=0.5,
        broker_max_poll_records=500,
        producer_acks=-1,
        producer_linger=0.002,
        producer_max_batch_size=131_072,
        key_serializer="raw",
        value_serializer="json",
        worker_redirect_stdouts=False,
        web_enabled=False,
        **others,
    )


def table_options() -> dict[str, Any]:
    """The same RocksDB settings as the event table's, instead of 2 GiB of cache per partition."""
    return {
        "driver": "rocksdict",
        "block_cache_size": BLOCK_CACHE_BYTES,
        "write_buffer_size": WRITE_BUFFER_BYTES,
    }


def input_topic(app: faust.App, job: Job) -> TopicT:
    """The reports, values decoded from JSON."""
    return app.topic(job.input, key_type=bytes, key_serializer="raw", value_serializer="json")


def output_topic(app: faust.App, job: Job) -> TopicT:
    """One event per report."""
    return app.topic(job.output, key_type=bytes, key_serializer="raw", value_serializer="json")


def locate(row: Json | None, command: Json, event_id: str) -> tuple[Json, Json] | None:
    """The row and the event that a report leads to; None where the row knows a later one."""
    if row is not None and command["recorded_at"] <= row["located_at"]:
        return None
    version = 1 if row is None else row["version"] + 1
    located = {
        "version": version,
        "location": command["location"],
        "located_at": command["recorded_at"],
    }
    event = {
        "id": event_id,
        "type": "DriverLocated",
        "occurred_at": command["occurred_at"],
        "causation_id": command["id"],
        "correlation_id": command["correlation_id"],
        "version": version,
        "driver_id": command["driver_id"],
        "location": command["location"],
        "recorded_at": command["recorded_at"],
    }
    return located, event
