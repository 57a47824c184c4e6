"""Ports are chosen once, kept, never shared, and chosen again when somebody else took one."""

from __future__ import annotations

import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.ports import HOST, Ports

_NAMES = ["one", "two", "three"]


def _owner(folder: Path, name: str) -> Path:
    owner = folder / name
    owner.mkdir()
    return owner


def test_they_are_kept(tmp_path: Path) -> None:
    owner, registry = _owner(tmp_path, "sandbox"), tmp_path / "ports.json"
    first = Ports(owner, registry)
    first.reserve(_NAMES)
    again = Ports(owner, registry)
    again.reserve(_NAMES)
    assert [again[name] for name in _NAMES] == [first[name] for name in _NAMES]


def test_sandboxes_that_choose_at_once_share_none(tmp_path: Path) -> None:
    registry = tmp_path / "ports.json"
    all_ports = [Ports(_owner(tmp_path, f"sandbox-{number}"), registry) for number in range(8)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda ports: ports.reserve(_NAMES), all_ports))
    chosen = [ports[name] for ports in all_ports for name in _NAMES]
    assert len(set(chosen)) == len(chosen)


def test_two_processes_that_begin_one_sandbox_at_once_agree(tmp_path: Path) -> None:
    owner, registry = _owner(tmp_path, "sandbox"), tmp_path / "ports.json"
    first, second = Ports(owner, registry), Ports(owner, registry)
    first.reserve(_NAMES)
    second.reserve(_NAMES)
    assert [second[name] for name in _NAMES] == [first[name] for name in _NAMES]


def test_only_the_taken_port_is_chosen_again(tmp_path: Path) -> None:
    ports = Ports(_owner(tmp_path, "sandbox"), tmp_path / "ports.json")
    ports.reserve(_NAMES)
    before = {name: ports[name] for name in _NAMES}
    with socket.socket() as intruder:
        intruder.bind((HOST, before["two"]))
        intruder.listen()
        ports.reserve(_NAMES)
    assert ports["two"] != before["two"]
    assert (ports["one"], ports["three"]) == (before["one"], before["three"])


def test_a_port_that_our_own_program_holds_is_kept(tmp_path: Path) -> None:
    ports = Ports(_owner(tmp_path, "sandbox"), tmp_path / "ports.json")
    ports.reserve(_NAMES)
    before = ports["two"]
    with socket.socket() as program:
        program.bind((HOST, before))
        program.listen()
        ports.reserve(_NAMES, in_use_by_us=["two"])
    assert ports["two"] == before


def test_released_and_orphaned_ports_are_free_again(tmp_path: Path) -> None:
    registry = tmp_path / "ports.json"
    owner = _owner(tmp_path, "sandbox")
    ports = Ports(owner, registry)
    ports.reserve(_NAMES)
    ports.release()
    assert not Ports(owner, registry).known
    ports.reserve(_NAMES)
    shutil.rmtree(owner)
    assert not Ports(owner, registry).known


def test_a_lost_registry_loses_no_ports(tmp_path: Path) -> None:
    """The cache folder may be cleaned, or be another one, while a sandbox runs that must be stopped."""
    owner, registry = _owner(tmp_path, "sandbox"), tmp_path / "ports.json"
    Ports(owner, registry).reserve(_NAMES)
    registry.unlink()
    again = Ports(owner, tmp_path / "elsewhere" / "ports.json")
    assert again.known
    before = {name: again[name] for name in _NAMES}
    again.reserve(_NAMES)
    assert {name: again[name] for name in _NAMES} == before


def test_a_copied_state_folder_takes_other_ports(tmp_path: Path) -> None:
    owner, registry = _owner(tmp_path, "sandbox"), tmp_path / "ports.json"
    Ports(owner, registry).reserve(_NAMES)
    copied = Path(shutil.copytree(owner, tmp_path / "copied"))
    first, second = Ports(owner, registry), Ports(copied, registry)
    second.reserve(_NAMES)
    assert not {first[name] for name in _NAMES} & {second[name] for name in _NAMES}
