"""A Kubernetes cluster, by server-side apply. The only importer of the `kubernetes` client.

Objects travel as plain dicts in the API's own JSON. Every write carries the field manager `groundwork`, so
that fields other managers own stay theirs (Kubernetes "Server-Side Apply").
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from kubernetes.utils.quantity import parse_quantity
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
_PAGE = 500
# Without what an object holds, such as a Secret's data (Kubernetes API concepts, "Metadata-only fetches").
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


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
    ("apps/v1", "Deployment"): _Resource("/apis/apps/v1", "deployments"),
    ("apps/v1", "StatefulSet"): _Resource("/apis/apps/v1", "statefulsets"),
    ("apps/v1", "DaemonSet"): _Resource("/apis/apps/v1", "daemonsets"),
    ("batch/v1", "Job"): _Resource("/apis/batch/v1", "jobs"),
    ("v1", "Pod"): _Resource("/api/v1", "pods"),
    ("v1", "Event"): _Resource("/api/v1", "events"),
}
_FLUX_CONTROLLERS = (
    "app.kubernetes.io/part-of=flux,app.kubernetes.io/component in (source-controller,kustomize-controller)"
)
_READY = "/readyz"
_FLUX_GROUPS = ("source.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1")


def from_kubeconfig(name: str, path: str, timeout: float) -> Cluster:
    """The cluster of a kubeconfig: its context called `name` if it has one, else its current context.

    Raises `Misconfigured` when the file cannot be used.
    """
    try:
        contexts, _ = config.list_kube_config_contexts(path)
        context = name if any(item["name"] == name for item in contexts) else None
        return Cluster(name, config.new_client_from_config(path, context=context), timeout)
    except ConfigException as error:
        raise Misconfigured(f"The kubeconfig {path} cannot be used: {error}.") from error


def quantity(text: str) -> Decimal | None:
    """The number a quantity such as `500m` or `16Gi` stands for, or None if it is not one."""
    try:
        return Decimal(parse_quantity(text))
    except ValueError:
        return None


class Cluster:
    """One cluster, named after the Airflow connection that reaches it. `timeout` is seconds per answer."""

    def __init__(self, name: str, api_client: ApiClient, timeout: float) -> None:
        self.name = name
        # By itself urllib3 would repeat a read up to three times and sleep for as long as Retry-After says.
        api_client.rest_client.pool_manager.connection_pool_kw["retries"] = False
        self._api = api_client
        self._timeout = timeout
        self._discovered: dict[str, dict[str, _Resource]] = {}

    def get(self, reference: Manifest) -> Manifest | None:
        """The object that has `reference`'s apiVersion, kind, name and namespace, or None."""
        try:
            return self._call("GET", _path(reference), f"read {_title(reference)}")
        except NotFound:
            return None

    def list(
        self,
        api_version: str,
        kind: str,
        selector: str = "",
        *,
        namespace: str | None = None,
        metadata_only: bool = False,
    ) -> Iterator[Manifest]:
        """Every object of a kind with these labels, in all namespaces or one, by pages of 500.

        With `metadata_only` an object is its `metadata` alone. Raises at the first page that does not come,
        so a caller that went through to the end has seen all.
        """
        resource = _RESOURCES[(api_version, kind)]
        place = f"/namespaces/{namespace}" if namespace else ""
        query = [("labelSelector", selector), ("limit", str(_PAGE))]
        accept = _METADATA_LIST if metadata_only else "application/json"
        token = ""
        while True:
            page = self._call(
                "GET",
                f"{resource.prefix}{place}/{resource.plural}",
                f"list {resource.plural}",
                query=[*query, ("continue", token)] if token else query,
                accept=accept,
            )
            if "items" not in page:
                raise Unavailable(f"Cluster {self.name} did not answer with a list of {resource.plural}.")
            # An empty list of metadata alone comes as null.
            for item in page["items"] or ():
                yield {**item, "apiVersion": api_version, "kind": kind}
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    def contents(self, namespace: str) -> tuple[builtins.list[Manifest], builtins.list[str]]:
        """The metadata of everything in a namespace, and the kinds that this client may not list.

        Each object has its apiVersion and kind (Kubernetes API concepts, "Discovery").
        """
        found: list[Manifest] = []
        hidden: list[str] = []
        for prefix in self._served():
            api_version = prefix.removeprefix("/apis/").removeprefix("/api/")
            for item in self._call("GET", prefix, f"look for {api_version}")["resources"]:
                if "/" in item["name"] or not item["namespaced"] or "list" not in item["verbs"]:
                    continue
                path = f"{prefix}/namespaces/{namespace}/{item['name']}"
                doing = f"list {item['name']} in namespace {namespace}"
                try:
                    listed = self._call("GET", path, doing, accept=_METADATA_LIST)["items"]
                except NotAllowed:
                    hidden.append(item["kind"])
                    continue
                found += ({**one, "apiVersion": api_version, "kind": item["kind"]} for one in listed or ())
        return found, hidden

    def apply(self, manifest: Manifest, *, force: bool) -> Manifest:
        """Server-side apply; answers the object as stored.

        `force` takes over fields that another manager owns; without it such a field is a `Conflict`.
        Raises `NotAllowed`, `Rejected`, `Conflict`, `NotFound` (the namespace) or `Unavailable`.
        """
        query = [("fieldManager", FIELD_MANAGER), ("force", str(force).lower())]
        return self._call("PATCH", _path(manifest), f"apply {_title(manifest)}", manifest, _APPLY, query)

    def dry_run(self, manifest: Manifest) -> None:
        """Let the API server check a manifest of any kind. Raises as `apply`."""
        resource = self._discover(manifest["apiVersion"], manifest["kind"])
        query = [("fieldManager", FIELD_MANAGER), ("force", "true"), ("dryRun", "All")]
        path = _path(manifest, resource)
        self._call("PATCH", path, f"apply {_title(manifest)}", manifest, _APPLY, query)

    def delete(self, existing: Manifest) -> None:
        """Delete exactly this object, as it was read: its uid must still be the same. Gone already is fine.

        Answers at once; finalizers may keep the object for a while. Raises `Conflict` if another object has
        taken its name.
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": existing["metadata"]["uid"]},
            "propagationPolicy": "Background",
        }
        try:
            self._call("DELETE", _path(existing), f"delete {_title(existing)}", options, "application/json")
        except NotFound:
            return

    def check_flux(self) -> None:
        """Make sure the Flux APIs that Groundwork uses are served, and by controllers that run.

        Controllers that are not Deployments with Flux's own labels cannot be seen from here. Raises
        `Misconfigured`.
        """
        for group in _FLUX_GROUPS:
            try:
                self._call("GET", f"/apis/{group}", f"look for {group}")
            except NotFound as error:
                raise Misconfigured(
                    f"Cluster {self.name} does not serve {group}: install Flux 2.7 or later there."
                ) from error
        for controller in self.list("apps/v1", "Deployment", _FLUX_CONTROLLERS):
            if not controller.get("status", {}).get("availableReplicas"):
                raise Misconfigured(
                    f"Flux is not running on cluster {self.name}: {_title(controller)} has none available."
                )

    def allowed(self, verb: str, group: str, resource: str) -> bool:
        """Whether this client may do `verb` on `resource` in every namespace (SelfSubjectAccessReview)."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        doing = "ask for own rights"
        answer = self._call("POST", path, doing, review, "application/json")
        if answer.get("status", {}).get("allowed"):
            return True
        self._must_be_ready(doing)
        return False

    def _served(self) -> builtins.list[str]:
        """The API groups of the cluster, each once: at the version the cluster prefers."""
        groups = self._call("GET", "/apis", "look for API groups")["groups"]
        return ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]

    def _discover(self, api_version: str, kind: str) -> _Resource:
        """How the API addresses a kind (Kubernetes API concepts, "Discovery")."""
        prefix = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if prefix not in self._discovered:
            try:
                listed = self._call("GET", prefix, f"look for {api_version}")["resources"]
            except NotFound:
                listed = []
            self._discovered[prefix] = {
                item["kind"]: _Resource(prefix, item["name"], item["namespaced"])
                for item in listed
                if "/" not in item["name"]
            }
        if kind not in self._discovered[prefix]:
            raise Rejected(f"Cluster {self.name} does not serve kind {kind} of {api_version}.")
        return self._discovered[prefix][kind]

    def _call(
        self,
        method: str,
        path: str,
        doing: str,
        body: Manifest | None = None,
        content_type: str | None = None,
        query: builtins.list[tuple[str, str]] | None = None,
        accept: str = "application/json",
    ) -> Manifest:
        headers = {"Accept": accept}
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
            if error.status == 403:
                self._must_be_ready(doing)
            raise _translated(error, doing, self.name) from error
        except HTTPError as error:
            raise Unavailable(f"Could not {doing}: cluster {self.name} does not answer ({error}).") from error
        try:
            answer: Manifest = json.loads(response.data)
        except ValueError as error:
            raise Unavailable(f"Could not {doing}: cluster {self.name} did not answer in JSON.") from error
        return answer

    def _must_be_ready(self, doing: str) -> None:
        """Raises `Unavailable` unless the API server calls itself ready.

        One that starts refuses everybody everything until it has read who has which rights. Source:
        Kubernetes docs, "Kubernetes API health endpoints".
        """
        try:
            self._api.call_api(
                _READY,
                "GET",
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=self._timeout,
            )
        except (ApiException, HTTPError) as error:
            refused = f"cluster {self.name} refused it, and does not say at {_READY} that it is ready"
            raise Unavailable(f"Could not {doing}: {refused}.") from error


def _path(reference: Manifest, resource: _Resource | None = None) -> str:
    resource = resource or _RESOURCES[(reference["apiVersion"], reference["kind"])]
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
