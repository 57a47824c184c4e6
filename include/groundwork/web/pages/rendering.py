"""Templates and what they may call. The one importer of Jinja in the web app; everything is escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from groundwork.web import access
from groundwork.web.context import PREFIX, Context
from groundwork.web.problems import ProblemDetails

_TEMPLATES = Path(__file__).parents[1] / "templates"
_CODE = re.compile(r"`([^`]+)`")
_AGES = ((86400, "d"), (3600, "h"), (60, "min"))


def page(context: Context, name: str, **values: Any) -> HTMLResponse:
    """The template `name` as a page for the caller."""
    return HTMLResponse(
        _environment.get_template(name).render(
            root=context.root, base=f"{context.root}{PREFIX}", here=name, context=context, **values
        )
    )


def problem_page(
    request: Request, details: ProblemDetails, headers: dict[str, str] | None = None
) -> HTMLResponse:
    """A problem for people; who is not logged in is led to Airflow's login."""
    mounted: str = request.scope.get("root_path", "")
    login = None
    if details.status == HTTPStatus.UNAUTHORIZED:
        login = access.login_url(str(request.url.path))
    html = _environment.get_template("problem.html").render(
        root=mounted.removesuffix(PREFIX), base=mounted, here="", problem=details, login=login
    )
    return HTMLResponse(html, details.status, headers)


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in its largest unit. Pure, given `now`."""
    if moment is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, unit in _AGES:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} s ago"


def duration(seconds: float | None) -> str:
    """A span of time for people. Pure."""
    if seconds is None:
        return "none yet"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def outside(url: str | None) -> str:
    """`url` if it may be a link: a web address and nothing that runs. Pure."""
    return url if url and urlsplit(url).scheme in ("http", "https") else ""


def coded(text: str) -> Markup:
    """Help as the models write it: what stands between backticks is code. Pure."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def _part(text: str) -> str:
    return quote(str(text), safe="")


_environment = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(age=age, coded=coded, duration=duration, outside=outside, part=_part)
