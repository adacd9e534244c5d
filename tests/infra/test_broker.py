"""A local cluster starts until it is truly ready, keeps its state, and explains every failure."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic

from infra.admin import open_admin
from infra.broker import BrokerError, LocalCluster
from infra.children import ON_LINUX
from infra.data_directory import leftover_pids, read_record, running_supervisor
from infra.kafka_files import CACHE_DIRECTORY, JAR_LIST, find_java, kafka_class_path
from infra.node_plan import BRIEF_JAVA_FLAGS
from infra.ports import free_ports
from infra.start_cache import StartCache

ROOT = Path(__file__).resolve().parents[2]
DEATH_SECONDS_MAX = 20
MakeJava = Callable[[str, str], Path]
DiskUsage = namedtuple("DiskUsage", "total used free")

pytestmark = [pytest.mark.timeout(120), pytest.mark.kafka]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "kafka"


@pytest.fixture
def stopped_after(data_dir: Path) -> Iterator[None]:
    """Whatever a test started in the background is stopped."""
    yield
    _program("stop", data_dir)


async def _create_topic(bootstrap: str, topic: str, replication: int = 1) -> None:
    async with open_admin(bootstrap) as admin:
        await admin.create_topics([NewTopic(topic, 1, replication)])


async def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _read_in_group(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=topic, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


def _program(command: str, data_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.broker", command, "--data", str(data_dir), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _start_error(cluster: LocalCluster) -> str:
    """The one sentence with which a start fails; the directory is free afterwards."""
    with pytest.raises(BrokerError) as caught:
        cluster.start()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert cluster.pids == ()
    return sentence


@pytest.mark.asyncio
async def test_ready_means_that_records_are_acknowledged_and_groups_joined(
    cluster: LocalCluster,
) -> None:
    """Right after the start a record is produced and read by a new group, in little time."""
    async with asyncio.timeout(10):
        await _create_topic(cluster.bootstrap, "ready")
        await _produce(cluster.bootstrap, "ready", b"one")
        assert await _read_in_group(cluster.bootstrap, "ready", 1) == [b"one"]


@pytest.mark.asyncio
async def test_readiness_can_be_asked_from_inside_an_event_loop(cluster: LocalCluster) -> None:
    """A running cluster is ready, also when the caller is a coroutine."""
    cluster.check()
    cluster.wait_ready()


@pytest.mark.asyncio
async def test_records_survive_a_clean_stop_and_a_crash(data_dir: Path) -> None:
    """A record of an earlier life of the broker is read in the next; stop frees port and lock."""
    cluster = LocalCluster(data_dir, free_ports(1)[0])
    cluster.start()
    await _create_topic(cluster.bootstrap, "kept")
    await _produce(cluster.bootstrap, "kept", b"before the stop")
    pids = cluster.pids
    cluster.stop()
    assert not any(_alive(pid) for pid in pids)
    assert running_supervisor(data_dir) is None
    assert "holds a cluster of 1 node(s), not 3" in _start_error(
        LocalCluster(data_dir, free_ports(3)[0], nodes=3)
    )
    cluster.start()
    await _produce(cluster.bootstrap, "kept", b"before the crash")
    cluster.kill()
    assert cluster.pids == (0,)
    cluster.start_node()
    read = await _read_in_group(cluster.bootstrap, "kept", 2)
    cluster.stop()
    assert read == [b"before the stop", b"before the crash"]


@pytest.mark.asyncio
async def test_three_brokers_outlive_the_loss_of_one(data_dir: Path) -> None:
    """With one broker of three killed records are acknowledged; it comes back in sync."""
    cluster = LocalCluster(data_dir, free_ports(3)[0], nodes=3)
    cluster.start()
    try:
        await _create_topic(cluster.bootstrap, "copied", replication=3)
        cluster.kill(2)
        await _produce(cluster.bootstrap, "copied", b"without the second")
        cluster.start_node(2)
        cluster.kill(1)
        assert await _read_in_group(cluster.bootstrap, "copied", 1) == [b"without the second"]
    finally:
        cluster.stop()


@pytest.mark.usefixtures("stopped_after")
def test_a_killed_supervisor_leaves_brokers_that_the_next_start_ends(data_dir: Path) -> None:
    """Status tells of the leftover, start ends it and serves the same data, stop stops all.

    Where the system ends them with their supervisor, as Linux does, there is no leftover.
    """
    port = str(free_ports(1)[0])
    assert _program("status", data_dir).returncode == 3
    with _supervisor_that_leaves_brokers(data_dir, port) as supervisor:
        record = read_record(data_dir)
        assert running_supervisor(data_dir) == supervisor.pid
        assert record is not None
        supervisor.kill()
    assert leftover_pids(data_dir, record) == list(record.pids)
    told = _program("status", data_dir)
    assert told.returncode == 1
    assert f"left pids [{record.pids[0]}]" in told.stderr
    again = _program("start", data_dir, "--port", port)
    assert again.returncode == 0, again.stderr
    assert "listens" in again.stdout
    assert not _alive(record.pids[0])
    if ON_LINUX:
        _kill_supervisor_and_its_broker(data_dir)
    assert _program("stop", data_dir).returncode == 0
    assert _program("status", data_dir).returncode == 3


@contextmanager
def _supervisor_that_leaves_brokers(data_dir: Path, port: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor whose cluster is ready, on a system that does not end children with it."""
    lines = "import infra.children; infra.children.ON_LINUX = False; import infra.broker_cli as b"
    code = f"import sys; {lines}; sys.exit(b.main())"
    words = ("run", "--data", str(data_dir), "--port", port)
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        try:
            assert supervisor.stdout is not None
            assert supervisor.stdout.readline().startswith("Kafka is ready")
            yield supervisor
        finally:
            supervisor.kill()


