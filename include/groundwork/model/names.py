"""Naming rules of the systems a project's names end up in. Pure.

Sources: GitLab "Reserved project and group names" and its path rules; Kubernetes RFC 1123 labels (namespace
names: at most 63 characters); git-check-ref-format for branches.
"""

from __future__ import annotations

import re
import unicodedata

SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SLUG_MAX_LENGTH = 48
GROUP_PATH_PATTERN = r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*(/[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)*$"
BRANCH_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_]*([._/-][A-Za-z0-9_]+)*$"
REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"
NAMESPACE_MAX_LENGTH = 63

RESERVED_PROJECT_PATHS = frozenset(
    {
        *(
            "badges",
            "blame",
            "blob",
            "builds",
            "commits",
            "create",
            "create_dir",
            "edit",
            "files",
            "find_file",
        ),
        *("new", "preview", "raw", "refs", "tree", "update", "wikis"),
    }
)
_NAME_PUNCTUATION = frozenset("_.+- ")


def slug_problem(slug: str) -> str | None:
    """The rule of GitLab or Kubernetes that `slug` breaks, or None."""
    if not re.fullmatch(SLUG_PATTERN, slug):
        return (
            "must be lower-case letters and digits, in parts joined by single hyphens, such as 'billing-api'"
        )
    if len(slug) > SLUG_MAX_LENGTH:
        return f"must be at most {SLUG_MAX_LENGTH} characters long, but has {len(slug)}"
    if slug in RESERVED_PROJECT_PATHS:
        return f"'{slug}' is a path GitLab reserves; choose another"
    return None


def group_path_problem(path: str) -> str | None:
    """The rule of GitLab's group paths that `path` breaks, or None."""
    if not re.fullmatch(GROUP_PATH_PATTERN, path):
        return (
            "must be a group's full path: letters and digits in parts joined by single '-', '_', '.' or '/'"
        )
    if any(part.endswith((".git", ".atom")) for part in path.split("/")):
        return "no part of it may end in '.git' or '.atom'"
    return None


def reference_problem(reference: str) -> str | None:
    """What makes `reference` unusable as the id or slug of a record, or None."""
    if not re.fullmatch(REFERENCE_PATTERN, reference):
        return (
            "must be an id or a slug: letters, digits, '.', '_', '@' and '-', starting with a letter or digit"
        )
    return None


def name_problem(name: str) -> str | None:
    """The rule of GitLab's project names that `name` breaks, or None."""
    if not name.strip():
        return "must not be blank"
    if not (_is_word(name[0]) or name[0] == "_"):
        return "must start with a letter, digit, emoji or underscore"
    wrong = sorted({char for char in name if not _is_word(char) and char not in _NAME_PUNCTUATION})
    if wrong:
        return f"may contain letters, digits, emoji, '_', '.', '+', '-' and spaces, but has {wrong[0]!r}"
    return None


def branch_problem(branch: str) -> str | None:
    """The rule of git-check-ref-format that `branch` breaks, or None."""
    if not re.fullmatch(BRANCH_PATTERN, branch):
        return "must be letters and digits in parts joined by single '.', '_', '/' or '-'"
    if any(part.endswith(".lock") for part in branch.split("/")):
        return "no part of it may end in '.lock'"
    if re.fullmatch(r"[0-9a-f]{40}", branch):
        return "must not look like a commit id"
    return None


def namespace_name(prefix: str, slug: str, environment: str) -> str:
    """The Kubernetes namespace of one environment of one project."""
    return f"{prefix}-{slug}-{environment}"


def namespace_problem(namespace: str) -> str | None:
    """The rule of Kubernetes' namespace names that `namespace` breaks, or None."""
    if len(namespace) <= NAMESPACE_MAX_LENGTH:
        return None
    excess = len(namespace) - NAMESPACE_MAX_LENGTH
    return (
        f"is too long by {excess}: Kubernetes allows {NAMESPACE_MAX_LENGTH} characters for the namespace"
        f" '{namespace}'"
    )


def _is_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN" or unicodedata.category(char) in ("So", "Mn", "Mc")
