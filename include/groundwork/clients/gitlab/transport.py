"""The connection to GitLab and what its errors mean. The only importer of python-gitlab and `requests`.

A 429 becomes `QuotaExceeded` with the pause GitLab asked for, and the caller's scheduler waits. Sources:
GitLab REST API docs ("Status codes", "Rate limits").
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gitlab
import requests
from gitlab.exceptions import GitlabError, GitlabParsingError

from groundwork.errors import (
    Conflict,
    GroundworkError,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Rejected,
    Unavailable,
)

_EXCERPT = 300
_TOKEN = re.compile(r"\bgl[a-z]+-[\w.-]{8,}")
# What GitLab refuses with while somebody else changes the same thing (GitLab docs, "409 Conflict").
_PASSING_CONFLICTS = ("Resource lock", "has been modified")


def connection(url: str, token: str, timeout: float) -> gitlab.Gitlab:
    """python-gitlab's client, without its own waiting: it neither sleeps at a limit nor repeats a call."""
    session = requests.Session()
    session.hooks["response"].append(_refuse_when_limited)
    return gitlab.Gitlab(url, private_token=token, timeout=timeout, session=session, keep_base_url=True)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turns what goes wrong in the block into our errors; `doing` says what was tried: `read group x`."""
    try:
        yield
    except GitlabParsingError as error:
        raise Unavailable(f"Could not {doing}: GitLab did not answer in JSON.") from error
    except GitlabError as error:
        raise _meaning(error, doing) from error
    except requests.RequestException as error:
        raise Unavailable(f"Could not {doing}: GitLab does not answer ({type(error).__name__}).") from error


def _refuse_when_limited(response: requests.Response, *_: Any, **__: Any) -> None:
    """Turn a 429 into our error here, where its headers are still known."""
    if response.status_code == 429:
        raise QuotaExceeded(
            "GitLab's rate limit is used up. It is tried again later.", pause(response.headers, time.time())
        )


def pause(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds GitLab asks to wait: `Retry-After`, or else until `RateLimit-Reset` (Unix time); None if it
    leaves the pace to the caller, as its limits per endpoint do."""
    retry_after, reset = headers.get("Retry-After", ""), headers.get("RateLimit-Reset", "")
    if retry_after.isdigit():
        return float(retry_after)
    return max(1.0, float(reset) - now) if reset.isdigit() else None


def _meaning(error: GitlabError, doing: str) -> GroundworkError:
    said = str(error.error_message)
    text = f"Could not {doing}: GitLab answered {error.response_code} {_scrubbed(said)}"
    match error.response_code:
        case 401 | 403:
            return NotAllowed(
                f"{text}. Check the token of Groundwork's GitLab connection and its user's role."
            )
        case 404:
            return NotFound(text)
        case 409 if any(sign in said for sign in _PASSING_CONFLICTS):
            return Unavailable(text)
        case 409:
            return Conflict(text)
        case 400 if "has already been taken" in said:
            return Conflict(text)
        case 400 | 405 | 406 | 412 | 422:
            return Rejected(text)
        case _:
            return Unavailable(text)


def _scrubbed(text: str) -> str:
    return _TOKEN.sub("[token]", text)[:_EXCERPT]
