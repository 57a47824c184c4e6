"""Files of a repository: read, create, update, delete, raw."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pygit2 import Blob, Commit, Repository
from starlette.responses import StreamingResponse

from sandbox.gitlab.api import committing
from sandbox.gitlab.errors import BadRequest, InvalidParameters, NotFound
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import Api, ApiRequest, answer, no_content
from sandbox.gitlab.repos import reading
from sandbox.gitlab.repos.writing import Action
from sandbox.gitlab.services import access
from sandbox.gitlab.store.tables import Project

router = APIRouter(prefix="/projects/{project_ref:segment}/repository/files")
READ_REPOSITORY = frozenset({"read_repository"})
_PIECE = 64 * 1024


class FileReading(Parameters):
    """Which version of a file."""

    ref: str | None = None


class FileWriting(Parameters):
    """A change of one file, as one commit."""

    branch: str = Field(min_length=1)
    commit_message: str = Field(min_length=1)
    start_branch: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    last_commit_id: str | None = None


class FileContent(FileWriting):
    """A file's new content."""

    content: str
    encoding: str = "text"
    execute_filemode: bool = False


class FileEntity(BaseModel):
    """A file's description; the content is added in Base64."""

    file_name: str
    file_path: str
    size: int
    encoding: str = "base64"
    content_sha256: str
    ref: str
    blob_id: str
    commit_id: str
    last_commit_id: str
    execute_filemode: bool


@router.get("/{file_path:segment}")
def get_file(
    api: ApiRequest, file_path: str, project_ref: str, wanted: Annotated[FileReading, Params(FileReading)]
) -> Response:
    """A file with its content."""
    with api.read(READ_REPOSITORY) as unit:
        project = access.readable_project(unit, project_ref)
    entity, blob, _ = _file(api, project, file_path, wanted.ref)
    headers = _headers(entity)
    if api.request.scope["state"].get("head"):
        return Response(status_code=200, headers=headers)
    content = base64.b64encode(blob.data).decode()
    return answer(entity.model_dump() | {"content": content}, headers=headers)


@router.get("/{file_path:segment}/raw")
def get_raw_file(
    api: ApiRequest, file_path: str, project_ref: str, wanted: Annotated[FileReading, Params(FileReading)]
) -> Response:
    """A file's bytes."""
    with api.read(READ_REPOSITORY) as unit:
        project = access.readable_project(unit, project_ref)
    entity, blob, _ = _file(api, project, file_path, wanted.ref or "HEAD")
    return StreamingResponse(_pieces(blob.data), media_type="text/plain", headers=_headers(entity))


@router.get("/{file_path:segment}/blame")
def get_blame(
    api: ApiRequest, file_path: str, project_ref: str, wanted: Annotated[FileReading, Params(FileReading)]
) -> Response:
    """Which commit wrote which lines."""
    with api.read(READ_REPOSITORY) as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        commit = reading.resolve(repo, wanted.ref or "", None)
        blob = reading.blob_at(commit, file_path) if commit else None
        if commit is None or blob is None:
            raise NotFound("File")
        lines = blob.data.decode("utf-8", "replace").splitlines()
        return answer(
            [
                {
                    "commit": {"id": str(hunk.final_commit_id)},
                    "lines": lines[hunk.final_start_line_number - 1 :][: hunk.lines_in_hunk],
                }
                for hunk in repo.blame(file_path, newest_commit=commit.id)
            ]
        )


@router.post("/{file_path:segment}")
def create_file(
    api: ApiRequest, file_path: str, project_ref: str, body: Annotated[FileContent, Params(FileContent)]
) -> Response:
    """Add a file."""
    return _write(api, project_ref, file_path, "create", body, 201)


@router.put("/{file_path:segment}")
def update_file(
    api: ApiRequest, file_path: str, project_ref: str, body: Annotated[FileContent, Params(FileContent)]
) -> Response:
    """Change a file."""
    return _write(api, project_ref, file_path, "update", body, 200)


@router.delete("/{file_path:segment}")
def delete_file(
    api: ApiRequest, file_path: str, project_ref: str, body: Annotated[FileWriting, Params(FileWriting)]
) -> Response:
    """Remove a file."""
    _commit(api, project_ref, body, Action("delete", file_path, last_commit_id=body.last_commit_id))
    return no_content()


def _write(api: Api, project_ref: str, file_path: str, kind: str, body: FileContent, status: int) -> Response:
    if body.encoding not in ("text", "base64"):
        raise InvalidParameters("encoding does not have a valid value")
    action = Action(
        kind,
        file_path,
        content=body.content,
        encoding=body.encoding,
        last_commit_id=body.last_commit_id,
        execute_filemode=body.execute_filemode,
    )
    _commit(api, project_ref, body, action)
    return answer({"file_path": file_path, "branch": body.branch}, status)


def _commit(api: Api, project_ref: str, body: FileWriting, action: Action) -> None:
    author = (body.author_name, body.author_email)
    refused = lambda: BadRequest(committing.NOT_ALLOWED)  # noqa: E731 - a refusal made only when needed
    committing.apply(
        api, project_ref, body.branch, body.start_branch, [action], body.commit_message, author, refused
    )


def _file(api: Api, project: Project, path: str, ref: str | None) -> tuple[FileEntity, Blob, Repository]:
    if ref is None:
        raise InvalidParameters("ref is missing")
    repo = api.server.storage.open(project.storage)
    commit = reading.resolve(repo, ref, project.default_branch)
    if commit is None:
        raise NotFound("Commit" if reading.has_branches(repo) else "File")
    blob = reading.blob_at(commit, path)
    if blob is None:
        raise NotFound("File")
    return _entity(repo, commit, blob, path, ref), blob, repo


def _entity(repo: Repository, commit: Commit, blob: Blob, path: str, ref: str) -> FileEntity:
    return FileEntity(
        file_name=path.rsplit("/", 1)[-1],
        file_path=path,
        size=blob.size,
        content_sha256=hashlib.sha256(blob.data).hexdigest(),
        ref=ref,
        blob_id=str(blob.id),
        commit_id=str(commit.id),
        last_commit_id=str(reading.last_commit_for(repo, commit, path).id),
        execute_filemode=reading.executable(commit, path),
    )


def _headers(entity: FileEntity) -> dict[str, str]:
    values = entity.model_dump()
    headers = {f"X-Gitlab-{key.replace('_', '-').title()}": str(value) for key, value in values.items()}
    return {key: value.encode("utf-8").decode("latin-1") for key, value in headers.items()}


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]
