"""uvicorn's HTTP protocol, handing each request its connection so that a fault can reset it."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class AbortableProtocol(HttpToolsProtocol):
    """As its base; the transport is found in `scope["extensions"]["sandbox.transport"]`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"sandbox.transport": self.transport}  # type: ignore[dict-item]
