"""Boundaries of waves against an expert's: how many are found, and how far off they are.

A boundary that was found and one of the expert's are the same where they lie within 150 ms of each other, the window
that AAMI EC57 (2012) has for beats; each counts once, the expert's in order, each with the nearest one that is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ecgtool.metrics.values import WINDOW_S
from ecgtool.settings import Section
from ecgtool.waves import UNKNOWN, Wave, Waves

EDGE_S = 0.02
"""What is found so little outside the span that an expert marked counts as within it."""
BOUNDARIES = tuple(f"{wave.name} {end}" for wave in Wave for end in ("onset", "offset"))
"""Beginning and end of each kind of wave, in the order of figures."""
_LEVEL = 0.95

Floats = npt.NDArray[np.float64]


class Matched(NamedTuple):
    """One kind of boundary in one lead: errors of what was matched in seconds, and how many there are in all."""

    errors: Floats
    marked: int
    found: int


class Boundary(Section):
    """How well one kind of boundary is found. A share of nothing is null."""

    marked: int = Field(description="Boundaries that the expert marked.")
    found: int = Field(description="Boundaries that were found where the expert marked.")
    sensitivity: float | None = Field(description="Share of the marked ones that were found.")
    ppv: float | None = Field(description="Share of the found ones that are marked.")
    f1: float | None = Field(description="Harmonic mean of both.")
    mean_ms: float | None = Field(description="Mean error in ms; above 0: too late.")
    sd_ms: float | None = Field(description="Standard deviation of the error in ms.")
    f1_interval: tuple[float, float] | None = Field(None, description="95 %, records drawn anew.")
    sd_interval: tuple[float, float] | None = Field(None, description="The same of the deviation.")


class WaveFigures(Section):
    """How well the boundaries of waves are found: in total, and lead by lead."""

    records: int
    window_ms: float = 1000 * WINDOW_S
    mean_f1: float | None = Field(description="Mean F1 of the boundaries.")
    total: dict[str, Boundary]
    by_lead: dict[str, dict[str, Boundary]]


Tally = Mapping[tuple[str, str], Matched]
"""(lead, boundary) -> what was matched, of one record."""


def tally(marked: Waves, found: Waves) -> Tally:
    """What of an expert's waves of a record was found, in the leads that both have.

    Only the span from the expert's first mark in a lead to the last one counts.

    Args:
        marked: The expert's.
        found: Another one's, at any rate.
    """
    made: dict[tuple[str, str], Matched] = {}
    for lead, name in enumerate(marked.leads):
        if name not in found.leads:
            continue
        truth = edges(marked, lead)
        times = marked.of(lead=lead)[:, 3:]
        known = times[times != UNKNOWN] / marked.fs
        span = (known.min() - EDGE_S, known.max() + EDGE_S) if len(known) else (0.0, -1.0)
        for boundary, there in edges(found, found.leads.index(name)).items():
            inside = there[(there >= span[0]) & (there <= span[1])]
            made[name, boundary] = matched(truth[boundary], inside)
    return made


def edges(waves: Waves, lead: int) -> dict[str, Floats]:
    """The boundaries of the waves of a lead in seconds, ascending, of each kind of :data:`BOUNDARIES`."""
    columns = [waves.of(lead=lead, kind=kind)[:, column] for kind in Wave for column in (3, 5)]
    return {
        name: np.sort(column[column != UNKNOWN]) / waves.fs for name, column in zip(BOUNDARIES, columns, strict=True)
    }


def matched(marked: Floats, found: Floats, window_s: float = WINDOW_S) -> Matched:
    """Match boundaries one to one.

    Args:
        marked: The expert's, in seconds, ascending.
        found: Another one's.
        window_s: How far apart two may be that are the same.
    """
    errors, used = [], np.zeros(len(found), bool)
    for time in marked.tolist():
        away = np.where(used, np.inf, np.abs(found - time))
        nearest = int(away.argmin()) if len(away) else -1
        if nearest >= 0 and away[nearest] <= window_s:
            used[nearest] = True
            errors.append(found[nearest] - time)
    return Matched(np.array(errors, float), len(marked), len(found))


def figures(tallies: Sequence[Tally], resamples: int = 0, seed: int = 0) -> WaveFigures:
    """The figures of records.

    Args:
        tallies: One of each record.
        resamples: How often records are drawn anew for the intervals; 0 for none.
        seed: Of the drawing.
    """
    leads = list(dict.fromkeys(lead for each in tallies for lead, _ in each))
    total = {name: _boundary([_all_leads(each, name) for each in tallies], resamples, seed) for name in BOUNDARIES}
    by_lead = {
        lead: {name: _boundary([each[lead, name] for each in tallies if (lead, name) in each]) for name in BOUNDARIES}
        for lead in leads
    }
    known = [each.f1 for each in total.values() if each.f1 is not None]
    mean = float(np.mean(known)) if known else None
    return WaveFigures(records=len(tallies), mean_f1=mean, total=total, by_lead=by_lead)


def _all_leads(of_record: Tally, boundary: str) -> Matched:
    held = [each for (_, name), each in of_record.items() if name == boundary]
    errors = np.concatenate([np.empty(0), *(each.errors for each in held)])
    return Matched(errors, sum(each.marked for each in held), sum(each.found for each in held))


def _boundary(records: Sequence[Matched], resamples: int = 0, seed: int = 0) -> Boundary:
    """The figures of one kind of boundary, of all records together."""
    sums = np.array([_sums(each) for each in records]).reshape(-1, 5)
    hit, marked, found, first, second = sums.sum(axis=0).tolist()
    counted: dict[str, float | None] = {
        "sensitivity": _share(hit, marked),
        "ppv": _share(hit, found),
        "f1": _share(2 * hit, marked + found),
        "mean_ms": _share(first, hit),
        "sd_ms": _deviation(hit, first, second),
    }
    made = Boundary(marked=int(marked), found=int(found), **counted)
    if not resamples or not len(sums):
        return made
    drawn = np.random.default_rng(seed).integers(len(sums), size=(resamples, len(sums)))
    again = sums[drawn].sum(axis=1)
    f1s = [_share(2 * row[0], row[1] + row[2]) for row in again.tolist()]
    deviations = [_deviation(row[0], row[3], row[4]) for row in again.tolist()]
    return made.model_copy(update={"f1_interval": _interval(f1s), "sd_interval": _interval(deviations)})


def _sums(each: Matched) -> tuple[float, ...]:
    """Matched, marked and found boundaries, the sum of the errors in ms and that of their squares."""
    errors = 1000 * each.errors
    return len(errors), each.marked, each.found, float(errors.sum()), float((errors**2).sum())


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _deviation(number: float, first: float, second: float) -> float | None:
    return float(np.sqrt(max(second / number - (first / number) ** 2, 0.0))) if number else None


def _interval(values: Sequence[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
