"""Files and folders that appear whole or not at all, and paths that stay where they belong.

Everything this package writes goes through here: a file is written beside its final name, flushed to the disk and
renamed over it; a folder is built under a hidden name and renamed when it is complete. What is interrupted leaves
the old version intact.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ecgtool.errors import ConfigError, EcgError, FormatError, NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STAGED = re.compile(r"(^|/)\.([^/]+?)(?:\.\d+)?\.partial(?=/|$)")
_OF_THE_PATH = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)
_JSON_LIMIT = 64 * 2**20


def write_file(path: Path, fill: Callable[[BinaryIO], object]) -> Path:
    """Write a file whole or not at all.

    Args:
        path: The final name; its folder is made when missing.
        fill: Writes the content to the open binary file.

    Raises:
        EcgError: The file cannot be written (permission, full disk); the old one is intact.
    """
    whole = _nameable(path)
    staged = whole.with_name(f".{whole.name}.{os.getpid()}.partial")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with staged.open("wb") as file:
                fill(file)
                flush(file)
            staged.replace(path)
        except BaseException:
            with suppress(OSError):
                staged.unlink()
            raise
        _flush_folder(path.parent)
    return path


def write_unpublished(path: Path, fill: Callable[[BinaryIO], object]) -> Path:
    """Write a file of a folder that is still being built: publishing the folder flushes it to the disk, once.

    Raises:
        EcgError: The file cannot be written.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            fill(file)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write text as UTF-8, whole or not at all; what is not text in a file's name is escaped."""
    return write_file(path, lambda file: file.write(text.encode(errors="backslashreplace")))


def write_json(path: Path, document: Any) -> Path:
    """Write a JSON document, whole or not at all."""
    return write_text(path, json_text(document))


def json_text(document: Any) -> str:
    """A JSON document as this package writes it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises:
        NotFound: There is no such file.
        FormatError: It is not JSON, or larger than any document of this package.
    """
    with explained(path):
        if path.stat().st_size > _JSON_LIMIT:
            raise FormatError(f"{path} is too large to be a JSON document of this tool.")
        try:
            return json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path} is not valid JSON: {error}") from None


@contextmanager
def staged_folder(final: Path, *, force: bool = False, holds: Collection[str] = ()) -> Iterator[Path]:
    """Build a folder under a hidden name; rename it to ``final`` when the block ends without an error.

    Raises:
        ConfigError: As :func:`refuse_existing`, whose arguments these are.
        EcgError: The folder cannot be written; what was there before is intact.
    """
    final = _nameable(final)
    refuse_existing(final, force=force, holds=holds)
    staged = final.with_name(f".{final.name}.{os.getpid()}.partial")
    with explained(final):
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        try:
            yield staged
            publish_folder(staged, final)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise


@contextmanager
def resumable_folder(final: Path) -> Iterator[Path]:
    """Build a folder under a hidden name that an interruption leaves in place, for the next try to go on with.

    When the block ends without an error the folder is renamed to ``final``, over an older one. Only one process at a
    time works on it.

    Raises:
        ConfigError: Another process is building it.
        EcgError: The folder cannot be written; what was there before is intact.
    """
    final = _nameable(final)
    staged = final.with_name(f".{final.name}.partial")
    with explained(final):
        staged.mkdir(parents=True, exist_ok=True)
        with locked_folder(staged):
            yield staged
            publish_folder(staged, final)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the lock goes with the process, however it ends.

    Raises:
        ConfigError: Another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _locked(handle, folder):
            raise ConfigError(f"Another process is writing {folder}.", "Wait for it, or give another --out.")
        yield
    finally:
        os.close(handle)


def refuse_existing(final: Path, *, force: bool = False, holds: Collection[str] = ()) -> None:
    """Refuse to write over a file or folder that is there, unless forced; what else lies in a folder is never lost.

    Args:
        final: What is about to be written.
        force: Replace what is there.
        holds: What a folder of the kind about to be written may hold; nothing where a file is written.

    Raises:
        ConfigError: It exists and ``force`` is not given; or it is a folder that holds something else, or a file
            where a folder is written.
    """
    recover_folder(final)
    if not final.exists():
        return
    if not force:
        raise ConfigError(f"{final} exists already.", "Give --force to replace it, or another --out.")
    with explained(final):
        other = min({entry.name for entry in final.iterdir()} - set(holds), default="") if final.is_dir() else ""
    if other:
        raise ConfigError(f"{final} holds other things, such as {other}; it is not replaced.", "Give another --out.")
    if holds and not final.is_dir():
        raise ConfigError(f"{final} is a file; it is not replaced by a folder.", "Give another --out.")


