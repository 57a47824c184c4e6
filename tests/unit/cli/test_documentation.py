"""What the documents say of settings, exit codes and requests is what the code does."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from groundwork import errors
from groundwork.cli.output import FAILED, INTERRUPTED, TRY_AGAIN, WRONG_USE
from groundwork.model.request import parse_request
from groundwork.settings import Settings

CLONE = Path(__file__).parents[3]
README = (CLONE / "README.md").read_text()
OPERATIONS = (CLONE / "docs" / "operations.md").read_text()
API = (CLONE / "docs" / "api.md").read_text()


def row(name: str, field: FieldInfo) -> str:
    default = field.default
    shown = "" if default in (None, (), PydanticUndefined) else f"`{default}`"
    return f"| `GROUNDWORK_{name.upper()}` | {shown} | {field.description} |"


def test_the_table_of_settings_is_complete_and_true() -> None:
    documented = [line for line in OPERATIONS.splitlines() if line.startswith("| `GROUNDWORK_")]

    assert documented == [row(name, field) for name, field in Settings.model_fields.items()]


def test_every_exit_code_is_explained() -> None:
    for code in (0, FAILED, WRONG_USE, TRY_AGAIN, INTERRUPTED):
        assert re.search(rf"^\| {code} \|", README, re.MULTILINE), code


def test_every_reason_of_an_error_is_explained() -> None:
    reasons = {
        item.reason
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, errors.GroundworkError)
    } - {errors.WaitingError.reason}

    assert {reason for reason in reasons if f"`{reason}`" not in OPERATIONS} == set()


@pytest.mark.parametrize("text", [README, API], ids=["README.md", "docs/api.md"])
def test_the_examples_are_valid_requests(text: str) -> None:
    bodies: list[dict[str, Any]] = [
        json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", text, re.DOTALL)
    ]
    requests = [body["conf"] for body in bodies if "conf" in body]

    assert requests
    for request in requests:
        parse_request(request)


def test_documents_that_are_linked_exist() -> None:
    documents = [CLONE / "README.md", *(CLONE / "docs").glob("*.md")]
    missing = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
        if not Path(os.path.normpath(document.parent / target)).exists()
    ]

    assert missing == []
