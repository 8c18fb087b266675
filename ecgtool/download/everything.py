"""All files of a corpus, several at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, local

from ecgtool.download.connection import Connection, Patience
from ecgtool.download.corpora import Corpus, left_out
from ecgtool.download.fetch import Fetcher, Stopped, fetch_text
from ecgtool.download.listing import LARGEST, NAME, Listed, parse
from ecgtool.files import explained, locked_folder, write_text

_AT_A_TIME = 1000


@dataclass(frozen=True)
class Request:
    """What to download.

    Args:
        corpus: Which.
        folder: Where to.
        url: Instead of the corpus's own.
        part: Of the corpus; all of it where not given.
        force: Replace files that are there and are not those of the corpus.
        workers: Files at a time.
        patience: With the server.
    """

    corpus: Corpus
    folder: Path
    url: str | None = None
    part: str | None = None
    force: bool = False
    workers: int = 4
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Downloaded:
    """What is there now.

    Args:
        files: All of them, verified.
        fetched: Those that were not there before.
        bytes: How much was fetched.
    """

    files: int
    fetched: int
    bytes: int


def download(request: Request, told: Callable[[int], AbstractContextManager[Callable[[int], None]]]) -> Downloaded:
    """Have every file of a corpus in a folder, each verified by its digest.

    What is there and right is not fetched again; what is there in part is gone on with.

    Args:
        request: What, and where to.
        told: Called with the number of files; within its block, what it gives is called with how many more are there.

    Raises:
        ConfigError: A URL or part that cannot be, another process at work, or a file in the place of one.
        FormatError: The list of files is none, or names what cannot be.
        IntegrityError: A file is not what the list promises.
        EcgError: The server cannot be reached, or the disk not be written.
    """
    without = left_out(request.corpus, request.part)
    base = request.url or request.corpus.url
    listing = fetch_text(Connection(base, request.patience), NAME, LARGEST)
    with explained(request.folder):
        request.folder.mkdir(parents=True, exist_ok=True)
    with locked_folder(request.folder):
        files = parse(listing, request.folder, without)
        with told(len(files)) as done:
            got = _bring_all(files, request, base, done)
        write_text(request.folder / NAME, listing)
        _clear(request.folder)
    fetched = [each for each in got if each is not None]
    return Downloaded(len(files), len(fetched), sum(fetched))


def _clear(folder: Path) -> None:
    """Remove what a process left that was ended while it wrote the list; nobody else is at work here."""
    for left in folder.glob(f".{NAME}.*.partial"):
        left.unlink(missing_ok=True)


def _bring_all(files: list[Listed], request: Request, base: str, done: Callable[[int], None]) -> list[int | None]:
    """Bytes fetched for each file; the first that fails ends it all."""
    stop, held = Event(), local()

    def bring(file: Listed) -> int | None:
        if stop.is_set():
            raise Stopped
        if not hasattr(held, "connection"):  # a session is for one thread
            held.connection = Connection(base, request.patience)
        return Fetcher(held.connection, stop, request.force).bring(file)

    got: list[int | None] = []
    with ThreadPoolExecutor(request.workers) as pool:
        try:
            for at in range(0, len(files), _AT_A_TIME):
                futures = [pool.submit(bring, file) for file in files[at : at + _AT_A_TIME]]
                got += _collected(futures, done, stop)
        finally:
            stop.set()
    return got


def _collected(futures: list[Future[int | None]], done: Callable[[int], None], stop: Event) -> list[int | None]:
    """The results, told as they come; the first error, once the others have stopped."""
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, timeout=0.5, return_when=FIRST_EXCEPTION)
        done(len(finished))
        if any(future.exception() for future in finished):
            stop.set()
            break
    wait(futures)
    for future in futures:
        with suppress(Stopped):
            future.result()
    return [future.result() for future in futures]
