"""``ecg models``: the models of this machine's catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecgtool.console import Result
from ecgtool.registry import Registry

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.catalog import CatalogEntry

MODELS = Registry(
    "models",
    {
        "list": "ecgtool.commands.models:list_models",
        "show": "ecgtool.commands.models:show",
        "stats": "ecgtool.commands.models:stats",
        "compare": "ecgtool.commands.models:compare",
        "alias": "ecgtool.commands.models:alias",
        "tag": "ecgtool.commands.models:tag",
        "verify": "ecgtool.commands.models:verify",
        "remove": "ecgtool.commands.models:remove",
    },
    "List, show, compare, name, check and remove the registered models.",
)

HEADLINE = "macro_auroc"
"""The metric a listing shows."""

_MODEL = "NAME (its newest version), NAME@7 or NAME@champion."
Model = Annotated[str, typer.Argument(help=_MODEL, show_default=False)]


def list_models(
    name: Annotated[str, typer.Argument(help="Only the versions of this model.", show_default=False)] = "",
) -> Result:
    """List the registered models, the newest version first."""
    from ecgtool.catalog import Catalog
    from ecgtool.console import table

    catalog = Catalog.open()
    entries = catalog.entries(name)
    if not entries:
        if name:
            catalog.resolve(name)  # says what there is instead
        return Result({"models": []}, "No model is registered.", ("ecg register BUNDLE --name NAME",))
    rows = [
        (e.reference, ", ".join(e.aliases), e.task, _measured(e.metrics.get(HEADLINE)), e.created[:10], e.note)
        for e in entries
    ]
    heads = ("model", "aliases", "task", "macro AUROC (95 %)", "registered", "note")
    newest = entries[0].reference
    following = (f"ecg models show {newest}", f"ecg predict {newest} FILE")
    return Result({"models": [entry.document for entry in entries]}, table(heads, rows), following)


def show(model: Model) -> Result:
    """Say everything the catalog knows of a model."""
    from rich.console import Group

    from ecgtool.catalog import Catalog
    from ecgtool.console import table

    entry = Catalog.open().resolve(model)
    rows = [(name, *_bounds(value)) for name, value in entry.metrics.items()]
    metrics = [table(("metric on the test split", "value", "95 % from", "to"), rows)] if rows else []
    return Result(entry.document, Group(facts(entry), *metrics), (f"ecg models verify {entry.reference}",))


def stats() -> Result:
    """Count models, versions and bytes."""
    from ecgtool.catalog import Catalog
    from ecgtool.console import table

    found: dict[str, list[CatalogEntry]] = {}
    for entry in Catalog.open().entries():
        found.setdefault(entry.name, []).append(entry)
    sizes = {name: sum(_size(entry) for entry in entries) for name, entries in found.items()}
    best = {name: _best(entries) for name, entries in found.items()}
    data = {
        name: {"versions": len(entries), "newest": entries[0].reference, "bytes": sizes[name], "best": best[name]}
        for name, entries in found.items()
    }
    rows = [
        (name, len(entries), entries[0].reference, f"{sizes[name] / 1e6:.1f} MB", best[name])
        for name, entries in found.items()
    ]
    heads = ("model", "versions", "newest", "on disk", "best macro AUROC")
    return Result({"models": data}, table(heads, rows) if rows else "No model is registered.", ("ecg models list",))


def compare(
    models: Annotated[list[str], typer.Argument(help=f"Two or more: {_MODEL}", show_default=False)],
) -> Result:
    """Put the test metrics of models side by side."""
    from ecgtool.catalog import Catalog
    from ecgtool.console import log, table
    from ecgtool.errors import ConfigError

    if len(models) < 2:
        raise ConfigError("Comparing takes two models or more.", "For example: ecg models compare NAME@1 NAME@2")
    entries = [Catalog.open().resolve(model) for model in models]
    if len({(entry.task, str(entry.lineage.get("lineage", {}).get("store_digest"))) for entry in entries}) > 1:
        log.warning("These models have another task or other data: their figures do not compare.")
    names = sorted({name for entry in entries for name in entry.metrics})
    rows = [(name, *(_measured(entry.metrics.get(name)) for entry in entries)) for name in names]
    references = [entry.reference for entry in entries]
    data = {"metrics": {name: {e.reference: e.metrics.get(name) for e in entries} for name in names}}
    return Result(data, table(("metric", *references), rows), (f"ecg models alias {references[0]} champion",))


def alias(
    model: Model,
    word: Annotated[str, typer.Argument(help="For example champion.", metavar="ALIAS", show_default=False)],
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away.")] = False,
) -> Result:
    """Let NAME@ALIAS mean this version from now on."""
    from ecgtool.catalog import Catalog

    catalog = Catalog.open()
    entry = catalog.unalias(model, word) if remove else catalog.alias(model, word)
    return Result(entry.document, facts(entry), (f"ecg models show {entry.reference}",))


def tag(
    model: Model,
    pairs: Annotated[list[str], typer.Argument(help="KEY=VALUE, or KEY with --remove.", show_default=False)],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tags away.")] = False,
) -> Result:
    """Note facts of a version as KEY=VALUE."""
    from ecgtool.catalog import Catalog
    from ecgtool.errors import ConfigError

    catalog = Catalog.open()
    entry = catalog.resolve(model)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals and not remove:
            raise ConfigError(f"{pair[:80]!r} is not of the form KEY=VALUE.", "For example: site=ward-3")
        entry = catalog.tag(entry.reference, key, None if remove else value)
    return Result(entry.document, facts(entry), (f"ecg models show {entry.reference}",))


def verify(
    models: Annotated[list[str] | None, typer.Argument(help=f"{_MODEL} All by default.", show_default=False)] = None,
) -> Result:
    """Check every byte of the models' bundles against their digests, and that the models load."""
    from ecgtool.catalog import Catalog
    from ecgtool.console import table

    catalog = Catalog.open()
    entries = [catalog.resolve(model) for model in models] if models else catalog.entries()
    problems = {entry.reference: _problem(entry) for entry in entries}
    rows = [(reference, problem or "fine") for reference, problem in problems.items()]
    return Result(
        {"models": problems, "fine": not any(problems.values())},
        table(("model", "found"), rows) if rows else "No model is registered.",
        code=1 if any(problems.values()) else 0,
    )


