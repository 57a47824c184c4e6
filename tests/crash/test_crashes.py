"""x"""
from __future__ import annotations
import asyncio, time
from .run import Run
from .wire import Action

def test_plain(systems, server, new_request):
    t=time.monotonic()
    run = asyncio.run(Run(server, systems, new_request("dev"), lambda place: lambda event: Action()).complete())
    print(run.states, run.state)
    for tr in run.tries: print(tr.place, tr.error, sum(e.mutates for e in tr.events), len(tr.events), [f"{e.what}" for e in tr.events if e.mutates])
    print(time.monotonic()-t)
    assert run.state=="success"