def _kill_supervisor_and_its_broker(data_dir: Path) -> None:
    """The broker is ended by the system alone."""
    supervisor = running_supervisor(data_dir)
    record = read_record(data_dir)
    assert supervisor is not None
    assert record is not None
    assert _alive(record.pids[0])
    os.kill(supervisor, signal.SIGKILL)
    _wait_for_death(record.pids[0])
    assert not _alive(record.pids[0])


def _wait_for_death(pid: int) -> None:
    limit = time.monotonic() + DEATH_SECONDS_MAX
    while _alive(pid) and time.monotonic() < limit:
        time.sleep(0.01)


def test_a_recorded_pid_of_another_process_is_left_alone(cluster: LocalCluster) -> None:
    """Neither this process nor a broker of another directory counts as a leftover."""
    record = read_record(cluster.data_dir)
    assert record is not None
    assert leftover_pids(cluster.data_dir, record) == list(record.pids)
    assert leftover_pids(Path("/elsewhere"), record) == []


def test_a_directory_in_use_names_the_run_that_has_it(cluster: LocalCluster) -> None:
    """Two runs never share a directory, also within one process."""
    sentence = _start_error(LocalCluster(cluster.data_dir, free_ports(1)[0]))
    assert sentence.endswith(f"is in use by another run (pid {os.getpid()}).")
    cluster.check()


def test_a_taken_port_is_named(data_dir: Path) -> None:
    """The program exits non-zero with the port in its one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        told = _program("run", data_dir, "--port", str(port))
    assert told.returncode == 1
    assert told.stderr.startswith(f"error: Port {port} of 127.0.0.1 is taken")
    assert told.stderr.count("\n") == 1


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the directory's place makes a clear sentence, not a traceback."""
    (tmp_path / "file").touch()
    for data_dir in (tmp_path / "file", tmp_path / "file" / "below"):
        sentence = _start_error(LocalCluster(data_dir, free_ports(1)[0]))
        assert sentence.startswith(f"The data directory {data_dir} cannot be written: ")


