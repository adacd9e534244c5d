"""Downloads jars and their dependencies from Maven Central into the user's Maven repository."""

import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import Artifact, MavenContext, PythonResolver

REQUEST_SECONDS_MAX = 20
DOWNLOAD_ATTEMPTS_MAX = 3
DOWNLOADS_MAX = 6
RUNTIME_SCOPES = frozenset({"compile", "runtime"})


class AtomicResolver(PythonResolver):
    """A resolver whose downloads appear whole or not at all, also with two at once."""

    def download(self, artifact: Artifact) -> Path | None:
        """Fetch one file aside, then move it into the repository."""
        target = artifact.cached_path
        if target is None:
            raise ValueError(f"no place to keep {artifact}")
        target.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, DOWNLOAD_ATTEMPTS_MAX + 1):
            try:
                return self._download(artifact, target)
            except (requests.ConnectionError, requests.Timeout):
                if attempt == DOWNLOAD_ATTEMPTS_MAX:
                    raise
        return None

    def _download(self, artifact: Artifact, target: Path) -> Path | None:
        context = artifact.context
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as aside:
            staging = MavenContext(
                resolver=self,
                repo_cache=Path(aside),
                remote_repos=context.remote_repos,
                timeout=context.timeout,
            )
            component = staging.project(artifact.groupId, artifact.artifactId)
            staged = component.at_version(artifact.version).artifact(
                artifact.classifier, artifact.packaging
            )
            downloaded = super().download(staged)
            return downloaded.replace(target) if downloaded else None


def resolve_jars(coordinates: Sequence[str]) -> list[Path]:
    """The sorted jars of these artifacts and of all that they need at run time.

    Args:
        coordinates: each "group:artifact:version", with "!" after it to keep the versions that
            the artifact itself asks for.
    """
    context = _context()
    wanted = [context.create_dependency(coordinate) for coordinate in coordinates]
    inputs, transitive = context.resolver.resolve(wanted)
    needed = [*inputs, *(one for one in transitive if one.scope in RUNTIME_SCOPES)]
    with ThreadPoolExecutor(DOWNLOADS_MAX) as pool:
        return sorted(set(pool.map(_whole_jar, (one.artifact for one in needed))), key=str)


def whole_jar(group: str, name: str, version: str, classifier: str) -> Path:
    """One jar that needs no others."""
    component = _context().project(group, name).at_version(version)
    return _whole_jar(component.artifact(classifier, "jar"))


def _context() -> MavenContext:
    settings = GlobalSettings.load()
    return MavenContext(
        resolver=AtomicResolver(),
        repo_cache=settings.repo_cache,
        remote_repos={"central": MAVEN_CENTRAL_URL, **settings.repositories},
        timeout=REQUEST_SECONDS_MAX,
    )


def _whole_jar(artifact: Artifact) -> Path:
    jar = artifact.resolve()
    if not zipfile.is_zipfile(jar):
        # Left by another tool whose download was cut short.
        jar.unlink()
        jar = artifact.resolve()
    return jar
