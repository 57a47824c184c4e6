"""The way in: one project, or all that are not synced."""

from __future__ import annotations

from datetime import UTC, datetime

from groundwork.clients.airflow import Airflow
from groundwork.errors import NotFound
from groundwork.operations.diagnosis.chains import diagnosis
from groundwork.operations.diagnosis.findings import Diagnosis
from groundwork.operations.diagnosis.gathering import gather
from groundwork.operations.services import Services
from groundwork.records.cases import Case

Found = tuple[Case, Diagnosis]


def diagnose_project(services: Services, airflow: Airflow | None, reference: str) -> Found:
    """Every environment of the project of this id or slug, whether it is synced or not.

    Without `airflow` the run is told of as far as the records know it. Raises `NotFound`.
    """
    case = services.records.cases.of(reference)
    if case is None:
        raise NotFound(f"There is no project '{reference}'; `groundwork status` lists them.")
    (facts,) = gather(services, airflow, [case], logs=True)
    return case, diagnosis(facts, datetime.now(UTC), every=True)


def diagnose_unsynced(
    services: Services, airflow: Airflow | None, organization: str | None = None
) -> list[Found]:
    """All projects that are neither synced nor removed, or those of an organization (id or slug).

    Raises `NotFound` if there is no such organization.
    """
    if organization is not None:
        services.records.directory.organization(organization)
    cases = services.records.cases.unsynced(organization)
    if not cases:
        return []
    seen, now = gather(services, airflow, cases, logs=False), datetime.now(UTC)
    return [(facts.case, diagnosis(facts, now, every=False)) for facts in seen]
