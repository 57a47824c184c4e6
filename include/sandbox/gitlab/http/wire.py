"""A complete answer as it goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Answer:
    """A complete answer."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """A header's value."""
        wanted = name.lower().encode()
        return next((value.decode() for key, value in self.headers if key.lower() == wanted), None)

    def add(self, headers: dict[str, str]) -> None:
        """Add headers."""
        self.headers += [(key.lower().encode(), value.encode("latin-1")) for key, value in headers.items()]
