"""An S3 server in this process: moto's, which keeps what it is given for as long as it runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    # One that fails is to fail soon.
    "AWS_MAX_ATTEMPTS": "1",
}


class ObjectStore:
    """A bucket of its own. An upload to a path that ends with `broken` is cut off."""

    def __init__(self) -> None:
        self.bucket = f"backups-{uuid4().hex[:8]}"
        self.broken: str | None = None
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._s3 = DomainDispatcherApplication(create_backend_app)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/groundwork"

    def objects(self) -> dict[str, bytes]:
        """Content of every object in the bucket, by its key."""
        found = self._client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {item["Key"]: self._content(item["Key"]) for item in found}

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            self._client.create_bucket(Bucket=self.bucket)
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @property
    def _client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.url)

    def _content(self, key: str) -> bytes:
        body: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        is_upload = environ["REQUEST_METHOD"] in ("PUT", "POST")
        if is_upload and self.broken and environ["PATH_INFO"].endswith(self.broken):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return self._s3(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A running one, whose address and credentials the environment holds, as S3's drivers look for them."""
    made = ObjectStore()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**_ENVIRONMENT, "AWS_ENDPOINT_URL": made.url}.items():
            patch.setenv(name, value)
        with made.running():
            yield made
