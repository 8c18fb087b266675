"""What the commands for own recordings share: options, and the key of pseudonyms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ecgtool.deidentify.key import Key

InputColumns = Annotated[
    str,
    typer.Option("--inputs", help="Columns that become inputs, with commas, or none; all that are fit if not given."),
]
Positive = Annotated[
    str,
    typer.Option(
        "--positive",
        help="Of two labels the one that figures are of; if not given, the one that is not 0, no, control, normal ...",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", help="File with the key of pseudonyms, as of ecg deidentify; the one in ECG_HOME if not given."
    ),
]


def key_of(given: Path | None) -> Key:
    """The key of pseudonyms: the given one, or this user's own, which is made and told the first time."""
    from ecgtool.console import log
    from ecgtool.deidentify.key import KEY_NAME, load_key, own_key
    from ecgtool.home import home

    if given is not None:
        return load_key(given)
    known = (home() / KEY_NAME).exists()
    key, path = own_key(home())
    if not known:
        log.info("Patients get pseudonyms by a new key: %s. Keep it, and keep it to yourself.", path)
    return key


def store_name(name: str, otherwise: str) -> str:
    """The name of a folder or file, as far as a store can have it.

    >>> store_name("my lab (2)", "folder"), store_name("...", "folder")
    ('my-lab-2', 'folder')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")[:64].rstrip("._-") or otherwise
