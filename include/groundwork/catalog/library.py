"""Where templates are found: the built-in ones and the folders of the setting `catalog_paths`.

Light enough for a DAG's parse time: `template_ids` only lists folders, the rest reads YAML.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from groundwork.catalog.template import META_FILE, TEMPLATE_ID, Template, load_template
from groundwork.errors import InvalidRequest, Misconfigured, Problem
from groundwork.settings import get_settings

BUILT_IN = Path(__file__).resolve().parents[2] / "templates"


def template_ids(root: Path | None = None) -> list[str]:
    """The ids of all templates, sorted.

    Raises `Misconfigured` for a catalog folder that cannot be read or an id used twice.
    """
    return sorted(_folders(root))


def list_templates(root: Path | None = None) -> list[Template]:
    """All templates of the catalog, or only those in the folder `root`, sorted by id.

    Raises `Misconfigured` when one of them is broken: it names the template and the file.
    """
    return [load_template(folder) for _, folder in sorted(_folders(root).items())]


def get_template(template_id: str, root: Path | None = None) -> Template:
    """The template with this id.

    Raises `InvalidRequest` on `template_id` when there is none, `Misconfigured` when it is broken.
    """
    folders = _folders(root)
    if template_id not in folders:
        plain = len(template_id) <= 100 and TEMPLATE_ID.fullmatch(template_id)
        named = f"'{template_id}'" if plain else "this"
        choices = ", ".join(sorted(folders)) or "none: the catalog is empty"
        rule = f"{named} is not in the catalog; choose one of {choices}"
        raise InvalidRequest([Problem("template_id", rule)])
    return load_template(folders[template_id])


def _folders(root: Path | None) -> dict[str, Path]:
    roots: Iterable[Path] = [root] if root else [BUILT_IN, *get_settings().catalog_paths]
    found: dict[str, Path] = {}
    for parent in roots:
        for folder in _templates_in(parent):
            if folder.name in found:
                raise Misconfigured(
                    f"The template id '{folder.name}' is used twice, by {found[folder.name]} and {folder}: "
                    "rename one of the folders"
                )
            found[folder.name] = folder
    return found


def _templates_in(parent: Path) -> list[Path]:
    try:
        return [folder for folder in parent.iterdir() if (folder / META_FILE).is_file()]
    except OSError as error:
        raise Misconfigured(
            f"The catalog folder {parent} cannot be read ({error.strerror}): correct GROUNDWORK_CATALOG_PATHS"
        ) from error
