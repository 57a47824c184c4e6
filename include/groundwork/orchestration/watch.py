"""One watch per cluster and kind, shared by every waiting trigger of a triggerer process.

The watch is supervised: after any error it lists again and goes on, counting its restarts; it never ends
while somebody is subscribed. Waiters are only *told* that something changed: what they decide on is the
latest object, and each of them also looks by itself at a slow pace, so none depends on the watch alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from groundwork.clients.kubernetes_watch import (
    GIT_REPOSITORY,
    KUSTOMIZATION,
    Client,
    FluxKind,
    Object,
    WatchExpired,
    list_objects,
    read_object,
    watch_objects,
)
from groundwork.errors import TemporaryError

Connect = Callable[[], AbstractAsyncContextManager[Client]]

_SESSION_SECONDS = 300
_LONGEST_PAUSE = 15.0
_log = logging.getLogger(__name__)


class Feed:
    """What one waiter sees: the two objects of its name in its namespace, and whether they changed."""

    def __init__(self, watch: FluxWatch, namespace: str, name: str) -> None:
        self._watch = watch
        self.key = (namespace, name)
        self._changed = asyncio.Event()

    def notify(self) -> None:
        self._changed.set()

    def latest(self) -> tuple[Object | None, Object | None]:
        """GitRepository and Kustomization as the watch last saw them."""
        return self._watch.seen(GIT_REPOSITORY, self.key), self._watch.seen(KUSTOMIZATION, self.key)

    async def read(self) -> tuple[Object | None, Object | None]:
        """Both objects, read now, without the watch. Raises `Unavailable`."""
        return await self._watch.read(self.key)

    async def change(self, seconds: float) -> bool:
        """Wait until something changed; False when nothing did for `seconds`."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class FluxWatch:
    """Follows all of Groundwork's Flux objects in one cluster while anybody is subscribed."""

    def __init__(self, name: str, connect: Connect, selector: str) -> None:
        self.restarts = 0
        self._name = name
        self._connect = connect
        self._selector = selector
        self._objects: dict[FluxKind, dict[tuple[str, str], Object]] = {GIT_REPOSITORY: {}, KUSTOMIZATION: {}}
        self._feeds: dict[tuple[str, str], set[Feed]] = defaultdict(set)
        self._tasks: list[asyncio.Task[None]] = []

    def seen(self, kind: FluxKind, key: tuple[str, str]) -> Object | None:
        return self._objects[kind].get(key)

    async def read(self, key: tuple[str, str]) -> tuple[Object | None, Object | None]:
        async with self._connect() as client:
            return (
                await read_object(client, GIT_REPOSITORY, *key),
                await read_object(client, KUSTOMIZATION, *key),
            )

    @asynccontextmanager
    async def subscribe(self, namespace: str, name: str) -> AsyncIterator[Feed]:
        """A feed for one project's environment; the watch runs while there is at least one."""
        feed = Feed(self, namespace, name)
        self._feeds[feed.key].add(feed)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._follow(kind)) for kind in self._objects]
        try:
            yield feed
        finally:
            self._feeds[feed.key].discard(feed)
            if not self._feeds[feed.key]:
                del self._feeds[feed.key]
            if not self._feeds:
                await self._stop()

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        for objects in self._objects.values():
            objects.clear()

    async def _follow(self, kind: FluxKind) -> None:
        pause = 0.0
        while True:
            try:
                await self._session(kind)
                pause = 0.0
            except WatchExpired:
                pause = 0.0
            except Exception as error:  # whatever happens, the waiters need a watch
                self.restarts += 1
                pause = min(_LONGEST_PAUSE, pause * 2 or 0.5)
                expected = isinstance(error, TemporaryError)
                _log.warning(
                    "Watch on %s of cluster %s failed (%s); restart %d in %.1f s",
                    kind.plural,
                    self._name,
                    error,
                    self.restarts,
                    pause,
                    exc_info=None if expected else error,
                )
            await asyncio.sleep(pause)

    async def _session(self, kind: FluxKind) -> None:
        """List, then watch for a while; a new session also renews short-lived credentials."""
        async with self._connect() as client:
            items, version = await list_objects(client, kind, self._selector)
            self._replace(kind, items)
            async for event, item in watch_objects(client, kind, self._selector, version, _SESSION_SECONDS):
                self._take(kind, event, item)

    def _replace(self, kind: FluxKind, items: list[Object]) -> None:
        self._objects[kind] = {_key(item): item for item in items}
        for feeds in self._feeds.values():
            for feed in feeds:
                feed.notify()

    def _take(self, kind: FluxKind, event: str, item: Object) -> None:
        key = _key(item)
        if event == "DELETED":
            self._objects[kind].pop(key, None)
        else:
            self._objects[kind][key] = item
        for feed in self._feeds.get(key, ()):
            feed.notify()


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
