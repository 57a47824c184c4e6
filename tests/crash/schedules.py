"""Which faults strike a run, and when: drawn by Hypothesis, played as scripts of the wire."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from sandbox.gitlab.faults import FaultClient

from .run import Place
from .wire import Action, Channel, Do, Event, Script

PAUSE = 7
"""Seconds the answers ask to wait that ask for a pause."""


def _answer(status: str, kind: str, body: str, *headers: str) -> Action:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return Action(Do.ANSWER, answer="\r\n".join([*head, "Connection: close", "", body]).encode())


def _status(code: int, reason: str, *headers: str) -> Action:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "code": code}
    return _answer(f"{code} {reason}", "application/json", json.dumps(body), *headers)


_ASKED = f"Retry-After: {PAUSE}"
_BROKEN = {
    "cut before": Action(Do.CUT),
    "cut after": Action(Do.CUT, after=True),
    "kill before": Action(Do.KILL),
    "kill after": Action(Do.KILL, after=True),
}
_SILENT = {
    "silent before": Action(Do.SILENCE),
    "silent after": Action(Do.SILENCE, after=True),
}
_HTML = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body>\r\n</html>\r\n"
# GitLab's two limiters: Rack::Attack answers in text, a single endpoint's limit in JSON.
_LIMITED = '{"message":{"error":"This endpoint has been requested too many times. Try again later."}}'
KINDS: dict[Channel, dict[str, Action]] = {
    Channel.GITLAB: {
        "429 text": _answer("429 Too Many Requests", "text/plain", "Retry later\n"),
        "429 text with pause": _answer("429 Too Many Requests", "text/plain", "Retry later\n", _ASKED),
        "429 json": _answer("429 Too Many Requests", "application/json", _LIMITED),
        "429 json with pause": _answer("429 Too Many Requests", "application/json", _LIMITED, _ASKED),
        "500": _answer(
            "500 Internal Server Error", "application/json", '{"message":"500 Internal Server Error"}'
        ),
        "502 html": _answer("502 Bad Gateway", "text/html", _HTML),
        "401": _answer("401 Unauthorized", "application/json", '{"message":"401 Unauthorized"}'),
        **_BROKEN,
        **_SILENT,
    },
    Channel.GIT: {
        "429 text": _answer("429 Too Many Requests", "text/plain", "Retry later\n"),
        "502 html": _answer("502 Bad Gateway", "text/html", _HTML),
        **_BROKEN,
        **_SILENT,
    },
    Channel.KUBERNETES: {
        "429 with pause": _status(429, "Too Many Requests", _ASKED),
        "500": _status(500, "Internal Server Error"),
        "503": _status(503, "Service Unavailable"),
        "403": _status(403, "Forbidden"),
        **_BROKEN,
        **_SILENT,
    },
    Channel.POSTGRES: _BROKEN,
}
# How many events a run has at least, of all and of those that change something: where a fault may strike.
_EVENTS = {Channel.GITLAB: 22, Channel.GIT: 6, Channel.KUBERNETES: 40, Channel.POSTGRES: 400}
_CHANGES = {Channel.GITLAB: 2, Channel.GIT: 1, Channel.KUBERNETES: 9, Channel.POSTGRES: 40}
LASTING = ("401", "403")
"""What no retry heals."""
SWITCHES = ("git_reject", "git_cut", "git_lose_answer")
"""The GitLab server's own faults of a push."""


@dataclass(frozen=True)
class Fault:
    """Strikes the `nth` event of its channel in a run; of only those that change something, if `changes`."""

    channel: Channel
    kind: str
    nth: int
    changes: bool

    @property
    def action(self) -> Action:
        return KINDS[self.channel][self.kind]


@dataclass(frozen=True)
class Schedule:
    """What strikes one run. `twin` is what strikes a second one for the same slug at the same time."""

    environments: tuple[str, ...]
    faults: tuple[Fault, ...]
    push: str | None = None
    twin: tuple[Fault, ...] | None = None

    @contextmanager
    def switched(self, control: FaultClient, slug: str) -> Iterator[None]:
        """The GitLab server's fault set for this project alone: every push refused, or the first one cut."""
        with ExitStack() as stack:
            if self.push:
                path, times = f"/{slug}.git/git-receive-pack", None if self.push == "git_reject" else 1
                stack.enter_context(
                    control.fault(kind=self.push, method="POST", path=path, times=times, after_bytes=100)
                )
            yield


@dataclass
class Player:
    """Plays faults to one run: counts its events over all its processes, and keeps what struck each try."""

    faults: tuple[Fault, ...]
    seen: Counter[tuple[Channel, bool]] = field(default_factory=Counter)
    struck: dict[Place, list[Fault]] = field(default_factory=dict)

    def __call__(self, place: Place) -> Script:
        return lambda event: self._verdict(place, event)

    @property
    def right_ends(self) -> set[str]:
        """How the run may end. Only what no retry heals fails it; and a try that another fault struck as well
        may have ended by that one, and the next try went well."""
        lasting = [tried for tried in self.struck.values() if any(fault.kind in LASTING for fault in tried)]
        if any(len(tried) == 1 for tried in lasting):
            return {"failed"}
        return {"failed", "success"} if lasting else {"success"}

    def _verdict(self, place: Place, event: Event) -> Action:
        self.seen[event.channel, False] += 1
        self.seen[event.channel, True] += event.mutates
        for fault in self.faults:
            due = self.seen[fault.channel, fault.changes] == fault.nth
            if fault.channel is event.channel and due and (event.mutates or not fault.changes):
                self.struck.setdefault(place, []).append(fault)
                return fault.action
        return Action()


@st.composite
def faults(draw: Callable[..., Any]) -> Fault:
    """One fault at a moment every run has."""
    channel = draw(st.sampled_from(Channel))
    changes = draw(st.booleans())
    return Fault(
        channel,
        draw(st.sampled_from(sorted(KINDS[channel]))),
        draw(st.integers(1, (_CHANGES if changes else _EVENTS)[channel])),
        changes,
    )


@st.composite
def schedules(draw: Callable[..., Any]) -> Schedule:
    """Up to three faults of a run, now and then with a push that goes wrong, or a second run at once."""
    several = st.lists(faults(), max_size=3).map(tuple)
    return Schedule(
        environments=draw(st.sampled_from([("dev",), ("dev",), ("dev",), ("dev", "prod")])),
        faults=draw(several),
        push=draw(st.sampled_from([None, None, None, None, *SWITCHES])),
        twin=draw(st.one_of(st.none(), st.none(), st.none(), st.none(), st.none(), several)),
    )
