"""The catalog's SQLite file: its tables, and transactions that are whole or did not happen.

The rollback journal, not a write-ahead log: it works on network drives too. Reading opens the file read-only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ecgtool.errors import EcgError, FormatError, IntegrityError
from ecgtool.files import explained

SCHEMA = 1
APPLICATION = 0x45434743  # "ECGC", as `file` may show it
_PATIENCE_S = 60.0

_TABLES = """
CREATE TABLE names (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    last INTEGER NOT NULL CHECK (last >= 0)
);
CREATE TABLE models (
    name TEXT NOT NULL COLLATE NOCASE REFERENCES names,
    version INTEGER NOT NULL CHECK (version >= 1),
    digest TEXT NOT NULL,
    created TEXT NOT NULL,
    note TEXT NOT NULL,
    arch TEXT NOT NULL,
    task TEXT NOT NULL,
    metrics TEXT NOT NULL,
    lineage TEXT NOT NULL,
    PRIMARY KEY (name, version)
);
CREATE TABLE aliases (
    name TEXT NOT NULL COLLATE NOCASE,
    alias TEXT NOT NULL COLLATE NOCASE,
    version INTEGER NOT NULL,
    PRIMARY KEY (name, alias),
    FOREIGN KEY (name, version) REFERENCES models ON DELETE CASCADE
);
CREATE TABLE tags (
    name TEXT NOT NULL COLLATE NOCASE,
    version INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, version, key),
    FOREIGN KEY (name, version) REFERENCES models ON DELETE CASCADE
);
"""


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection | None]:
    """The catalog as it is, or None where nothing was ever registered.

    Raises:
        FormatError: It is of a later version, or another program's.
        IntegrityError: It is damaged.
    """
    with _told(file):
        if not file.exists():
            yield None
            return
        with closing(_connect_to_read(file)) as connection:
            yield connection if _version(connection, file) else None


@contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """The catalog, locked; what is written is kept when the block ends without an error, else nothing of it.

    Raises:
        EcgError: It cannot be written, or another process holds it for over a minute.
    """
    with _told(file):
        with explained(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(file, "rwc")) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("BEGIN IMMEDIATE")
            try:
                if not _version(connection, file):
                    _create(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    uri = f"{file.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_to_read(file: Path) -> sqlite3.Connection:
    """A read-only connection; where a writer was killed, one that may undo what it left half done."""
    connection = _connect(file, "ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise
        return _connect(file, "rw")
    return connection


def _create(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _version(connection: sqlite3.Connection, file: Path) -> int:
    """The version of the tables; 0 where there are none yet."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if (version, application) == (SCHEMA, APPLICATION) or (version, application, tables) == (0, 0, 0):
        return version
    if application == APPLICATION:
        raise FormatError(f"{file} has version {version}; this ecgtool reads {SCHEMA}.", "Use a newer ecgtool.")
    raise FormatError(f"{file} is not a catalog of this tool.", "Move it away, or set ECG_HOME to another folder.")


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Turn what SQLite says into one line for the user."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise EcgError(
            f"{file}: {error}.", "Check free space and permissions, and that no other process holds it."
        ) from error
    except sqlite3.DatabaseError as error:
        raise IntegrityError(
            f"{file} is damaged: {error}.", "Put back a copy, or move it away and register the bundles again."
        ) from error
