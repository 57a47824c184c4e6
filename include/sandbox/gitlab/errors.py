"""The answers that refuse: one class per cause, in GitLab's two body shapes.

GitLab answers most refusals as `{"message": ...}`; its parameter layer (Grape) and the token guard
answer `{"error": ...}`. Clients meet both, so both are kept apart here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class ApiError(Exception):
    """An answer other than success: `status` and the JSON `body` to send."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


class NotFound(ApiError):
    """The object does not exist, or the caller may not know that it does."""

    def __init__(self, what: str = "") -> None:
        text = f"404 {what} Not Found" if what else "404 Not Found"
        super().__init__(404, {"message": text})


class Unauthorized(ApiError):
    """No token, or one that the server does not know."""

    def __init__(self) -> None:
        super().__init__(401, {"message": "401 Unauthorized"})


class TokenUnusable(ApiError):
    """A known token that has expired or was revoked."""

    def __init__(self, description: str) -> None:
        super().__init__(401, {"error": "invalid_token", "error_description": description})


class InsufficientScope(ApiError):
    """The token lacks every scope that would allow the request."""

    def __init__(self, accepted: str) -> None:
        super().__init__(
            403,
            {
                "error": "insufficient_scope",
                "error_description": (
                    "The request requires higher privileges than provided by the access token."
                ),
                "scope": accepted,
            },
        )


class Forbidden(ApiError):
    """The caller may see the object but not do this to it."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(403, {"message": f"403 Forbidden - {reason}" if reason else "403 Forbidden"})


class BadRequest(ApiError):
    """A request that makes no sense in the present state. `message` is text, a list or a field map."""

    def __init__(self, message: Any) -> None:
        super().__init__(400, {"message": message})


class InvalidFields(BadRequest):
    """Fields that break a rule: `{"path": ["has already been taken"]}`."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__(fields)
        self.fields = fields


class InvalidParameters(ApiError):
    """Parameters that are missing or of the wrong type, in Grape's shape."""

    def __init__(self, problems: str) -> None:
        super().__init__(400, {"error": problems})


class NotAllowed(ApiError):
    """The method cannot be applied to this object now (405)."""

    def __init__(self, message: str = "405 Method Not Allowed") -> None:
        super().__init__(405, {"message": message})


class Conflict(ApiError):
    """The object exists already or changed meanwhile (409)."""

    def __init__(self, message: Any) -> None:
        super().__init__(409, {"message": message})


class Unprocessable(ApiError):
    """A well-formed request whose values cannot be used (422)."""

    def __init__(self, message: Any) -> None:
        super().__init__(422, {"message": message})


class Moved(ApiError):
    """The object lives at another address since a rename or transfer (301)."""

    def __init__(self, location: str) -> None:
        super().__init__(301, {"message": "This resource has been moved permanently"}, {"Location": location})


class EndpointLimited(ApiError):
    """One endpoint was used too often (429); GitLab 18.5 sends no `Retry-After` with this kind."""

    def __init__(self) -> None:
        text = "This endpoint has been requested too many times. Try again later."
        super().__init__(429, {"message": {"error": text}})


class StateInUse(Exception):
    """Another server runs on the same state folder. Stop it first, or choose another folder."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(f"{state_dir} is in use by another server: stop it first or choose another folder")
