"""Where the real systems are that a run works on, and how to reach them. Knows no Groundwork."""

from __future__ import annotations

import base64
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any


@dataclass(frozen=True)
class Cluster:
    """An API server, as the owner of one client certificate."""

    host: str
    port: int
    tls: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"


@dataclass(frozen=True)
class Systems:
    """`product` is the cluster with the rights Groundwork has, `cluster` the same one as administrator;
    `kubectl` is the program that fits it."""

    gitlab_url: str
    gitlab_token: str
    database_url: str
    product: Cluster
    cluster: Cluster
    kubectl: str


def systems_of(sandbox: Any) -> Systems:
    """The systems of a sandbox."""
    return Systems(
        gitlab_url=sandbox.gitlab_url,
        gitlab_token=sandbox.gitlab_token,
        database_url=sandbox.database_url,
        product=_cluster(Path(sandbox.product_kubeconfig)),
        cluster=_cluster(Path(sandbox.kubeconfig)),
        kubectl=sandbox.kubectl,
    )


def _cluster(kubeconfig: Path) -> Cluster:
    config = json.loads(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    tls = ssl.create_default_context(cadata=authority)
    with NamedTemporaryFile() as pair:
        for entry in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[entry]))
        pair.flush()
        tls.load_cert_chain(pair.name)
    host, _, port = cluster["server"].removeprefix("https://").partition(":")
    return Cluster(host, int(port), tls)
