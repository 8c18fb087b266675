"""One file: fetched where it is not there, from where it broke off, and in its place only when its digest is right."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from ecgtool.download.connection import BrokenOff, Connection
from ecgtool.download.listing import PART, Listed
from ecgtool.errors import ConfigError, EcgError, IntegrityError
from ecgtool.files import digest, explained, flush

if TYPE_CHECKING:
    from requests import Response

LARGEST = 4 * 2**30
_ENOUGH = 2**16
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


class Stopped(Exception):
    """Another file failed, or the user stopped it all."""


@dataclass
class _Progress:
    """How far a file has come.

    Args:
        part: What there is of it.
        etag: What the server calls this version of it; empty where it says nothing.
    """

    part: Path
    etag: str = ""


@dataclass(frozen=True)
class Fetcher:
    """Fetches files of one corpus.

    Args:
        connection: To its server.
        stop: Set when no more is wanted.
        force: Replace files that are there and are not those of the corpus.
        largest: Bytes that no file has.
    """

    connection: Connection
    stop: Event = field(default_factory=Event)
    force: bool = False
    largest: int = LARGEST

    def bring(self, file: Listed) -> int | None:
        """Have a file in its place; the number of bytes that had to be fetched, None where it was there.

        Raises:
            ConfigError: Another file is in its place, and ``force`` is not given.
            IntegrityError: What the server sends is not what the listing promises.
            EcgError: It cannot be fetched or written.
            Stopped: ``stop`` was set.
        """
        with explained(file.path):
            if file.path.exists():
                if digest(file.path) == f"sha256:{file.sha256}":
                    return None
                if not self.force:
                    raise ConfigError(
                        f"{file.path} is there, but is not the file of the corpus.",
                        "Move it away, or give --force to replace such files.",
                    )
            file.path.parent.mkdir(parents=True, exist_ok=True)
            return self._fetched(file)

    def _fetched(self, file: Listed) -> int:
        part = file.path.with_name(f"{file.path.name}{PART}")
        if part.is_symlink():
            raise ConfigError(f"{part} is a link; it is not written through.", "Remove it.")
        promised, got = f"sha256:{file.sha256}", 0
        for _ in range(2):
            if not part.exists() or digest(part) != promised:
                got += self.complete(quote(file.name), _Progress(part))
            if digest(part) == promised:
                part.replace(file.path)
                return got
            part.unlink()  # of another version, or spoilt on its way: once more from the beginning
        raise IntegrityError(
            f"{file.name} does not have the digest that SHA256SUMS.txt promises.",
            "The server or the way to it is at fault; nothing of it was kept.",
        )

    def complete(self, name: str, progress: _Progress) -> int:
        """Fetch what is missing of a file, trying again when that breaks off; how many bytes were fetched."""
        patience, tries, got = self.connection.patience, 0, 0
        while True:
            before = _size(progress.part)
            try:
                return got + self._more(name, progress)
            except BrokenOff as broken:
                gained = max(_size(progress.part) - before, 0)
                got += gained
                tries = 1 if gained >= _ENOUGH else tries + 1
                if tries >= patience.tries:
                    raise EcgError(
                        f"{name[:200]}: {broken}, {tries} times.", "What is there is kept; the same command goes on."
                    ) from None
                if self.stop.wait(patience.pause_s * 2 ** (tries - 1)):
                    raise Stopped from None

    def _more(self, name: str, progress: _Progress) -> int:
        """One request, for what is missing; how many bytes came."""
        have = _size(progress.part)
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and progress.etag and not progress.etag.startswith("W/"):
            headers["If-Range"] = progress.etag
        with self.connection.get(f"{self.connection.base}{name}", headers) as response:
            if response.status_code == 416:
                return self._at_end(name, response, progress, have)
            begin, total = _span(response)
            changed = have and progress.etag and response.headers.get("ETag", progress.etag) != progress.etag
            if begin not in (0, have) or (begin and changed):
                progress.part.unlink()
                raise BrokenOff("the server sends another part than was asked for")
            if total is not None and total > self.largest:
                raise IntegrityError(f"{name[:200]} is said to have {total:,} bytes, which no file of the corpus has.")
            progress.etag = response.headers.get("ETag", "")[:200]
            with progress.part.open("r+b" if begin else "wb") as out:
                out.seek(begin)
                out.truncate()
                return self._copy(name, response, out, (begin, total))

    def _at_end(self, name: str, response: Response, progress: _Progress, have: int) -> int:
        """The server has no more: either all of it is there, or what is there is none of it."""
        said = re.fullmatch(r"bytes \*/(\d{1,15})", response.headers.get("Content-Range", "").strip())
        if said and int(said.group(1)) == have:
            return 0
        if have:
            progress.part.unlink()
        raise BrokenOff(f"the server has no {name[:200]} beyond {have:,} bytes")

    def _copy(self, name: str, response: Response, out: BinaryIO, span: tuple[int, int | None]) -> int:
        begin, total = span
        at, limit = begin, self.largest if total is None else total
        for data in self.connection.chunks(response):
            if self.stop.is_set():
                raise Stopped
            at += len(data)
            if at > limit:
                raise IntegrityError(f"{name[:200]} sends more than the {limit:,} bytes it has.", "Try again later.")
            out.write(data)
        flush(out)
        if total is not None and at < total:
            raise BrokenOff(f"{total - at:,} bytes of it did not come")
        return at - begin


def fetch_text(connection: Connection, name: str, largest: int) -> str:
    """A small text file, in memory.

    Raises:
        EcgError: It cannot be fetched, or is larger than allowed.
    """
    tries = 0
    while True:
        try:
            with connection.get(f"{connection.base}{quote(name)}") as response:
                _begin, total = _span(response)
                data = b""
                for piece in connection.chunks(response):
                    data += piece
                    if len(data) > largest:
                        raise IntegrityError(f"{name} is larger than any list of files.", "Check --url.")
                if total is not None and len(data) != total:
                    raise BrokenOff(f"{total - len(data):,} bytes of it did not come")
                return data.decode()
        except UnicodeDecodeError:
            raise IntegrityError(f"{name} is no text.", "Check --url.") from None
        except BrokenOff as broken:
            tries += 1
            if tries >= connection.patience.tries:
                raise EcgError(f"{name}: {broken}, {tries} times.", "Try again later.") from None
            time.sleep(connection.patience.pause_s * 2 ** (tries - 1))


def _span(response: Response) -> tuple[int, int | None]:
    """Where the content begins, and how large the whole file is; None where the server does not say.

    Raises:
        BrokenOff: What it says cannot be.
    """
    length = response.headers.get("Content-Length", "")
    stated = int(length) if length.isdecimal() and len(length) < 19 else None
    if response.status_code == 200:
        return 0, stated
    match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if match is None:
        raise BrokenOff("the server does not say which part it sends")
    begin, end = int(match.group(1)), int(match.group(2))
    total = None if match.group(3) == "*" else int(match.group(3))
    if end < begin or (total is not None and end != total - 1) or (stated is not None and stated != end - begin + 1):
        raise BrokenOff("the sizes that the server states contradict each other")
    return begin, end + 1


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
