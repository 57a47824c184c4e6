"""The pages: all repositories, one repository, a folder, a file, a commit.

Private repositories are shown too when the server listens for its own machine only, because there
is no sign-in page; anywhere else they say that signing in is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import FastAPI, Response
from jinja2 import Environment, PackageLoader
from pygit2 import Repository
from sqlalchemy import select
from starlette.responses import HTMLResponse

from sandbox.gitlab.entities.repository import differences, title_of
from sandbox.gitlab.repos import reading
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Caller, Server, Unit
from sandbox.gitlab.store.tables import Project

_LARGEST_SHOWN = 512 * 1024
_COMMITS = 10
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_site(server: Server) -> FastAPI:
    """The pages as an application of their own."""
    site = FastAPI(openapi_url=None, redirect_slashes=False)
    pages = _Pages(server)

    @site.get("/")
    def start() -> Response:
        return pages.start()

    @site.get("/{path:path}")
    def page(path: str) -> Response:
        return pages.page(unquote(path).strip("/"))

    return site


class _Pages:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._open = urlsplit(server.url).hostname in _LOOPBACK
        self._templates = Environment(
            loader=PackageLoader("sandbox.gitlab.pages"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["segment"] = lambda text: quote(text, safe="/")

    def start(self) -> Response:
        """All repositories."""
        with self._server.database.read() as db:
            rows = db.execute(select(Project).order_by(Project.last_activity_at.desc())).scalars().unique()
            shown = [{"path": routing.project_path(db, row), "row": row} for row in rows if self._shown(row)]
        return self._render("start.html", projects=shown)

    def page(self, path: str) -> Response:
        """A repository's page, or one inside it."""
        address, _, inside = path.partition("/-/")
        with self._server.database.read() as db:
            unit = Unit(db, self._server, Caller())
            try:
                project = routing.project_by_path(unit, address)
            except routing.MovedProject as moved:
                project = db.get(Project, moved.project_id)
            if project is None:
                return self._render("message.html", 404, text="There is no repository at this address.")
            if not self._shown(project):
                return self._render("message.html", 401, text="Sign-in is needed to see this repository.")
            values = {"project": project, "path": routing.project_path(db, project), "url": self._server.url}
        return self._inside(project, inside, values)

    def _inside(self, project: Project, inside: str, values: dict[str, Any]) -> Response:
        repo = self._server.storage.open(project.storage)
        kind, _, rest = inside.partition("/")
        views: dict[str, Callable[[Repository, Project, str, dict[str, Any]], Response]] = {
            "": self._folder,
            "tree": self._folder,
            "blob": self._file,
            "commit": self._commit,
            "commits": self._commits,
        }
        view = views.get(kind)
        if view is None:
            return self._render("message.html", 404, text="There is no such page in this sandbox.")
        return view(repo, project, rest, values)

    def _folder(self, repo: Repository, project: Project, rest: str, values: dict[str, Any]) -> Response:
        ref, folder = _ref_and_path(repo, rest or project.default_branch or "")
        commit = reading.resolve(repo, ref, project.default_branch)
        if commit is None:
            return self._render("repository.html", commit=None, entries=[], commits=[], **values)
        tree = reading.tree_at(commit, folder)
        if tree is None:
            return self._render("message.html", 404, text="There is no such folder.")
        readme = next((entry for entry in tree if (entry.name or "").lower().startswith("readme")), None)
        text = _text(getattr(readme, "data", None))
        return self._render(
            "repository.html",
            commit=commit,
            ref=ref,
            folder=folder,
            entries=list(reading.listing(tree, folder, False)),
            branches=reading.branch_names(repo),
            readme=text,
            commits=_rows(islice(reading.log(repo, commit), _COMMITS)),
            **values,
        )

    def _file(self, repo: Repository, project: Project, rest: str, values: dict[str, Any]) -> Response:
        ref, path = _ref_and_path(repo, rest)
        commit = reading.resolve(repo, ref, project.default_branch)
        blob = reading.blob_at(commit, path) if commit is not None else None
        if blob is None:
            return self._render("message.html", 404, text="There is no such file.")
        return self._render("file.html", ref=ref, file=path, text=_text(blob.data), size=blob.size, **values)

    def _commits(self, repo: Repository, project: Project, rest: str, values: dict[str, Any]) -> Response:
        commit = reading.resolve(repo, rest or None, project.default_branch)
        rows = _rows(islice(reading.log(repo, commit), 100)) if commit is not None else []
        return self._render("commits.html", ref=rest or project.default_branch, commits=rows, **values)

    def _commit(self, repo: Repository, project: Project, rest: str, values: dict[str, Any]) -> Response:
        commit = reading.resolve(repo, rest, project.default_branch)
        if commit is None:
            return self._render("message.html", 404, text="There is no such commit.")
        parent = commit.parents[0] if commit.parents else None
        changes = differences(reading.difference(parent, commit))
        return self._render("commit.html", commit=commit, changes=changes, **values)

    def _shown(self, project: Project) -> bool:
        return self._open or project.visibility == "public"

    def _render(self, name: str, status: int = 200, **values: Any) -> Response:
        headers = {
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
        }
        return HTMLResponse(self._templates.get_template(name).render(**values), status, headers)


def _ref_and_path(repo: Repository, rest: str) -> tuple[str, str]:
    """Branch names may hold slashes: the longest leading part that is a ref counts."""
    parts = rest.split("/")
    for length in range(len(parts), 0, -1):
        ref = "/".join(parts[:length])
        if reading.resolve(repo, ref, None) is not None:
            return ref, "/".join(parts[length:])
    return parts[0], "/".join(parts[1:])


def _text(data: bytes | None) -> str | None:
    if data is None or len(data) > _LARGEST_SHOWN or b"\0" in data[:8000]:
        return None
    return data.decode("utf-8", "replace")


def _rows(commits: Any) -> list[dict[str, str]]:
    return [{"id": str(row.id), "title": title_of(row.message), "author": row.author.name} for row in commits]
