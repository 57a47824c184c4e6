"""The way into the records: one object, its parts by subject."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from groundwork.records.audit import Audit
from groundwork.records.cases import Cases
from groundwork.records.connection import Database
from groundwork.records.directory import Directory
from groundwork.records.figures import Tally
from groundwork.records.inventory import Inventory
from groundwork.records.lease import Lease
from groundwork.records.ledger import Ledger
from groundwork.records.listing import Listing
from groundwork.records.observations import Observations
from groundwork.records.operations import Operations
from groundwork.records.overview import Overview
from groundwork.records.passes import Passes
from groundwork.records.people import People
from groundwork.records.projects import Projects
from groundwork.records.rehearsal import Rehearsal, rehearse
from groundwork.records.removals import Removals
from groundwork.records.resources import Resources
from groundwork.records.sightings import Sightings
from groundwork.records.specs import EnvironmentSpec, ProjectSpec, RepositorySpec, RunSpec


class Records:
    """Groundwork's records in the Postgres database that `dsn` names.

    Every method of every part is one transaction of its own and may be called again after `Unavailable`.
    All of them raise `Unavailable` and `Misconfigured` as `connection.Database.transaction` does. The
    connection opens at the first call; close it, or use this as a context manager.
    """

    def __init__(self, dsn: str) -> None:
        self._database = Database(dsn)
        self.directory = Directory(self._database)
        self.projects = Projects(self._database)
        self.resources = Resources(self._database)
        self.observations = Observations(self._database)
        self.operations = Operations(self._database)
        self.ledger = Ledger(self._database)
        self.lease = Lease(self._database)
        self.audit = Audit(self._database)
        self.inventory = Inventory(self._database)
        self.sightings = Sightings(self._database)
        self.passes = Passes(self._database)
        self.cases = Cases(self._database)
        self.removals = Removals(self._database)
        self.listing = Listing(self._database)
        self.overview = Overview(self._database)
        self.people = People(self._database)
        self.tally = Tally(self._database)

    def rehearse(
        self,
        project: ProjectSpec,
        run: RunSpec,
        repository: RepositorySpec,
        environments: Sequence[EnvironmentSpec],
    ) -> Rehearsal:
        """What the request would leave here; leaves nothing. Raises as `operations.open` and
        `resources.record`."""
        return rehearse(self._database, project, run, repository, environments)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
