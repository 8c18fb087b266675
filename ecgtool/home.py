"""Where things live: ``ECG_HOME`` and the rule that turns a name into a path.

An existing file or folder of the given name wins; a name with a slash or a suffix that files have is a path; any
other name means the store, run or bundle of that name under ``ECG_HOME``. A folder that is none does not stand in the
way of one: beside the recordings in ``ptbxl/``, the name ``ptbxl`` still means the store that was made of them.
"""

from __future__ import annotations

import os
from pathlib import Path

from ecgtool.errors import NotFound, did_you_mean
from ecgtool.files import expanded, recover_folder, valid_name

MARKS = {"stores": "manifest.json", "runs": "config.yaml", "bundles": "bundle.json"}
"""Family -> the file by which a folder is known as a member of it."""
FAMILIES = tuple(MARKS)


def home() -> Path:
    """The folder of this user's stores, runs, bundles and catalog."""
    given = os.environ.get("ECG_HOME")
    if given:
        return expanded(given)
    from platformdirs import user_data_path

    return user_data_path("ecgtool", appauthor=False)


def place(family: str, name: str) -> Path:
    """Where a new member goes: the path itself when ``name`` is one, else ``ECG_HOME/family/name``.

    Raises:
        ConfigError: The name has characters that names may not have.
    """
    if is_path(name):
        return expanded(name)
    return home() / family / valid_name(name)


def find(family: str, name: str) -> Path:
    """Where an existing member is.

    Raises:
        NotFound: Neither a path nor a member of that name exists; the hint names the nearest one.
    """
    candidates = [expanded(name)] if is_path(name) else [Path(name), home() / family / name]
    for path in candidates:
        recover_folder(path)
    there = [path for path in candidates if path.exists()]
    if there:
        return next((path for path in there if (path / MARKS[family]).is_file()), there[0])
    noun = family.removesuffix("s")
    raise NotFound(f"There is no {noun} '{name}'.", did_you_mean(name, members(family)) or f"No {noun} exists yet.")


def portable(path: Path) -> str:
    """How to name a store, run or bundle so that it is found from any folder.

    Its name where ECG_HOME holds it, else its path; from ``~`` where it lies in the user's own folder, whose name may
    tell who they are.
    """
    full = path.resolve()
    if full.parent.parent == home().resolve() and full.parent.name in FAMILIES:
        return full.name
    own = Path.home().resolve()
    return f"~/{full.relative_to(own)}" if full.is_relative_to(own) else str(full)


def members(family: str) -> list[str]:
    """Names of the stores, runs or bundles under ``ECG_HOME``."""
    folder = home() / family
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def is_path(name: str) -> bool:
    """Whether the name is meant as a path: it has a slash, or starts with a dot or a tilde."""
    return "/" in name or os.sep in name or name.startswith((".", "~"))
