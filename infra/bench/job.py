"""What one contender of the loop benchmark is told: where to read, write and keep its state."""

import os
from dataclasses import asdict, dataclass, fields
from typing import Self

PREFIX = "TIFFIN_BENCH_"
PARTITIONS = 4
# Long, because contenders are paused while their records are appended.
SESSION_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """One contender's share of one run.

    group: of the consumer; new to Kafka.
    input: the topic of the reports; empty at the start.
    output: the topic that gets one event per report.
    directory: for state; empty at the start.
    """

    bootstrap: str
    group: str
    input: str
    output: str
    directory: str

    def environment(self) -> dict[str, str]:
        """The job as a process gets it."""
        return {PREFIX + name.upper(): value for name, value in asdict(self).items()}

    @classmethod
    def from_env(cls) -> Self:
        """The job of this process."""
        return cls(**{each.name: os.environ[PREFIX + each.name.upper()] for each in fields(cls)})
