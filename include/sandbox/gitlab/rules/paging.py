"""Paging arithmetic and headers, offset and keyset.

Source: GitLab's "REST API pagination" page: 20 per page, at most 100; totals vanish above 10,000
rows; offsets above 50,000 are refused where keyset paging exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

MOST_COUNTED = 10_000
MOST_OFFSET = 50_000
LARGEST_PAGE = 100


@dataclass(frozen=True)
class Page:
    """A wanted page: 1-based number and its size."""

    number: int = 1
    size: int = 20

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size


def offset_headers(
    page: Page, total: int, has_more: bool, base: str, query: list[tuple[str, str]]
) -> dict[str, str]:
    """`X-*` and `Link` of an offset page. `total` above 10,000 is not shown, as in GitLab."""
    pages = max(1, -(-total // page.size))
    counted = total <= MOST_COUNTED
    following = str(page.number + 1) if has_more else ""
    previous = str(page.number - 1) if page.number > 1 else ""
    headers = {
        "X-Page": str(page.number),
        "X-Per-Page": str(page.size),
        "X-Next-Page": following,
        "X-Prev-Page": previous,
    }
    if counted:
        headers |= {"X-Total": str(total), "X-Total-Pages": str(pages)}
    links = [("prev", previous), ("next", following), ("first", "1")]
    if counted:
        links.append(("last", str(pages)))
    headers["Link"] = ", ".join(
        f'<{_address(base, query, {"page": number, "per_page": str(page.size)})}>; rel="{rel}"'
        for rel, number in links
        if number
    )
    return headers


def keyset_link(base: str, query: list[tuple[str, str]], position: dict[str, str]) -> dict[str, str]:
    """The `Link` header to the rows after `position`; the only header keyset paging has."""
    return {"Link": f'<{_address(base, query, position)}>; rel="next"'}


def offset_refusal(kind: str) -> str:
    """GitLab's text for an offset beyond the cap."""
    return (
        f"Offset pagination has a maximum allowed offset of {MOST_OFFSET} for requests that return objects "
        f"of type {kind}. Remaining records can be retrieved using keyset pagination."
    )


def _address(base: str, query: list[tuple[str, str]], changes: dict[str, str]) -> str:
    kept = [(key, value) for key, value in query if key not in changes]
    return f"{base}?{urlencode(kept + list(changes.items()))}"
