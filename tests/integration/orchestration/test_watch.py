"""The shared watch on a real API server: one for all waiters, and it survives what happens to the server."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, Configuration

from groundwork.orchestration.watch import Feed, FluxWatch
from groundwork.resources.ownership import SELECTOR

PATIENCE = 60.0


class Cluster:
    """A namespace of its own on the sandbox's control plane, and connections that can be counted."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox
        self.namespace = f"watch-{uuid4().hex[:8]}"
        self.connections = 0
        self.kubectl("create", "namespace", self.namespace)

    def kubectl(self, *arguments: str, stdin: dict[str, Any] | None = None) -> None:
        command = [self._sandbox.kubectl, "--kubeconfig", self._sandbox.kubeconfig, *arguments]
        subprocess.run(command, check=True, capture_output=True, input=json.dumps(stdin or {}).encode())

    def apply(self, name: str, *, labelled: bool = True, interval: str = "10m") -> None:
        """A suspended GitRepository, so that Flux leaves it alone."""
        labels = {"app.kubernetes.io/managed-by": "groundwork"} if labelled else {}
        manifest = {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
            "spec": {"url": "https://gitlab.test/x.git", "interval": interval, "suspend": True},
        }
        self.kubectl("apply", "-f", "-", stdin=manifest)

    def delete(self, name: str) -> None:
        self.kubectl("delete", "gitrepository", name, "-n", self.namespace)

    def connect(self) -> AbstractAsyncContextManager[ApiClient]:
        @asynccontextmanager
        async def client() -> AsyncIterator[ApiClient]:
            configuration = Configuration()
            await config.load_kube_config(
                self._sandbox.product_kubeconfig, client_configuration=configuration
            )
            self.connections += 1
            async with ApiClient(configuration) as api:
                yield api

        return client()

    def watch(self) -> FluxWatch:
        return FluxWatch("test", self.connect, SELECTOR)


@pytest.fixture(scope="module")
def sandbox_cluster(own_sandbox: Callable[[str], Any]) -> Any:
    """A control plane of its own, because its API server is killed."""
    made = own_sandbox("watch")
    made.up(["control-plane"])
    return made


@pytest.fixture
def cluster(sandbox_cluster: Any) -> Iterator[Cluster]:
    made = Cluster(sandbox_cluster)
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")


async def until(feed: Feed, condition: Callable[[], bool]) -> None:
    """Wait for notifications until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await feed.change(PATIENCE)


def interval(feed: Feed) -> str | None:
    source, _ = feed.latest()
    return source["spec"]["interval"] if source else None


def test_a_waiter_sees_objects_come_change_and_go(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with cluster.watch().subscribe(cluster.namespace, "shop") as feed:
            await asyncio.to_thread(cluster.apply, "shop")
            await until(feed, lambda: interval(feed) == "10m")
            await asyncio.to_thread(cluster.apply, "shop", interval="20m")
            await until(feed, lambda: interval(feed) == "20m")
            await asyncio.to_thread(cluster.delete, "shop")
            await until(feed, lambda: interval(feed) is None)

    asyncio.run(scenario())


def test_objects_that_are_not_groundworks_are_not_watched(cluster: Cluster) -> None:
    async def scenario() -> None:
        cluster.apply("theirs", labelled=False)
        async with (
            (watch := cluster.watch()).subscribe(cluster.namespace, "theirs") as theirs,
            watch.subscribe(cluster.namespace, "ours") as ours,
        ):
            await asyncio.to_thread(cluster.apply, "ours")
            await until(ours, lambda: interval(ours) == "10m")
            assert theirs.latest() == (None, None)

    asyncio.run(scenario())


def test_many_waiters_share_one_connection_per_kind(cluster: Cluster) -> None:
    async def wait(watch: FluxWatch, number: int) -> None:
        async with watch.subscribe(cluster.namespace, f"shop-{number % 3}") as feed:
            await until(feed, lambda: interval(feed) == "10m")

    async def scenario() -> None:
        watch = cluster.watch()
        waiters = [asyncio.create_task(wait(watch, number)) for number in range(200)]
        await asyncio.sleep(0)
        for number in range(3):
            await asyncio.to_thread(cluster.apply, f"shop-{number}")
        await asyncio.gather(*waiters)

    asyncio.run(scenario())
    assert cluster.connections == 2


def test_the_watch_ends_with_its_last_waiter_and_starts_with_the_next(cluster: Cluster) -> None:
    async def scenario() -> None:
        watch = cluster.watch()
        cluster.apply("shop")
        for _ in range(2):
            async with watch.subscribe(cluster.namespace, "shop") as feed:
                await until(feed, lambda: interval(feed) == "10m")
            assert feed.latest() == (None, None)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


def test_it_goes_on_after_the_api_server_was_killed(cluster: Cluster, sandbox_cluster: Any) -> None:
    async def scenario() -> None:
        watch = cluster.watch()
        async with watch.subscribe(cluster.namespace, "shop") as feed:
            await asyncio.to_thread(cluster.apply, "shop")
            await until(feed, lambda: interval(feed) == "10m")
            sandbox_cluster.signal("kube-apiserver", "KILL")
            await asyncio.to_thread(sandbox_cluster.wait_healthy, "kube-apiserver")
            await asyncio.to_thread(cluster.apply, "shop", interval="20m")
            await until(feed, lambda: interval(feed) == "20m")
            assert watch.restarts >= 1

    asyncio.run(scenario())


def test_a_bug_in_it_is_survived_and_counted(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object nobody expected must not leave every waiter waiting for ever."""

    async def scenario() -> None:
        watch = cluster.watch()
        take, broken = watch._take, iter([True])

        def break_once(*arguments: Any) -> None:
            if next(broken, False):
                raise KeyError("lastAppliedRevision")
            take(*arguments)

        monkeypatch.setattr(watch, "_take", break_once)
        async with watch.subscribe(cluster.namespace, "shop") as feed:
            await feed.change(PATIENCE)
            await asyncio.to_thread(cluster.apply, "shop")
            await until(feed, lambda: interval(feed) == "10m")
            assert watch.restarts == 1

    asyncio.run(scenario())


def test_a_waiter_can_look_for_itself(cluster: Cluster) -> None:
    async def scenario() -> None:
        cluster.apply("shop")
        async with cluster.watch().subscribe(cluster.namespace, "shop") as feed:
            source, kustomization = await feed.read()
            assert source is not None
            assert source["spec"]["interval"] == "10m"
            assert kustomization is None

    asyncio.run(scenario())
