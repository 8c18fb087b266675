"""Pseudonyms of patients: a keyed digest of their id, so that recordings of one person still belong together.

The same id and key give the same pseudonym in every store; without the key nobody can tell whose it is, not even by
trying all ids there are (HMAC, RFC 2104). Whoever has the key and the ids can.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from ecgtool.columns import folded
from ecgtool.errors import FormatError
from ecgtool.files import explained
from ecgtool.home import home

KEY_BYTES = 32
_KEY_NAME = "pseudonyms.key"
_LETTERS = 16


def pseudonym(key: bytes, patient: str) -> str:
    """What to call a patient; the same for ids that differ in case and spaces alone, empty where there is no id."""
    text = folded(patient)
    return f"p{hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_LETTERS]}" if text else ""


def kept_key(path: Path | None = None) -> bytes:
    """The key in a file, which is made when there is none.

    Args:
        path: The file; ``pseudonyms.key`` in ``ECG_HOME`` where None.

    Raises:
        FormatError: It holds no key.
        EcgError: It cannot be read or made.
    """
    path = path or home() / _KEY_NAME
    with explained(path):
        if not path.exists():
            _make(path)
        text = path.read_bytes()[: 4 * KEY_BYTES]
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise FormatError(f"{path} is not a key: it must hold {2 * KEY_BYTES} hexadecimal digits.", "Is it whole?")
    return key


def _make(path: Path) -> None:
    """Write a new key that its owner alone can read; whole or not at all, and never over another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}.partial")
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(f"{secrets.token_hex(KEY_BYTES)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was quicker: its key counts
            os.link(staged, path)
    finally:
        staged.unlink()
