"""Catalog: the models of this machine, ``NAME@VERSION`` -> bundle, metrics, aliases, lineage.

``ECG_HOME/catalog.db`` says what there is, ``ECG_HOME/bundles/NAME@VERSION`` holds it. A version is given once and
never again, so that ``NAME@7`` means one model for ever. Registering is whole or absent: the folder is complete before
its row is committed, and a note on disk names the folder in between, so that the next writer clears away what a killed
one left.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecgtool.catalog.bundle import MANIFEST, Bundle, BundleManifest, write_bundle
from ecgtool.catalog.database import reading, writing
from ecgtool.errors import ConfigError, EcgError, IntegrityError, NotFound, did_you_mean
from ecgtool.files import expanded, explained, valid_name, write_text
from ecgtool.home import home, is_path, members

__all__ = ["Bundle", "BundleManifest", "Catalog", "CatalogEntry", "find_bundle", "find_run", "write_bundle"]

LATEST = "latest"
"""``NAME@latest`` is what ``NAME`` alone means: the newest version."""

_TEXT_LIMIT = 10_000
_REFERENCE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63})@(?P<version>[1-9][0-9]{0,8})")


@dataclass(frozen=True)
class CatalogEntry:
    """One registered model.

    Args:
        name: Its name.
        version: 1, 2, 3 ... under that name.
        path: Folder of its bundle.
        digest: The bundle's, when it was registered.
        created: When that was, UTC.
        note: What was said of it then.
        arch: Its architecture.
        task: Name of its task.
        metrics: Values and intervals on the test split; empty where it was not evaluated.
        lineage: Run, configuration, store and its digest, versions of the code.
        aliases: Names that stand for this version.
        tags: Further facts, name to value.
    """

    name: str
    version: int
    path: Path
    digest: str
    created: str
    note: str
    arch: str
    task: str
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """``NAME@VERSION``."""
        return f"{self.name}@{self.version}"

    @property
    def document(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {"reference": self.reference, **asdict(self), "path": str(self.path), "aliases": list(self.aliases)}

    def bundle(self) -> Bundle:
        """Its bundle, every digest checked, and that it is the one that was registered.

        Raises:
            NotFound: The folder was taken away.
            IntegrityError: A file was changed, or the bundle exchanged for another.
        """
        bundle = Bundle.open(self.path)
        if bundle.digest != self.digest:
            raise IntegrityError(
                f"{self.path} is not the bundle that was registered as {self.reference}.", "Register it anew."
            )
        return bundle


class Catalog:
    """The registered models under a home folder. Nothing is read before it is asked for.

    Args:
        root: The folder; ``ECG_HOME`` when not given.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = home() if root is None else root
        self.file = self.root / "catalog.db"
        self.bundles = self.root / "bundles"
        self._note = self.bundles / ".in-progress"

    @classmethod
    def open(cls, root: Path | None = None) -> Catalog:
        """The catalog of this user."""
        return cls(root)

    def register(self, bundle: Bundle, name: str, *, aliases: Sequence[str] = (), note: str = "") -> CatalogEntry:
        """Copy a bundle into the catalog as the next version of a name; whole or absent.

        Args:
            bundle: What to register.
            name: An old name gains a version, a new one gets version 1.
            aliases: Names that are to stand for this version from now on.
            note: What to say of it.

        Raises:
            ConfigError: The name or an alias cannot be one.
            EcgError: It cannot be written; nothing has changed.
        """
        valid_name(name, "model name")
        chosen, said = [_valid_alias(alias) for alias in aliases], _checked_text(note, "note")
        with self._tidied(), writing(self.file) as rows:
            self._clear(rows)
            known, version = self._next(rows, name)
            self._announce(known, version)
            bundle.copy(self.bundles / f"{known}@{version}")
            _insert(rows, known, version, bundle, said)
            for alias in chosen:
                _point(rows, known, alias, version)
            return self._entries(rows, known)[0]

    def entries(self, name: str = "") -> list[CatalogEntry]:
        """Every registered model, or those of one name; by name, the newest version first."""
        with reading(self.file) as rows:
            return [] if rows is None else self._entries(rows, name)

    def resolve(self, reference: str) -> CatalogEntry:
        """The model that ``NAME`` (its newest version), ``NAME@7`` or ``NAME@champion`` means.

        Raises:
            NotFound: There is none; the hint names what there is.
        """
        with reading(self.file) as rows:
            return self._find(rows, reference)

    def alias(self, reference: str, alias: str) -> CatalogEntry:
        """Let ``NAME@alias`` mean this version from now on.

        Raises:
            ConfigError: The alias cannot be one.
            NotFound: There is no such model.
        """
        chosen = _valid_alias(alias)
        with writing(self.file) as rows:
            entry = self._find(rows, reference)
            _point(rows, entry.name, chosen, entry.version)
            return self._find(rows, entry.reference)

    def unalias(self, reference: str, alias: str) -> CatalogEntry:
        """Take an alias away; the model it stood for stays, and is returned.

        Raises:
            ConfigError: It cannot be an alias.
            NotFound: There is no such alias.
        """
        with writing(self.file) as rows:
            entry = self._find(rows, f"{reference.partition('@')[0]}@{_valid_alias(alias)}")
            rows.execute("DELETE FROM aliases WHERE name = ? AND alias = ?", (entry.name, alias))
            return self._find(rows, entry.reference)

    def tag(self, reference: str, key: str, value: str | None) -> CatalogEntry:
        """Note a fact of a version; None takes it away.

        Raises:
            ConfigError: The key or value cannot be one.
            NotFound: There is no such model.
        """
        valid_name(key, "tag")
        said = None if value is None else _checked_text(value, "tag")
        with writing(self.file) as rows:
            entry = self._find(rows, reference)
            where = (entry.name, entry.version, key)
            rows.execute("DELETE FROM tags WHERE name = ? AND version = ? AND key = ?", where)
            if said is not None:
                rows.execute("INSERT INTO tags VALUES (?, ?, ?, ?)", (*where, said))
            return self._find(rows, entry.reference)

    def remove(self, reference: str) -> CatalogEntry:
        """Take a version, its aliases and its bundle away; its number is not given again.

        Raises:
            NotFound: There is no such model.
        """
        with self._tidied(), writing(self.file) as rows:
            self._clear(rows)
            entry = self._find(rows, reference)
            self._announce(entry.name, entry.version)
            rows.execute("DELETE FROM models WHERE name = ? AND version = ?", (entry.name, entry.version))
            return entry

    @contextmanager
    def _tidied(self) -> Iterator[None]:
        """Clear away what the block left, whether it ended well or not; if that fails, the next writer does it."""
        try:
            yield
        finally:
            with suppress(EcgError), writing(self.file) as rows:
                self._clear(rows)

    def _next(self, rows: sqlite3.Connection, name: str) -> tuple[str, int]:
        """The name as it was first spelled, and its next version."""
        found = rows.execute("SELECT name, last FROM names WHERE name = ?", (name,)).fetchone()
        known, version = (found["name"], found["last"] + 1) if found else (name, 1)
        while (self.bundles / f"{known}@{version}").exists():  # of a catalog that was lost
            version += 1
        rows.execute(
            "INSERT INTO names VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = excluded.last", (known, version)
        )
        return known, version

    def _announce(self, name: str, version: int) -> None:
        """Leave word of the folder that is about to come or go; valid while the catalog is locked."""
        write_text(self._note, f"{name}@{version}")

    def _clear(self, rows: sqlite3.Connection) -> None:
        """Remove the folder that was announced if no row stands for it, and the announcement."""
        with explained(self._note):
            for partial in self.bundles.glob(f".{self._note.name}.*"):
                partial.unlink()
            if not self._note.is_file():
                return
            announced = _REFERENCE.fullmatch(self._note.read_text(encoding="utf-8", errors="replace"))
            if announced:
                self._remove_folders(rows, announced["name"], int(announced["version"]))
            self._note.unlink()

    def _remove_folders(self, rows: sqlite3.Connection, name: str, version: int) -> None:
        """Remove what is half made of a version; all of it where no row stands for it."""
        for partial in self.bundles.glob(f".{name}@{version}.*"):
            shutil.rmtree(partial)
        known = rows.execute("SELECT 1 FROM models WHERE name = ? AND version = ?", (name, version)).fetchone()
        folder = self.bundles / f"{name}@{version}"
        if not known and folder.exists():
            shutil.rmtree(folder)

    def _find(self, rows: sqlite3.Connection | None, reference: str) -> CatalogEntry:
        """See :meth:`resolve`."""
        name, at, wanted = reference.partition("@")
        entries = self._entries(rows, name) if rows and name else []
        if not entries:
            names = {entry.name for entry in self._entries(rows)} if rows else set()
            hint = did_you_mean(name, names) or "Nothing is registered yet: ecg register BUNDLE --name NAME"
            raise NotFound(f"There is no model '{name}'.", hint)
        if not at or wanted.lower() == LATEST:
            return entries[0]
        for entry in entries:
            if wanted.lower() in (str(entry.version), *(alias.lower() for alias in entry.aliases)):
                return entry
        known = [alias for entry in entries for alias in (str(entry.version), *entry.aliases)]
        raise NotFound(f"Model '{name}' has no version or alias '{wanted}'.", f"It has: {', '.join(known)}.")

    def _entries(self, rows: sqlite3.Connection, name: str = "") -> list[CatalogEntry]:
        """Those of a name, or all; by name, the newest version first."""
        query = "SELECT * FROM models WHERE ?1 = '' OR name = ?1 ORDER BY name, version DESC"
        return [self._entry(rows, row) for row in rows.execute(query, (name,)).fetchall()]

    def _entry(self, rows: sqlite3.Connection, row: sqlite3.Row) -> CatalogEntry:
        key = (row["name"], row["version"])
        if not _REFERENCE.fullmatch(f"{key[0]}@{key[1]}"):
            raise IntegrityError(f"{self.file} holds a model called {key[0]!r}@{key[1]!r}, which cannot be.")
        aliases = rows.execute("SELECT alias FROM aliases WHERE name = ? AND version = ? ORDER BY alias", key)
        tags = rows.execute("SELECT key, value FROM tags WHERE name = ? AND version = ? ORDER BY key", key)
        return CatalogEntry(
            **{column: row[column] for column in ("name", "version", "digest", "created", "note", "arch", "task")},
            path=self.bundles / f"{row['name']}@{row['version']}",
            metrics=json.loads(row["metrics"]),
            lineage=json.loads(row["lineage"]),
            aliases=tuple(alias for (alias,) in aliases),
            tags=dict(tags.fetchall()),
        )