def remove(
    model: Annotated[str, typer.Argument(help="NAME@7 or NAME@champion.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Remove it although an alias stands for it.")] = False,
) -> Result:
    """Remove a version and its bundle; its number is not given again."""
    from ecgtool.catalog import Catalog
    from ecgtool.errors import ConfigError

    catalog = Catalog.open()
    entry = catalog.resolve(model)
    if "@" not in model:
        raise ConfigError(
            f"Removing takes a version of '{model}'.", f"For example: ecg models remove {entry.reference}"
        )
    if entry.aliases and not force:
        raise ConfigError(
            f"{entry.reference} is {', '.join(entry.aliases)}.", "Point the alias elsewhere first, or give --force."
        )
    gone = catalog.remove(entry.reference)
    return Result({"removed": gone.reference}, f"Removed {gone.reference}.", ("ecg models list",))


def facts(entry: CatalogEntry) -> RenderableType:
    """What the catalog knows of a model, but for its metrics."""
    from ecgtool.console import table

    lineage = entry.lineage.get("lineage", {})
    known = {
        "model": entry.reference,
        "aliases": ", ".join(entry.aliases),
        "note": entry.note,
        "architecture": entry.arch,
        "task": entry.task,
        "run": entry.lineage.get("run"),
        "mean of": ", ".join(entry.lineage.get("members", ())),
        "store": lineage.get("store"),
        "digest of the store": lineage.get("store_digest"),
        "started from": ", ".join(lineage.get("parents", ())),
        "made by": ", ".join(f"{name} {version}" for name, version in entry.lineage.get("versions", {}).items()),
        "registered": entry.created,
        "bundle": str(entry.path),
        "digest": entry.digest,
        **{f"tag {key}": value for key, value in entry.tags.items()},
    }
    return table(("", ""), [(name, value) for name, value in known.items() if value])


def _problem(entry: CatalogEntry) -> str:
    """What is wrong with the bundle of a model; empty where nothing is."""
    from ecgtool.catalog.bundle import ONNX
    from ecgtool.errors import EcgError

    try:
        bundle = entry.bundle()
        if ONNX in bundle.manifest.digests:
            bundle.session(threads=1)
    except EcgError as error:
        return f"{error.message} {error.hint}".strip()
    return ""


def _size(entry: CatalogEntry) -> int:
    return sum(file.stat().st_size for file in entry.path.rglob("*") if file.is_file())


def _best(entries: Sequence[CatalogEntry]) -> float | None:
    values = [_bounds(entry.metrics.get(HEADLINE))[0] for entry in entries]
    return max((value for value in values if value is not None), default=None)


def _bounds(value: Mapping[str, Any] | None) -> Sequence[float | None]:
    """Value and interval, as the metrics document has them."""
    return [(value or {}).get(key) for key in ("value", "low", "high")]


def _measured(value: Mapping[str, Any] | None) -> str:
    middle, low, high = _bounds(value)
    if middle is None:
        return "–"
    return f"{middle:.3f}" if low is None or high is None else f"{middle:.3f} ({low:.3f}–{high:.3f})"