def publish_folder(staged: Path, final: Path) -> None:
    """Rename a complete folder to its final name; an older folder of that name is replaced, or stays on failure."""
    folders = [staged]
    for path in staged.rglob("*"):
        if path.is_file():
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        elif path.is_dir():
            folders.append(path)
    for folder in folders:
        _flush_folder(folder)
    aside = _aside(final)
    shutil.rmtree(aside, ignore_errors=True)
    if final.exists():
        final.rename(aside)
    try:
        staged.rename(final)
    except BaseException:
        recover_folder(final)
        raise
    _flush_folder(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def recover_folder(final: Path) -> None:
    """Put back the older folder that a replacement was interrupted in moving aside."""
    if final.exists():
        return
    aside = _aside(final)
    if aside.exists():
        aside.rename(final)


def expanded(path: str | Path) -> Path:
    """The path with ``~`` as the user's own folder, and ``~name`` as another's.

    Raises:
        NotFound: Nobody of that name has one.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise NotFound(f"{path} lies in the folder of a user who has none.", "Give the path from / on.") from None


def inside(folder: Path, relative: str) -> Path:
    """The path of ``relative`` below ``folder``.

    Raises:
        FormatError: ``relative`` is absolute, a URL, has ``..`` or NUL, or leads out of the folder through a link.
    """
    parts = re.split(r"[/\\]", relative)
    if not relative or "\0" in relative or ":" in parts[0] or parts[0] == "" or ".." in parts or len(relative) > 1024:
        raise FormatError(f"The path {relative[:80]!r} does not stay inside {folder}.")
    path = folder.joinpath(*parts)
    try:
        leads_out = not path.resolve().is_relative_to(folder.resolve())
    except RuntimeError:  # what Python before 3.13 says of links that lead to themselves
        leads_out = True
    if leads_out:
        raise FormatError(f"The path {relative[:80]!r} leads out of {folder} through a link.")
    return path


class Below:
    """The paths of many files below a folder: as :func:`inside`, each parent folder checked but once.

    Args:
        folder: What they must not lead out of.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parents: dict[str, Path] = {}

    def __call__(self, relative: str) -> Path:
        """The path of ``relative`` below the folder.

        Raises:
            FormatError: As :func:`inside`.
        """
        parent, _, name = relative.rpartition("/")
        if not parent or name in ("", "..") or "\\" in name or "\0" in name:
            return inside(self.folder, relative)
        if parent not in self._parents:
            self._parents[parent] = inside(self.folder, parent)
        path = self._parents[parent] / name
        return inside(self.folder, relative) if path.is_symlink() else path


def valid_name(name: str, what: str = "name") -> str:
    """The name itself, if it can name a model, a store or a file without surprises.

    Raises:
        ConfigError: It has characters other than letters, digits, ``.``, ``_`` and ``-``, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name[:80]!r} cannot be a {what}.",
            "Use up to 64 letters, digits, '.', '_' and '-', a letter or digit first.",
        )
    return name


def digest(path: Path) -> str:
    """The SHA-256 of a file, as ``sha256:<hex>``."""
    with explained(path), path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def flush(file: BinaryIO) -> None:
    """Force what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a path into one line for the user."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{_final(error.filename or path)} does not exist.", "Check the path.") from error
    except OSError as error:
        named = _final(error.filename or path)
        hint = "Check the path." if error.errno in _OF_THE_PATH else "Check free space and permissions."
        raise EcgError(f"{named}: {error.strerror or error}.", hint) from error


def _final(path: object) -> str:
    """The name that something under construction is going to have, which is the one that its user knows."""
    return _STAGED.sub(r"\1\2", str(path))


def _aside(final: Path) -> Path:
    final = _nameable(final)
    return final.with_name(f".{final.name}.replaced")


def _nameable(final: Path) -> Path:
    """The path in full, so that ``.`` and ``..`` have the names of their folders.

    Raises:
        ConfigError: It is the root, beside which nothing lies.
    """
    full = final.absolute()
    if full.name == "..":
        full = full.resolve()
    if not full.name:
        raise ConfigError(f"{full} cannot be written over.", "Give another --out.")
    return full


def _locked(handle: int, folder: Path) -> bool:
    """Lock an open folder for this process; False where another one has it, or has renamed it meanwhile."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # a file system without locks
            raise
    return folder.exists() and os.path.samestat(os.fstat(handle), folder.stat())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
