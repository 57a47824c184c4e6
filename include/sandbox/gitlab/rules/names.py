"""Which names and paths GitLab takes.

Source: GitLab's "Reserved project and group names" page and `Gitlab::PathRegex`.
"""

from __future__ import annotations

import re
import unicodedata

TAKEN = "has already been taken"
BLANK = "can't be blank"
_CHARACTERS = "can contain only letters, digits, '_', '-' and '.'. "
PATH_RULE = _CHARACTERS + "Cannot start with '-', end in '.git' or end in '.atom'."
GROUP_PATH_RULE = _CHARACTERS + "Cannot start with '-' or end in '.', '.git' or '.atom'."
STRICT_PATH_RULE = (
    "must not start or end with a special character and must not contain consecutive special characters."
)
PROJECT_NAME_RULE = (
    "can contain only letters, digits, emoji, '_', '.', '+', dashes, or spaces. "
    "It must start with a letter, digit, emoji, or '_'."
)
GROUP_NAME_RULE = (
    "can contain only letters, digits, emoji, '_', '.', dash, space, parenthesis. "
    "It must start with letter, digit, emoji or '_'."
)

RESERVED_PROJECT_PATHS = frozenset(
    "- badges blame blob builds commits create create_dir edit environments/folders files find_file"
    " gitlab-lfs/objects info/lfs/objects new preview raw refs tree update wikis".split()
)
RESERVED_TOP_LEVEL = frozenset(
    "- .well-known 404.html 422.html 500.html 502.html 503.html admin api apple-touch-icon.png assets"
    " dashboard deploy.html explore favicon.ico favicon.png files groups health_check help import jwt login"
    " oauth profile projects public robots.txt s search sitemap sitemap.xml sitemap.xml.gz"
    " slash-command-logo.png snippets unsubscribes uploads users v2".split()
)
RESERVED_SUBGROUPS = frozenset("-".split())

_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_STRICT = re.compile(r"[A-Za-z0-9]+(?:[_.-][A-Za-z0-9]+)*")
_SUFFIXES = (".git", ".atom")
_LONGEST = 255


def slugify(name: str) -> str:
    """The path GitLab derives from a project name when only a name is given."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_.]+", "-", plain).strip("-.")


def project_path_problems(path: str) -> list[str]:
    """Broken rules of a project path, as GitLab words them; empty when it is fine."""
    problems = _common_path_problems(path, PATH_RULE)
    if not problems and path.lower() in RESERVED_PROJECT_PATHS:
        return [f"{path} is a reserved name"]
    return problems


def group_path_problems(path: str, top_level: bool) -> list[str]:
    """Broken rules of a group path. Top-level groups also keep clear of the application's own addresses."""
    problems = _common_path_problems(path, GROUP_PATH_RULE)
    reserved = RESERVED_TOP_LEVEL if top_level else RESERVED_SUBGROUPS
    if not problems and path.lower() in reserved:
        return [f"{path} is a reserved name"]
    return problems


def project_name_problems(name: str) -> list[str]:
    """Broken rules of a project's display name."""
    return _name_problems(name, " _.+-", PROJECT_NAME_RULE)


def group_name_problems(name: str) -> list[str]:
    """Broken rules of a group's display name."""
    return _name_problems(name, " _.()-", GROUP_NAME_RULE)


def _common_path_problems(path: str, rule: str) -> list[str]:
    if not path:
        return [BLANK]
    if len(path) > _LONGEST:
        return [f"is too long (maximum is {_LONGEST} characters)"]
    problems = []
    if not _PATH.fullmatch(path) or path.endswith(_SUFFIXES):
        problems.append(rule)
    if not _STRICT.fullmatch(path):
        problems.append(STRICT_PATH_RULE)
    return problems


def _name_problems(name: str, extra: str, rule: str) -> list[str]:
    if not name.strip():
        return [BLANK]
    if len(name) > _LONGEST:
        return [f"is too long (maximum is {_LONGEST} characters)"]
    starts_well = _letter_digit_emoji(name[0]) or name[0] == "_"
    if starts_well and all(_letter_digit_emoji(char) or char in extra for char in name):
        return []
    return [rule]


def _letter_digit_emoji(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LN" or category == "So" or char in "\u200d\ufe0f" or category == "Mn"
