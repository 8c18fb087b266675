"""Measurements of recordings as a table: one row per recording."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecgtool import console
from ecgtool.console import inert
from ecgtool.delineation.amplitudes import AMPLITUDES
from ecgtool.delineation.measure import Tally, Value
from ecgtool.delineation.walk_files import Summary
from ecgtool.files import refuse_existing, write_text
from ecgtool.store import Store
from ecgtool.waves import Wave


def write_measurements(path: Path, summaries: Sequence[Summary], *, force: bool = False) -> Path:
    """Write what was measured as CSV, whole or not at all; what cannot be told is empty.

    Columns are ``record``, ``seconds``, ``leads``, ``beats``, rates in beats per minute, medians of the intervals in
    ms, QT corrected by four formulas, the share of beats with a P wave, and for each lead the median amplitudes of P,
    R, S and T in mV (``II_r_mv``).

    Raises:
        ConfigError: The file is there, and not to be replaced.
        EcgError: It cannot be written.
    """
    refuse_existing(path, force=force)
    rows = [_row(summary) for summary in summaries]
    heads = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, heads, restval="", lineterminator="\n")
    writer.writerow({name: inert(name) for name in heads})
    writer.writerows(rows)
    return write_text(path, text.getvalue())


def of_stored(store: Store, name: str) -> list[Summary]:
    """What is measured in the items of a store from one of its sets of waves."""
    return list(_measured(store, name))


def _measured(store: Store, name: str) -> Iterator[Summary]:
    held = store.manifest
    ids = store.column("id")
    with console.progress("Measuring", held.items) as advance:
        for item, record in enumerate(ids):
            waves = store.waves(item, name)
            tally = Tally(waves.leads, held.calibrated)
            tally.add(store.millivolts(item), waves)
            counts = {kind.name: len(waves.of(kind=kind)) for kind in Wave}
            seconds = held.samples / held.fs
            yield Summary(
                f"{store.path.name}:{record}", record, seconds, len(waves.leads), (), counts, tally.measurements()
            )
            advance(1)


def _row(summary: Summary) -> dict[str, str]:
    """One recording, its columns by name."""
    found = summary.measured
    rates = {"rate": found.heart_rate, "lowest_rate": found.lowest_rate, "highest_rate": found.highest_rate}
    medians = {"rr_ms": found.rr_ms, "pr_ms": found.pr_ms, "qrs_ms": found.qrs_ms, "qt_ms": found.qt_ms}
    corrected = found.qtc_ms or {}
    row: dict[str, Any] = {
        "record": inert(summary.record),
        "seconds": summary.seconds,
        "leads": summary.leads,
        "beats": found.beats,
        **rates,
        **{key: value and value.median for key, value in medians.items()},
        **{f"qtc_{name}_ms": corrected.get(name) for name in ("bazett", "fridericia", "framingham", "hodges")},
        "p_share": found.p_share,
        **_amplitudes(found.amplitudes_mv or {}),
    }
    return {
        key: "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
        for key, value in row.items()
    }


def _amplitudes(by_lead: Mapping[str, Mapping[str, Value | None]]) -> dict[str, float | None]:
    told = {}
    for lead, waves in by_lead.items():
        for name in AMPLITUDES:
            value = waves[name]
            told[f"{lead}_{name}_mv"] = value.median if value else None
    return told
