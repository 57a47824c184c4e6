"""A Kubernetes cluster, by server-side apply. The only importer of the `kubernetes` client.

Objects travel as plain dicts in the API's own JSON. Every write carries the field manager `groundwork`, so
that fields other managers own stay theirs (Kubernetes "Server-Side Apply").
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from groundwork.errors import (
    Conflict,
    GroundworkError,
    Misconfigured,
    NotAllowed,
    NotFound,
    Rejected,
    Unavailable,
)

FIELD_MANAGER = "groundwork"
Manifest = dict[str, Any]

_APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class _Resource:
    prefix: str
    plural: str
    namespaced: bool = True


_RESOURCES = {
    ("v1", "Namespace"): _Resource("/api/v1", "namespaces", namespaced=False),
    ("v1", "ServiceAccount"): _Resource("/api/v1", "serviceaccounts"),
    ("v1", "Secret"): _Resource("/api/v1", "secrets"),
    ("v1", "ResourceQuota"): _Resource("/api/v1", "resourcequotas"),
    ("v1", "LimitRange"): _Resource("/api/v1", "limitranges"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _Resource(
        "/apis/rbac.authorization.k8s.io/v1", "rolebindings"
    ),
    ("networking.k8s.io/v1", "NetworkPolicy"): _Resource("/apis/networking.k8s.io/v1", "networkpolicies"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"): _Resource(
        "/apis/source.toolkit.fluxcd.io/v1", "gitrepositories"
    ),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): _Resource(
        "/apis/kustomize.toolkit.fluxcd.io/v1", "kustomizations"
    ),
}
_FLUX_GROUPS = ("source.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1")


class Cluster:
    """One cluster, named after the Airflow connection that reaches it. `timeout` is seconds per answer."""

    def __init__(self, name: str, api_client: ApiClient, timeout: float) -> None:
        self.name = name
        self._api = api_client
        self._timeout = timeout

    def get(self, reference: Manifest) -> Manifest | None:
        """The object that has `reference`'s apiVersion, kind, name and namespace, or None."""
        try:
            return self._call("GET", _path(reference), f"read {_title(reference)}")
        except NotFound:
            return None

    def apply(self, manifest: Manifest, *, force: bool) -> Manifest:
        """Server-side apply; answers the object as stored.

        `force` takes over fields that another manager owns; without it such a field is a `Conflict`.
        Raises `NotAllowed`, `Rejected`, `Conflict`, `NotFound` (the namespace) or `Unavailable`.
        """
        query = [("fieldManager", FIELD_MANAGER), ("force", str(force).lower())]
        return self._call("PATCH", _path(manifest), f"apply {_title(manifest)}", manifest, _APPLY, query)

    def check_flux(self) -> None:
        """Make sure the Flux APIs that Groundwork uses are served. Raises `Misconfigured` if not."""
        for group in _FLUX_GROUPS:
            try:
                self._call("GET", f"/apis/{group}", f"look for {group}")
            except NotFound as error:
                raise Misconfigured(
                    f"Cluster {self.name} does not serve {group}: install Flux 2.7 or later there."
                ) from error

    def allowed(self, verb: str, group: str, resource: str) -> bool:
        """Whether this client may do `verb` on `resource` in every namespace (SelfSubjectAccessReview)."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._call("POST", path, "ask for own rights", review, "application/json")
        return bool(answer.get("status", {}).get("allowed"))

    def _call(
        self,
        method: str,
        path: str,
        doing: str,
        body: Manifest | None = None,
        content_type: str | None = None,
        query: list[tuple[str, str]] | None = None,
    ) -> Manifest:
        headers = {"Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            response = self._api.call_api(
                path,
                method,
                query_params=query or [],
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=self._timeout,
            )
        except ApiException as error:
            raise _translated(error, doing, self.name) from error
        except HTTPError as error:
            raise Unavailable(f"Could not {doing}: cluster {self.name} does not answer ({error}).") from error
        answer: Manifest = json.loads(response.data)
        return answer


def _path(reference: Manifest) -> str:
    resource = _RESOURCES[(reference["apiVersion"], reference["kind"])]
    name, namespace = reference["metadata"]["name"], reference["metadata"].get("namespace")
    if not resource.namespaced:
        return f"{resource.prefix}/{resource.plural}/{name}"
    return f"{resource.prefix}/namespaces/{namespace}/{resource.plural}/{name}"


def _title(reference: Manifest) -> str:
    metadata = reference["metadata"]
    place = f" in namespace {metadata['namespace']}" if metadata.get("namespace") else ""
    return f"{reference['kind']} {metadata['name']}{place}"


def _translated(error: ApiException, doing: str, cluster: str) -> GroundworkError:
    """Our error for an answer of the API server (Kubernetes API conventions, "HTTP Status codes")."""
    text = f"Could not {doing} on cluster {cluster}: {_message(error)}"
    match error.status:
        case 401 | 403:
            return NotAllowed(f"{text}. Give Groundwork's user the rights of deploy/kubernetes/.")
        case 404:
            return NotFound(text)
        case 409:
            return Conflict(text)
        case 400 | 405 | 406 | 415 | 422:
            return Rejected(text)
        case _:
            retry_after = (error.headers or {}).get("Retry-After")
            return Unavailable(text, float(retry_after) if retry_after else None)


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
