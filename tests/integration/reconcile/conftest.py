"""Synced projects on the sandbox's real parts, and passes over them as `reconcile_projects` makes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.driver import Driver, driver

from .passes import Reconcile


@pytest.fixture(scope="module")
def operations(sandbox_systems: Any) -> Iterator[Driver]:
    # Many drifts are made in few projects, and none is to wait for a person.
    with driver(sandbox_systems, reconcile_max_repairs=1000, reconcile_max_repair_share=1.0) as made:
        yield made


@pytest.fixture(scope="module")
def database(sandbox_systems: Any) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Groundwork's records, read and bent with SQL."""
    url = sandbox_systems.database_url
    with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def reconcile(operations: Driver, sandbox_systems: Any, database: Any, kubectl: Any) -> Reconcile:
    return Reconcile(operations.services, sandbox_systems, database, kubectl)
