"""`make bench` in small: whole orders and submissions are measured, and written down."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from infra.bench.submit import PUT_OFF

PROGRAMS = {"kafka", "order", "delivery", "matcher", "driver", "stand-ins", "load generator"}
ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The benchmark as a program."""
    return subprocess.run(
        [sys.executable, "-m", "infra.bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_a_quick_run_measures_and_writes_all_of_its_sections(tmp_path: Path) -> None:
    """Every figure has a run and is positive; every program is there; the table tells of all."""
    result = tmp_path / "bench.json"
    ended = bench("--only", "complete,submit", "--runs", "1", "--quick", "--result", str(result))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    content = orjson.loads(result.read_bytes())
    assert content["machine"]["processors"] > 0
    assert set(content["sections"]) == {"complete", "submit"}
    assert set(content["sections"]["complete"]["processes"]) == PROGRAMS
    for section in content["sections"].values():
        assert section["what"] in " ".join(ended.stdout.split())
        for name, figure in section["figures"].items():
            assert [run > 0 or name == PUT_OFF for run in figure["runs"]] == [True], name
            assert name in ended.stdout
        for use in section["processes"].values():
            assert use["peak_rss_mb"] > 0
        assert sum(use["cpu_ms_per_item"] for use in section["processes"].values()) > 0
    orders = content["sections"]["complete"]["figures"]["orders to DELIVERED"]
    assert orders["target"] == 100.0
    assert orders["ratio"] > 0


def test_a_section_that_is_not_there_is_named() -> None:
    """The text says which there are."""
    ended = bench("--only", "complete,nothing")
    assert ended.returncode == 2
    assert "'nothing' is none of complete, submit" in ended.stderr
