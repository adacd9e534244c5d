"""What every section of the benchmark is given."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Context:
    """Where, how often and how much.

    Args:
        directory: for the state of the section, which it may fill; each section has its own.
        runs: of each figure.
        scale: a factor for all amounts; far below 1 in a smoke test.
        is_full: whether to measure as well what takes very long.
    """

    directory: Path
    runs: int
    scale: float
    console: Console
    is_full: bool = False

    def scaled(self, amount: int, least: int = 1) -> int:
        """An amount of this scale, though no less than this."""
        return max(least, round(amount * self.scale))

    def say(self, text: str) -> None:
        """Tells how far the section is."""
        self.console.print(f"  {text}")


class BenchError(Exception):
    """What was measured is worth nothing; the text says why."""
