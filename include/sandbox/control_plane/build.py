"""Builds the control plane's programs once and keeps them in a cache outside the clone.

The recipe is the Go module in `go/`: its tool directives name the programs, go.sum pins every byte they are
made of. The result, with the CRDs and KWOK stages out of the same modules, is one folder that needs no Go.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from sandbox.control_plane.progress import BuildProgress
from sandbox.control_plane.toolchain import GO_SERIES, Toolchain, find_toolchain
from sandbox.errors import BuildFailed

RECIPE = Path(__file__).parent / "go"

_KUBERNETES = ("v1.36.3", "1", "36")
_LDFLAGS = " ".join(
    [
        "-s -w",
        f"-X k8s.io/component-base/version.gitVersion={_KUBERNETES[0]}",
        f"-X k8s.io/component-base/version.gitMajor={_KUBERNETES[1]}",
        f"-X k8s.io/component-base/version.gitMinor={_KUBERNETES[2]}",
    ]
)
_FLUX_CONTROLLERS = ("source-controller", "kustomize-controller", "notification-controller")
_KWOK_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
    "pod/fast/pod-ready.yaml",
)
_ANNOUNCEMENT = "Building the control plane: once, about ten minutes on two cores; kept for later."
_LAYOUT = "1"  # part of the cache key: raise it when the folder's contents change


@dataclass(frozen=True)
class Artefact:
    """The built control plane: programs, Flux's CRDs and KWOK's stages."""

    root: Path

    def program(self, name: str) -> Path:
        """Path of one program, by its upstream name."""
        return self.root / "bin" / ("server" if name == "etcd" else name)

    @property
    def crds(self) -> Path:
        """Folder of Flux's custom resource definitions."""
        return self.root / "crds"

    @property
    def stages(self) -> list[Path]:
        """KWOK's stage files, which say how nodes and pods come alive."""
        return sorted((self.root / "stages").iterdir())


def artefact(cache: Path) -> Artefact:
    """Where the build of the present recipe is, or will be, in `cache`."""
    digest = hashlib.sha256()
    for part in (_LAYOUT, GO_SERIES, _LDFLAGS, *_KWOK_STAGES):
        digest.update(part.encode() + b"\0")
    for name in ("go.mod", "go.sum"):
        digest.update((RECIPE / name).read_bytes())
    return Artefact(cache / "control-plane" / digest.hexdigest()[:16])


def ensure_built(cache: Path, console: Console) -> Artefact:
    """The built control plane; builds it first (minutes, with progress) when the cache has none.

    Raises `BuildFailed` with the end of the build's log.
    """
    built = artefact(cache)
    if built.root.exists():
        return built
    built.root.parent.mkdir(parents=True, exist_ok=True)
    work = built.root.with_name(f"building-{built.root.name}")
    with _exclusively(built.root.with_suffix(".lock"), console):
        if not built.root.exists():
            console.print(_ANNOUNCEMENT)
            _Build(work, find_toolchain(work)).run(built.root, console)
            shutil.rmtree(work)
    return built


@contextmanager
def _exclusively(lock_file: Path, console: Console) -> Iterator[None]:
    lock = FileLock(lock_file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        console.print("Another process is building the control plane; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Build:
    """One build in a work folder, which stays when it fails so that the next try goes on from there."""

    def __init__(self, work: Path, toolchain: Toolchain) -> None:
        self._work = work
        self._toolchain = toolchain
        self._source = work / "source"
        self._source.mkdir(parents=True, exist_ok=True)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(RECIPE / name, self._source / name)

    def run(self, target: Path, console: Console) -> None:
        """Builds everything and moves it to `target` in one step."""
        with BuildProgress(console) as progress:
            progress.phase("downloading Go modules", total=self._module_count())
            packages = self._go("list", "-deps", "tool", on_line=progress.step)
            progress.phase("compiling Go packages", total=len(packages))
            self._go("install", "-v", "-trimpath", f"-ldflags={_LDFLAGS}", "tool", on_line=progress.step)
        result = self._work / "result"
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir()
        self._collect_manifests(result)
        shutil.copytree(self._work / "bin", result / "bin")
        result.rename(target)

    def _collect_manifests(self, result: Path) -> None:
        for folder in ("crds", "stages"):
            (result / folder).mkdir()
        for controller in _FLUX_CONTROLLERS:
            for crd in (self._module(f"github.com/fluxcd/{controller}") / "config/crd/bases").glob("*.yaml"):
                shutil.copyfile(crd, result / "crds" / crd.name)
        for stage in _KWOK_STAGES:
            source = self._module("sigs.k8s.io/kwok") / "kustomize" / "stage" / stage
            shutil.copyfile(source, result / "stages" / source.name)

    def _module(self, path: str) -> Path:
        return Path(self._go("list", "-m", "-f", "{{.Dir}}", path)[0])

    def _module_count(self) -> int:
        """Upper bound of the modules to download: go.sum's lines that are not of a module's go.mod alone."""
        lines = (self._source / "go.sum").read_text().splitlines()
        return sum(1 for line in lines if "/go.mod " not in line)

    def _go(self, *arguments: str, on_line: Callable[[str], None] | None = None) -> list[str]:
        """Runs go, passes each line of its stderr to `on_line`, returns the lines of its stdout."""
        last = deque[str](maxlen=20)
        with (
            (self._work / "log").open("a") as log,
            tempfile.TemporaryFile("w+") as answer,
            subprocess.Popen(
                [self._toolchain.go, *arguments],
                cwd=self._source,
                env=self._toolchain.environment,
                stdout=answer,
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
        ):
            for line in process.stderr or ():
                log.write(line)
                last.append(line)
                if on_line:
                    on_line(line.strip())
            if process.wait() != 0:
                raise BuildFailed(
                    f"`go {arguments[0]}` failed while building the control plane:\n{''.join(last)}"
                    f"Whole log: {self._work / 'log'}. Running the same command again goes on from here."
                )
            answer.seek(0)
            return answer.read().splitlines()
