"""The examples of docs/templates.md are true."""

from __future__ import annotations

import json
import re
from pathlib import Path

from groundwork.catalog import check_answers, get_template

TEXT = (Path(__file__).parents[3] / "docs" / "templates.md").read_text()


def example(language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[number]


def test_the_example_request_is_accepted() -> None:
    request = json.loads(example("json"))
    check_answers(get_template(request["template_id"]), request["template_answers"])


def test_the_example_template_is_accepted(tmp_path: Path) -> None:
    folder = tmp_path / "batch-job"
    folder.mkdir()
    (folder / "template.yaml").write_text(example("yaml", 0))
    (folder / "copier.yml").write_text(example("yaml", 1))
    template = get_template("batch-job", tmp_path)
    assert template.source == "https://git.example.com/templates/batch-job.git"
    assert check_answers(template, {"batch_size": 7}) == {"batch_size": 7}
