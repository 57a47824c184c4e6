"""Building Kustomize overlays as Flux does, by the program that Kubernetes ships: `kubectl kustomize`.

There is no Kustomize library for Python. Nothing is read over the network: remote bases are refused.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from groundwork.errors import Misconfigured, Rejected, Unavailable

Manifest = dict[str, Any]
_EXCERPT = 1000


def build(
    program: str, repository: Path, overlays: Mapping[str, str], timeout: float
) -> dict[str, list[Manifest]]:
    """The manifests of each overlay, by its namespace.

    `program` is kubectl, `overlays` gives namespaces their folders in `repository`; `timeout` is seconds.
    Raises `Rejected` with Kustomize's own words for overlays that do not build, `Misconfigured` without the
    program.
    """
    # All in one process, which costs more than the building does; the namespaces keep them apart.
    with TemporaryDirectory(dir=repository, prefix=".build-") as name:
        root = Path(name)
        for namespace, folder in overlays.items():
            source = f"../../{Path(folder)}"
            _write(root / namespace, {"namespace": namespace, "resources": [source]})
        _write(root, {"resources": list(overlays)})
        built = list(yaml.safe_load_all(_run(program, root, timeout)))
    return {
        namespace: [item for item in built if item["metadata"].get("namespace") == namespace]
        for namespace in overlays
    }


def _write(folder: Path, content: Manifest) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _run(program: str, root: Path, timeout: float) -> str:
    try:
        done = subprocess.run(
            [program, "kustomize", str(root)], capture_output=True, text=True, timeout=timeout, check=False
        )
    except OSError as error:
        raise Misconfigured(
            f"Overlays cannot be built without kubectl ({error}): install it where Groundwork's tasks run, or"
            " name it with GROUNDWORK_KUBECTL."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"kubectl kustomize has not ended after {timeout:g} s.") from error
    if done.returncode != 0:
        raise Rejected(f"Kustomize refuses an overlay: {_excerpt(done.stderr, root)}")
    return done.stdout


def _excerpt(text: str, root: Path) -> str:
    return " ".join(text.replace(f"{root.parent}/", "").split())[-_EXCERPT:]
