"""From an array of numbers and what is said of it to a Record: which axis is which, what the values mean.

Shared by the formats that are numbers and little else: csv, npy, mat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.reading import distinct_names, make_record, units_per_mv
from ecgtool.formats.sidecar import Sidecar, sidecar_path
from ecgtool.record import Record

MAX_LEADS = 1024


class Shape(NamedTuple):
    """How an array lies: its leads and samples, and whether the leads come first."""

    leads: int
    samples: int
    leads_first: bool


def oriented(path: Path, shape: Sequence[int], said: Sidecar) -> Shape:
    """Which axis is which: as the layout says, or by the one that is as long as there are names of leads.

    Args:
        path: Named in errors.
        shape: Of the array; one axis is one lead.
        said: What is said of it.

    Raises:
        FormatError: It is not said, or does not fit the array.
    """
    if len(shape) == 1:
        found = Shape(1, shape[0], True)
    elif len(shape) == 2:
        found = _of_two(path, (shape[0], shape[1]), said)
    else:
        raise FormatError(
            f"{path} holds an array of {len(shape)} axes; a recording has leads and samples.",
            "Save one recording per file.",
        )
    if said.leads and len(said.leads) != found.leads:
        raise FormatError(f"{path} holds {found.leads} leads, but {len(said.leads)} are named.", _advice(path, "leads"))
    if found.leads > MAX_LEADS or min(found.leads, found.samples) < 1:
        raise FormatError(
            f"{path} would have {found.leads:,} leads of {found.samples:,} samples.", _layout_advice(path)
        )
    return found


def _of_two(path: Path, shape: tuple[int, int], said: Sidecar) -> Shape:
    first, second = Shape(shape[0], shape[1], True), Shape(shape[1], shape[0], False)
    if said.layout:
        return first if said.layout == "leads,samples" else second
    if 1 in shape and shape != (1, 1):
        return first if shape[0] == 1 else second
    fitting = [axes for axes in (first, second) if said.leads and axes.leads == len(said.leads)]
    if len(fitting) != 1:
        raise FormatError(f"{path} holds {shape[0]:,} x {shape[1]:,} values; which axis is the leads is not said.",
                          _layout_advice(path))  # fmt: skip
    return fitting[0]


def _layout_advice(path: Path) -> str:
    return f'Write {sidecar_path(path).name} beside it, with "layout": "leads,samples" or "samples,leads".'


def _advice(path: Path, field: str) -> str:
    return f"Put {field} right in {sidecar_path(path).name} beside it, or in dataset.json."


def rate(path: Path, said: Sidecar) -> float:
    """The sampling rate in Hz.

    Raises:
        FormatError: Nothing says it.
    """
    if said.fs is None:
        raise FormatError(
            f"{path} does not say its sampling rate.",
            f'Write {sidecar_path(path).name} beside it, such as {{"fs": 250}}, or dataset.json for a whole folder.',
        )
    return said.fs


def lead_names(path: Path, count: int, said: Sidecar) -> tuple[str, ...]:
    """Their names; numbered where nothing names them.

    Raises:
        FormatError: A standard lead is named twice.
    """
    if said.leads:
        return distinct_names(said.leads, path)
    return ("ECG",) if count == 1 else tuple(f"ECG {number}" for number in range(1, count + 1))


def to_record(
    path: Path, values: npt.NDArray[Any], said: Sidecar, span: tuple[int, int, int], meta: Mapping[str, Any]
) -> Record:
    """The record of a range of samples.

    Args:
        path: The file.
        values: [leads, samples] as the file has them, of any type of number.
        said: What is said of it; with a rate.
        span: First sample, the one after the last, and how many the recording has.
        meta: Further entries; its ``warnings`` are kept.

    Raises:
        FormatError: No value is a number, a list per lead has another length, or no Record can be made of it.
    """
    fs = rate(path, said)
    leads = lead_names(path, len(values), said)
    signal, calibrated = in_millivolts(path, values, said)
    known: dict[str, Any] = {**said.meta, **meta, "calibrated": calibrated}
    known |= {"start_s": span[0] / fs, "duration_s": span[2] / fs}
    infinite = int(np.isinf(signal).sum())
    if infinite:
        signal[np.isinf(signal)] = np.nan
        known["warnings"] = (*meta.get("warnings", ()), f"{infinite:,} values are infinite; they count as missing.")
    if np.isnan(signal).all():
        raise FormatError(f"{path} holds no number in the range that was asked for.", "Choose another range.")
    if not calibrated and said.unit:
        known["units"] = dict(zip(leads, _spread(path, "unit", said.unit, len(leads)), strict=True))
    return make_record(path, signal, fs, leads, known, patient=said.patient or "")


def in_millivolts(path: Path, values: npt.NDArray[Any], said: Sidecar) -> tuple[npt.NDArray[np.float32], bool]:
    """float32 [leads, samples] in millivolt, and whether the scale to millivolt is known.

    Raises:
        FormatError: A list with one entry per lead has another length; values said to be calibrated have no scale.
    """
    count = len(values)
    units = _spread(path, "unit", said.unit or ("unknown",), count)
    gains = _spread(path, "gain", said.gain or (0.0,), count)
    zeros = _spread(path, "baseline", said.baseline or (0.0,), count)
    scales = [_steps_per_mv(unit, gain) for unit, gain in zip(units, gains, strict=True)]
    known = all(scale is not None for scale in scales)
    if said.calibrated and not known:
        raise FormatError(f"{path} is said to be calibrated, but not in which unit.", _advice(path, "unit"))
    offsets = [zero if unit == "adc" else 0.0 for unit, zero in zip(units, zeros, strict=True)]
    signal = np.empty(values.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for row, (scale, offset) in enumerate(zip(scales, offsets, strict=True)):
            signal[row] = _scaled(values[row], scale or 1.0, offset)
    return signal, known and said.calibrated is not False


def _scaled(row: npt.NDArray[Any], scale: float, offset: float) -> npt.NDArray[Any]:
    """The values less the offset, over the scale; computed in double precision where anything is to be computed."""
    return row if scale == 1.0 and offset == 0.0 else (row.astype(np.float64) - offset) / scale


def _steps_per_mv(unit: str, gain: float) -> float | None:
    """Steps of the file's values in a millivolt; None where it is not known."""
    return (gain or None) if unit == "adc" else units_per_mv(unit)


def _spread(path: Path, field: str, values: Sequence[Any], count: int) -> list[Any]:
    """One value per lead."""
    if len(values) not in (1, count):
        raise FormatError(f"{path} has {count} leads, but {field} has {len(values)} values.", _advice(path, field))
    return list(values) * (count if len(values) == 1 else 1)
