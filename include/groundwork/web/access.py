"""Who calls, and what Airflow lets them do: every route asks here. The one importer of Airflow's security.

That part of Airflow is not among its public interfaces, so nothing else may lean on it; where it cannot be
imported, the whole app is closed (`mounted`). Airflow decides by its own words: who may see the runs of
`initialize_project` may see projects, who may trigger a DAG may ask for what that DAG does. Airflow checks
again when the run is started, because it is started in the caller's own name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import (
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, Request

from groundwork.errors import NotAllowed
from groundwork.settings import get_settings

INITIALIZE = "initialize_project"
RECONCILE = "reconcile_projects"
DECOMMISSION = "decommission_project"
RESTORE = "restore_project"
ADD_ENVIRONMENTS = "add_environments"
ROTATE = "rotate_credentials"

CurrentUser = Annotated[BaseUser, Depends(get_user)]

may_read = Depends(requires_access_dag("GET", DagAccessEntity.RUN, INITIALIZE))
"""Guards what shows projects."""


@dataclass(frozen=True)
class Caller:
    """Who is logged in. `token` is their own, for calls in their name: never log or store it."""

    name: str
    token: str
    user: BaseUser

    def may_trigger(self, dag_id: str) -> bool:
        """Whether Airflow would let them trigger this DAG."""
        return self._may("POST", DagAccessEntity.RUN, dag_id)

    def may_rerun(self, dag_id: str) -> bool:
        """Whether Airflow would let them clear tasks of this DAG's runs."""
        return self._may("PUT", DagAccessEntity.RUN, dag_id)

    @property
    def may_name_others(self) -> bool:
        """Whether they may ask in another's name; who may change Groundwork's connections can anyway."""
        details = ConnectionDetails(conn_id=get_settings().database_connection)
        return bool(
            get_auth_manager().is_authorized_connection(method="PUT", details=details, user=self.user)
        )

    def _may(self, method: Literal["POST", "PUT"], entity: DagAccessEntity, dag_id: str) -> bool:
        return bool(
            get_auth_manager().is_authorized_dag(
                method=method, access_entity=entity, details=DagDetails(id=dag_id), user=self.user
            )
        )


async def _caller(request: Request, user: CurrentUser) -> Caller:  # not async would cost a thread
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    return Caller(user.get_name(), token.strip(), user)


CallerDep = Annotated[Caller, Depends(_caller)]


def may_trigger(dag_id: str) -> Any:
    """Guards what triggers `dag_id`."""
    return Depends(requires_access_dag("POST", DagAccessEntity.RUN, dag_id))


def may_rerun(dag_id: str) -> Any:
    """Guards what clears tasks of `dag_id`."""
    return Depends(requires_access_dag("PUT", DagAccessEntity.RUN, dag_id))


def require(allowed: Callable[[str], bool], dag_id: str, what: str) -> None:
    """For a route that learns only in its body which DAG it is about. Raises `NotAllowed`."""
    if not allowed(dag_id):
        raise NotAllowed(f"Your role in Airflow does not let you {what} of {dag_id}.")


def login_url(next_url: str) -> str:
    """Airflow's login page, which leads back to `next_url`."""
    return str(get_auth_manager().get_url_login(next_url=next_url))
