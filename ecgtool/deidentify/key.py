"""The secret that pseudonyms, dates and identifiers are derived from."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO

from ecgtool.console import log
from ecgtool.errors import ConfigError
from ecgtool.files import explained, locked_folder, write_file

KEY_NAME = "deidentify.key"
LEAST_DAYS, MOST_DAYS = 366, 3652
"""By how many days dates move into the past: between one and ten years."""

_BYTES = 32
_TEXT = re.compile(rb"([0-9a-fA-F]{64})\s*")


class Key:
    """What a secret makes of identifiers (HMAC-SHA-256, RFC 2104): always the same, and never to be turned back.

    Args:
        secret: 32 random bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"Key({self.check})"

    @property
    def check(self) -> str:
        """Tells keys apart without giving them away."""
        return self._mark("check").hex()[:8]

    def patient(self, identifier: str) -> str:
        """The pseudonym of a person: ``p`` and 16 hexadecimal digits.

        An underscore is a blank space: EDF+ has none in an id, and writes the other in its place.
        """
        return f"p{self._mark('patient', identifier.replace('_', ' ').encode()).hex()[:16]}"

    def recording(self, content: bytes) -> str:
        """The name of a recording of that content (or a digest of it): ``r`` and 12 hexadecimal digits."""
        return f"r{self._mark('recording', content).hex()[:12]}"

    def days(self, patient: str) -> int:
        """By how many days the dates of a person of that pseudonym move into the past."""
        span = MOST_DAYS - LEAST_DAYS + 1
        return LEAST_DAYS + int.from_bytes(self._mark("days", patient.encode())[:8], "big") % span

    def uid(self, identifier: str) -> str:
        """A DICOM identifier in place of another, derived from a UUID (ITU-T X.667): ``2.25.`` and a number."""
        digits = bytearray(self._mark("uid", identifier.encode())[:16])
        digits[6] = digits[6] & 0x0F | 0x80  # version 8: made up by a rule of our own (RFC 9562)
        digits[8] = digits[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(digits, 'big')}"

    def _mark(self, purpose: str, content: bytes = b"") -> bytes:
        return hmac.new(self._secret, purpose.encode() + b"\0" + content, hashlib.sha256).digest()


def load_key(path: Path) -> Key:
    """The key in a file.

    Raises:
        NotFound: There is no such file.
        ConfigError: It does not hold a key.
    """
    with explained(path), path.open("rb") as file:
        found = _TEXT.fullmatch(file.read(1024))
        readable_by_others = os.fstat(file.fileno()).st_mode & 0o077
    if found is None:
        raise ConfigError(f"{path} is not a key: it has to hold 64 hexadecimal digits.", "Give the file of a key.")
    if readable_by_others:
        log.warning("The key %s can be read by others: chmod 600.", path)
    return Key(bytes.fromhex(found[1].decode("ascii")))


def own_key(folder: Path) -> tuple[Key, Path]:
    """The key that lies in a folder, made if there is none.

    Args:
        folder: Where the output is going to lie; the key lies beside it.

    Returns:
        The key and its file, which only its owner can read.

    Raises:
        ConfigError: What lies there is not a key, or another process is making one.
        EcgError: It cannot be written.
    """
    path = folder / KEY_NAME
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        with locked_folder(folder):
            if not path.exists():
                write_private(path, f"{secrets.token_hex(_BYTES)}\n")
    return load_key(path), path


def write_private(path: Path, text: str) -> Path:
    """Write a text that only its owner can read, whole or not at all."""

    def fill(file: BinaryIO) -> None:
        os.fchmod(file.fileno(), 0o600)  # while nothing is in it yet
        file.write(text.encode(errors="backslashreplace"))

    return write_file(path, fill)