def find_bundle(model: str) -> Bundle:
    """The bundle that a path, a registered name (``NAME``, ``NAME@7``, ``NAME@champion``) or a bundle's name means.

    Raises:
        NotFound: There is none.
        ConfigError: It is a run, which must be exported first.
        IntegrityError: A file of it was changed.
    """
    path = expanded(model)
    if is_path(model) or _is_model(path):
        if _is_run(path):
            raise ConfigError(f"{path} is a run; a bundle is needed.", f"Make one with: ecg export {path}")
        return Bundle.open(path)
    try:
        return Catalog.open().resolve(model).bundle()
    except NotFound:
        for family in ("bundles", "runs"):
            if model in members(family):
                return find_bundle(str(home() / family / model))
        if path.exists():
            return Bundle.open(path)
        raise


def find_run(source: str) -> Path | None:
    """The run that a path or a name means; None where it means something else, or nothing."""
    path = expanded(source)
    if not _is_model(path) and source in members("runs"):
        path = home() / "runs" / source
    return path if _is_run(path) else None


def _is_model(path: Path) -> bool:
    """Whether a file or folder may be meant as a model; a folder of recordings does not stand in the way of a name."""
    return path.is_file() or (path / MANIFEST).exists() or _is_run(path)


def _is_run(path: Path) -> bool:
    return (path / "config.yaml").is_file() and not (path / MANIFEST).exists()


def _insert(rows: sqlite3.Connection, name: str, version: int, bundle: Bundle, note: str) -> None:
    held = bundle.manifest
    lineage = {**held.run.model_dump(mode="json"), "versions": held.versions}
    metrics = (held.metrics or {}).get("values", {})
    created = datetime.now(UTC).isoformat(timespec="seconds")
    rows.execute(
        "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (name, version, bundle.digest, created, note, held.arch, held.task.name, *map(json.dumps, (metrics, lineage))),
    )


def _point(rows: sqlite3.Connection, name: str, alias: str, version: int) -> None:
    rows.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", (name, alias, version))


def _valid_alias(alias: str) -> str:
    if alias.isdigit() or alias.lower() == LATEST:
        raise ConfigError(f"{alias!r} cannot be an alias: it already means a version.", "For example: champion")
    return valid_name(alias, "alias")


def _checked_text(text: str, what: str) -> str:
    if len(text) > _TEXT_LIMIT or not all(char.isprintable() or char in "\n\t" for char in text):
        raise ConfigError(f"The {what} has control characters, or over {_TEXT_LIMIT:,} characters.", "Shorten it.")
    return text