def test_a_full_disk_is_told_before_the_start(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than the named minimum of free space stops the start."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: DiskUsage(10**9, 10**9, 5 * 2**20))
    sentence = _start_error(LocalCluster(data_dir, free_ports(1)[0]))
    assert sentence.endswith("is full: 5 MB are free, a broker needs 200 MB.")


def test_a_disk_that_fills_up_is_told_from_the_log(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, make_java: MakeJava
) -> None:
    """A broker that ended because it could not write is told as a full disk."""
    line = "2026-01-01 ERROR Error while writing (x): java.io.IOException: No space left on device"
    java = make_java("21", f"(directory / 'broker.log').write_text({line!r}); sys.exit(1)")
    monkeypatch.setenv("TIFFIN_JAVA", str(java))
    sentence = _start_error(LocalCluster(data_dir, free_ports(1)[0]))
    assert "is full: broker 1 reported 'No space left on device'" in sentence


def test_a_broker_that_ends_while_it_starts_gives_its_last_words(data_dir: Path) -> None:
    """A real broker with another cluster's records is quoted, with the place of its log."""
    cluster = LocalCluster(data_dir, free_ports(1)[0])
    records = data_dir / "node-1" / "records"
    records.mkdir(parents=True)
    (records / "meta.properties").write_text(
        "version=1\ncluster.id=TAAAAAAAAAAAAAAAAAAAAA\nnode.id=7\n"
        "directory.id=TBBBBBBBBBBBBBBBBBBBBB\n"
    )
    sentence = _start_error(cluster)
    assert sentence.startswith("Broker 1 ended with exit code 1: ")
    assert "Stored node id 7 doesn't match previous node id 1" in sentence
    assert sentence.endswith(f"(log: {data_dir}/node-1/broker.log).")


def test_a_broker_that_never_gets_ready_is_told_in_time(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, make_java: MakeJava
) -> None:
    """The sentence says what was missing, and the broker is ended."""
    monkeypatch.setenv("TIFFIN_JAVA", str(make_java("21", "time.sleep(60)")))
    cluster = LocalCluster(data_dir, free_ports(1)[0], ready_seconds_max=0.5)
    sentence = _start_error(cluster)
    assert "was not ready after 0.5 s: a connection to every broker is still missing" in sentence


def test_a_wrong_java_is_told(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, make_java: MakeJava
) -> None:
    """The version that was found and the one that is needed reach the caller of start."""
    monkeypatch.setenv("TIFFIN_JAVA", str(make_java("11.0.2", "pass")))
    sentence = _start_error(LocalCluster(data_dir, free_ports(1)[0]))
    assert sentence.endswith("which is Java 11, but Kafka needs Java 17 or newer.")


def test_a_garbled_start_cache_does_not_keep_the_broker_from_starting(
    data_dir: Path, tmp_path: Path
) -> None:
    """Java passes over a cache that it cannot use."""
    kafka_class_path()
    shutil.copy(CACHE_DIRECTORY / JAR_LIST, tmp_path)
    cache = StartCache.of(find_java(), kafka_class_path(tmp_path), BRIEF_JAVA_FLAGS, tmp_path)
    cache.file.write_bytes(b"garbled" * 1000)
    cluster = LocalCluster(data_dir, free_ports(1)[0], cache_dir=tmp_path)
    cluster.start()
    cluster.stop()


def test_a_start_cache_on_which_java_crashes_is_thrown_away(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_java: MakeJava
) -> None:
    """The broker is started once more, without the cache."""
    as_broker = (
        "os.kill(os.getpid(), signal.SIGABRT) if any('SharedArchive' in word for word in sys.argv)"
        " else sys.exit('started without')"
    )
    monkeypatch.setenv("TIFFIN_JAVA", str(make_java("21", as_broker)))
    kafka_class_path()
    shutil.copy(CACHE_DIRECTORY / JAR_LIST, tmp_path)
    cache = StartCache.of(find_java(), kafka_class_path(tmp_path), BRIEF_JAVA_FLAGS, tmp_path)
    cache.file.write_bytes(b"x")
    sentence = _start_error(LocalCluster(data_dir, free_ports(1)[0], cache_dir=tmp_path))
    assert "started without" in sentence
    assert not cache.file.exists()


@pytest.mark.parametrize(("port", "nodes"), [(0, 1), (65_536, 1), (65_534, 3), (9092, 2)])
def test_impossible_ports_and_sizes_are_refused(data_dir: Path, port: int, nodes: int) -> None:
    """A cluster has 1 or 3 nodes, all of whose ports exist."""
    with pytest.raises(BrokerError):
        LocalCluster(data_dir, port, nodes)
