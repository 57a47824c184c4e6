"""In which fields does a thing differ from what it should be? Pure.

Only fields that are desired count: what others have added stays theirs. Kubernetes writes a quantity in
a form of its own, so those are compared by what they mean (Kubernetes docs, "Quantity").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundwork.clients.kubernetes import quantity
from groundwork.model.changes import Difference


def differences(desired: Any, observed: Any, field: str = "") -> tuple[Difference, ...]:
    """Every field of `desired` that `observed` lacks or has otherwise; `field` is the path they start at."""
    return tuple(_differences(desired, observed, field))


def _differences(desired: Any, observed: Any, field: str) -> Iterator[Difference]:
    if isinstance(desired, Mapping) and isinstance(observed, Mapping | None) and not _is_all(desired, field):
        for key, value in desired.items():
            name = f"{field}.{key}" if field else str(key)
            yield from _differences(value, (observed or {}).get(key), name)
    elif isinstance(desired, list) and isinstance(observed, list) and len(desired) == len(observed):
        for number, (wanted, found) in enumerate(zip(desired, observed, strict=True)):
            yield from _differences(wanted, found, f"{field}[{number}]")
    elif not _same(desired, observed):
        yield Difference(field, observed, desired)


def _is_all(desired: Mapping[str, Any], field: str) -> bool:
    """An empty object in a spec says something, as a selector that selects everything does."""
    return not desired and field.startswith("spec.")


def _same(desired: Any, observed: Any) -> bool:
    # The API server leaves out what is false, empty or zero.
    if desired == observed or (observed is None and not desired and desired is not None):
        return True
    if not isinstance(desired, str) or not isinstance(observed, str):
        return False
    amount = quantity(desired)
    return amount is not None and amount == quantity(observed)
