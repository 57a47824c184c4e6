"""A small client of the server's admin API: set faults, read the journal, set limits.

```python
with FaultClient(url, token) as control, control.fault(kind="internal_error", path="/projects$", nth=[1]):
    ...  # the first call of that path answers 500
```
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import httpx

from sandbox.gitlab.faults.engine import Fault
from sandbox.gitlab.faults.journal import Entry


class FaultClient:
    """Speaks to `/-/sandbox` of the server at `url` with an administrator's token."""

    def __init__(self, url: str, token: str, timeout: float = 30) -> None:
        headers = {"PRIVATE-TOKEN": token}
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/-/sandbox", headers=headers, timeout=timeout)

    def __enter__(self) -> FaultClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. Switches stay set."""
        self._http.close()

    def add(self, **fault: Any) -> Fault:
        """Set a switch; the fields are those of `Fault`."""
        answer = self._call("POST", "/faults", Fault(**fault).model_dump(exclude={"id", "seen", "struck"}))
        return Fault.model_validate(answer)

    def faults(self) -> list[Fault]:
        """All switches with how often they were met (`seen`) and struck (`struck`)."""
        return [Fault.model_validate(item) for item in self._call("GET", "/faults")]

    def remove(self, fault_id: str) -> None:
        """Take one switch away."""
        self._call("DELETE", f"/faults/{fault_id}")

    def clear(self) -> None:
        """Take all switches away."""
        self._call("DELETE", "/faults")

    @contextmanager
    def fault(self, **fault: Any) -> Iterator[Fault]:
        """A switch for the length of a `with` block."""
        made = self.add(**fault)
        try:
            yield made
        finally:
            self.remove(made.id)

    def journal(self, after: int = 0) -> list[Entry]:
        """Requests seen since number `after`, oldest first."""
        return [Entry.model_validate(item) for item in self._call("GET", f"/journal?after={after}")]

    def clear_journal(self) -> None:
        """Forget the requests so far."""
        self._call("DELETE", "/journal")

    def set_limits(self, **limits: Any) -> None:
        """Replace the rate limits and quotas; fields not given return to their defaults."""
        self._call("PUT", "/limits", limits)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None
