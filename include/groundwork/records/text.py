"""Text from other systems, made fit to be stored. Pure."""

from __future__ import annotations

MESSAGE_LENGTH = 4000


def storable(message: str) -> str:
    """`message` without what Postgres cannot hold (NUL, lone surrogates), cut to `MESSAGE_LENGTH` characters.

    A failure whose message came garbled from another system must still be recorded.
    """
    text = message.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= MESSAGE_LENGTH else text[: MESSAGE_LENGTH - 1] + "…"
