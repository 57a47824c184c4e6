"""Answers: what is accepted, what is refused and how it is said, and the schema that describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.catalog import (
    RenderContext,
    Template,
    answers_schema,
    check_answers,
    get_template,
    list_templates,
)
from groundwork.errors import InvalidRequest, Misconfigured

CONTEXT = RenderContext(
    project_id=UUID(int=1),
    slug="billing",
    name="Billing",
    organization="platform",
    repository="https://git.example.com/platform/billing.git",
    default_branch="main",
    namespaces={"dev": "project-billing-dev", "prod": "project-billing-prod"},
)
TEMPLATES = {template.id: template for template in list_templates()}
DIGEST = "sha256:" + "a" * 64

ACCEPTED: dict[str, dict[str, list[Any]]] = {
    "web-service": {
        "image": [
            "nginx:1.29",
            "registry.k8s.io/pause:3.10",
            "localhost:5000/team/app_x:v1",
            f"app@{DIGEST}",
            f"r.io/a/b:1@{DIGEST}",
        ],
        "port": [1024, 65535],
        "health_path": ["/", "/healthz", "/a/b-c_d.e~f"],
        "replicas": [1, 50],
        "environment_replicas": [{}, {"dev": 1, "prod": 50}],
        "cpu_request": ["1m", "500m"],
        "cpu_limit": ["50m", "2"],
        "memory": ["1Mi", "64Gi"],
        "run_as_user": [1, 2147483647],
        "environment_variables": [{}, {"A_1": "x: {{ y }} ${Z} 😀 '\"#"}, {"_X": ""}],
        "egress_ports": [[], [1, 65535]],
        "domain": ["", "apps.example.com", "local"],
    },
    "scheduled-worker": {
        "command": [[], ["a"], ["sh", "-c", "echo $HOME; exit 1"]],
        "schedule": ["* * * * *", "*/5 0-3,7 1 */2 1-5", "59 23 31 12 6", "@daily", "0-30/5 * * * *"],
        "time_zone": ["Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"],
        "concurrency": ["Allow", "Forbid", "Replace"],
        "time_limit": [10, 86400],
        "retries": [0, 10],
        "suspended_environments": [[], ["prod", "dev"]],
    },
}
REFUSED: dict[str, dict[str, list[Any]]] = {
    "web-service": {
        "image": [
            *(
                "",
                "nginx",
                "nginx:latest",
                "Nginx:1",
                "nginx:1 ",
                "nginx:1\n",
                "a b:1",
                "../x:1",
                "nginx:{{ 1 }}",
            ),
            *(
                "https://r.io/a:1",
                "a" * 256 + ":1",
                "nginx@sha256:abc",
                "nginx:1\0",
                5,
                None,
                ["nginx:1"],
                True,
            ),
        ],
        "port": [80, 0, -1, 65536, "8080", 8080.0, True, None, 10**400],
        "health_path": ["", "healthz", "/a b", "/{{ x }}", '/"', "/a\n", "/" + "a" * 200],
        "replicas": [0, 51, "2", 1.5],
        "environment_replicas": [
            *([], "dev", {"dev": 0}, {"dev": "1"}, {"dev": True}, {"dev": 1.5}, {"test": 1}, {"dev": None}),
        ],
        "cpu_request": ["", "0", "0.5", "50", "1k", "100 m", "999m", 1],
        "cpu_limit": ["49m", "x", "500M", "-1m"],
        "memory": ["128", "128MB", "0Mi", "1.5Gi", "Mi"],
        "run_as_user": [0, -1, 2147483648],
        "environment_variables": [
            *([], {"lower": "x"}, {"A B": "x"}, {"A": 1}, {"A": None}, {"A": {}}, {"A=B": "x"}, {"": "x"}),
            *({"A": "x\ny"}, {"A": "\0"}, {"A": "\u202e"}, {"A": "\ud800"}, {"A": "\ufeff"}, {"A": "\uffff"}),
            *({"A": "\u2028"}, {"A": "\x85"}, {"A": "x" * 1001}, {"APP_ENVIRONMENT": "x"}, {"A\n": "x"}),
            {f"A{i}": "x" for i in range(201)},
        ],
        "egress_ports": [{}, [0], [65536], ["443"], [True], [443, 443], list(range(1, 22)), [[443]], [1.5]],
        "domain": [
            "Example.com",
            "-a.com",
            "a..b",
            "a/b",
            "*.example.com",
            "a" * 64,
            "a." * 100 + "b",
            "é.com",
        ],
    },
    "scheduled-worker": {
        "command": ["sh", {}, [1], [None], [["a"]], ["a\0"], ["a"] * 51],
        "schedule": [
            *(
                "",
                "* * * *",
                "* * * * * *",
                "60 * * * *",
                "* 24 * * *",
                "* * 0 * *",
                "* * * 13 *",
                "* * * * 7",
            ),
            *(
                "30-10 * * * *",
                "*/0 * * * *",
                "a * * * *",
                "*  * * * *",
                "@never",
                "TZ=UTC * * * * *",
                ", * * * *",
            ),
        ],
        "time_zone": ["", "europe/berlin", "../UTC", "Local", "Europe/Berlin\n", "A/B/C/D"],
        "concurrency": ["forbid", "", None, 1, ["Forbid"]],
        "time_limit": [9, 86401],
        "retries": [-1, 11],
        "suspended_environments": [{}, "dev", [1], ["test"], [["dev"]]],
    },
}


def _cases(table: dict[str, dict[str, list[Any]]]) -> list[Any]:
    return [
        pytest.param(template, question, value, id=f"{template}-{question}-{number}")
        for template, questions in table.items()
        for question, values in questions.items()
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(("template_id", "question", "value"), _cases(ACCEPTED))
def test_accepted(template_id: str, question: str, value: Any) -> None:
    template = TEMPLATES[template_id]
    checked = check_answers(template, {question: value}, CONTEXT)
    assert checked[question] == value
    assert list(checked) == [question.name for question in template.questions]
    jsonschema.validate(checked, answers_schema(template))


@pytest.mark.parametrize(("template_id", "question", "value"), _cases(REFUSED))
def test_refused(template_id: str, question: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_answers(TEMPLATES[template_id], {question: value}, CONTEXT)
    fields = {problem.field for problem in caught.value.problems}
    # A request above the limit may be said of either of the two.
    assert fields & {f"template_answers.{question}", "template_answers.cpu_limit"}
    assert all(len(problem.rule) < 5000 for problem in caught.value.problems)
    caught.value.message.encode()  # what is stored and shown must be valid text


def test_all_problems_are_reported_at_once() -> None:
    answers = {"port": "x", "replicas": 0, "colour": "red", "image": "nginx", "\0": 1, "cpu_request": 5}
    with pytest.raises(InvalidRequest) as caught:
        check_answers(TEMPLATES["web-service"], answers)
    found = {problem.field: problem.rule for problem in caught.value.problems}
    assert set(found) == {
        "template_answers",
        *(f"template_answers.{name}" for name in ("port", "replicas", "colour", "image", "cpu_request")),
    }
    assert found["template_answers.port"] == "must be a whole number, not text"
    assert found["template_answers.replicas"] == "must be from 1 to 50"
    assert found["template_answers.colour"].startswith("is not a question; the template asks for cpu_limit, ")


def test_defaults_complete_the_answers() -> None:
    for template in TEMPLATES.values():
        defaults = {question.name: question.default for question in template.questions}
        assert check_answers(template, {}) == check_answers(template, {}, CONTEXT) == defaults


@pytest.mark.parametrize("answers", [[], "x", None, 5])
def test_answers_must_be_an_object(answers: Any) -> None:
    with pytest.raises(InvalidRequest, match="template_answers: must be an object"):
        check_answers(TEMPLATES["web-service"], answers)


def test_deep_nesting_is_refused() -> None:
    value: Any = "x"
    for _ in range(10_000):
        value = [value]
    with pytest.raises(InvalidRequest, match="nested at most 5 deep"):
        check_answers(TEMPLATES["web-service"], {"egress_ports": value})


def test_the_schema_is_valid_and_made_for_forms() -> None:
    for template in TEMPLATES.values():
        schema = answers_schema(template)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False
        for question in template.questions:
            field = schema["properties"][question.name]
            assert field["title"]
            assert field["description"] == question.help
            assert field["default"] == question.default
    choices = answers_schema(TEMPLATES["scheduled-worker"])["properties"]["concurrency"]["oneOf"]
    assert {"const": "Forbid", "title": "Skip the new run"} in choices


OWN_QUESTIONS = """
project: {type: json, ask: false}
name: {type: str, help: A name}
ratio: {type: float, default: 0.5}
flag: {type: bool, default: false}
sizes: {type: str, multiselect: true, choices: [s, m, l], default: [s]}
text: {type: str, multiline: true, default: ""}
anything: {type: yaml, default: null}
"""


def own_template(folder: Path, questions: str = OWN_QUESTIONS) -> Template:
    (folder / "own").mkdir()
    (folder / "own" / "template.yaml").write_text("title: t\ndescription: d\nversion: 1.0.0\n")
    (folder / "own" / "copier.yml").write_text(questions)
    return get_template("own", folder)


def test_every_type_of_question(tmp_path: Path) -> None:
    template = own_template(tmp_path)
    given_answers = {
        "name": "a",
        "ratio": 2,
        "flag": True,
        "sizes": ["l", "m"],
        "text": "a\nb",
        "anything": {"a": [1, None, 0.5]},
    }
    assert check_answers(template, given_answers) == given_answers
    jsonschema.validate(given_answers, answers_schema(template))
    assert answers_schema(template)["required"] == ["name"]


@pytest.mark.parametrize(
    ("question", "value"),
    [
        *(("ratio", "0.5"), ("ratio", float("nan")), ("ratio", float("inf")), ("ratio", True)),
        *(("flag", 1), ("flag", "yes"), ("flag", None)),
        *(("sizes", "s"), ("sizes", ["xl"]), ("sizes", [["s"]]), ("sizes", ["s"] * 201)),
        *(("text", "a\x00"), ("text", "a\r")),
        *(
            ("anything", object()),
            ("anything", {1: 2}),
            ("anything", [b"x"]),
            ("anything", {"a": float("nan")}),
        ),
    ],
)
def test_every_type_refuses_another(tmp_path: Path, question: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_answers(own_template(tmp_path), {"name": "a", question: value})
    assert [problem.field for problem in caught.value.problems] == [f"template_answers.{question}"]


def test_a_required_answer_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"template_answers\.name: is required"):
        check_answers(own_template(tmp_path), {})


@pytest.mark.parametrize(
    "validator", ["{% if %}", "{{ nonsense }}", "{{ 1 / 0 }}", "{{ a | no_such_filter }}"]
)
def test_a_broken_validator_is_the_templates_fault(tmp_path: Path, validator: str) -> None:
    questions = (
        f"project: {{type: json, ask: false}}\na: {{type: str, default: x, validator: '{validator}'}}\n"
    )
    with pytest.raises(Misconfigured, match=r"'own'.*validator of 'a'"):
        check_answers(own_template(tmp_path, questions), {})


@pytest.mark.parametrize(
    "validator", ["{{ a.__class__.__mro__ }}", "{{ a.__init__.__globals__ }}", "{{ [].append.__self__ }}"]
)
def test_a_validator_cannot_leave_its_sandbox(tmp_path: Path, validator: str) -> None:
    questions = (
        f"project: {{type: json, ask: false}}\na: {{type: str, default: x, validator: '{validator}'}}\n"
    )
    with pytest.raises(Misconfigured, match=r"unsafe"):
        check_answers(own_template(tmp_path, questions), {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = sorted({name for questions in ACCEPTED.values() for name in questions})


@settings(max_examples=100)
@given(
    st.sampled_from(list(TEMPLATES.values())),
    st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON, max_size=4),
)
def test_any_json_is_either_accepted_and_fits_the_schema_or_refused(
    template: Template, answers: dict[str, Any]
) -> None:
    try:
        checked = check_answers(template, answers, CONTEXT)
    except InvalidRequest:
        return
    jsonschema.validate(checked, answers_schema(template))
    assert checked == {**check_answers(template, {}), **answers}
