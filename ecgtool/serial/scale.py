"""What an analogue-to-digital converter counted -> millivolts at the electrodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, DataError
from ecgtool.formats.reading import units_per_mv
from ecgtool.serial.options import VALUE_UNITS, known

Floats = npt.NDArray[np.float64]

_IMPOSSIBLE = 0.01


@dataclass(frozen=True)
class Scale:
    """What a logged value is.

    Args:
        unit: One of :data:`~ecgtool.serial.options.VALUE_UNITS`; ``auto`` takes what the header says, else counts.
        vref: Reference voltage of the converter in V.
        bits: Its resolution.
        gain: Of the amplifier before it.
        zero: The count without a voltage; the middle of the range where not given.

    Raises:
        ConfigError: A value that cannot be, or some of vref, bits and gain without the others.
    """

    unit: str = "auto"
    vref: float | None = None
    bits: int | None = None
    gain: float | None = None
    zero: float | None = None

    def __post_init__(self) -> None:
        known(self.unit, VALUE_UNITS, "--unit")
        for option, value in (("--vref", self.vref), ("--gain", self.gain)):
            if value is not None and not 1e-6 < value < 1e9:
                raise ConfigError(f"{option} {value:g} cannot be.", "Give the voltage in V and the gain as a factor.")
        if self.bits is not None and not 1 <= self.bits <= 32:
            raise ConfigError(f"--bits {self.bits} cannot be: converters have 1 to 32.")
        if self.zero is not None and not math.isfinite(self.zero):
            raise ConfigError(f"--zero {self.zero:g} is no count.")
        if self.vref is None and self.bits is not None and self.gain is not None:
            raise ConfigError("--bits and --gain without --vref make no millivolts.", "Give the reference voltage.")
        if self.vref is not None and self.unit not in ("auto", "adc"):
            raise ConfigError(f"--vref is for counts, but the values are in {self.unit}.", "Leave one of the two out.")


@dataclass(frozen=True)
class Scaled:
    """Values on their scale.

    Args:
        values: float64 [samples, leads], in millivolt where calibrated.
        unit: ``mV`` or ``adc``; ``unknown`` where the values are no counts of a converter, and nothing says what.
        formula: How they were made, in words.
        impossible: Values that the converter cannot have given; they are NaN.
        clipped: Values at either end of the converter's range.
    """

    values: Floats
    unit: str
    formula: str
    impossible: int = 0
    clipped: int = 0


def to_millivolts(path: Path, values: Floats, scale: Scale, names: Sequence[str], bits: int | None) -> Scaled:
    """Values in millivolt, where what is known of them allows it; else as they are.

    Args:
        path: Of the log, for messages.
        values: float64 [samples, leads].
        scale: What the user says of them.
        names: Of the value columns in the log's header, which may end in a unit; may be empty.
        bits: The resolution that the header says.

    Raises:
        ConfigError: ``--vref`` or ``--gain`` lacks what it needs.
        DataError: Values beyond what the converter can count.
    """
    units = {unit_in(name) for name in names}
    unit = scale.unit if scale.unit != "auto" else "adc"
    if scale.unit == "auto" and scale.vref is None and len(units) == 1:
        unit = units.pop() or "adc"
    if unit != "adc":
        factor = 1 / float(units_per_mv(unit) or 1) / (scale.gain or 1)
        by = f" / {scale.gain:g}" if scale.gain else ""
        return Scaled(values * factor, "mV", f"mV = value in {unit}{by}" if unit == "mV" else _words(unit, factor))
    if scale.vref is None:
        if scale.gain is not None:
            raise ConfigError("--gain alone makes no millivolts of counts.", "Give --vref and --bits, or --unit V.")
        return Scaled(values, "unknown" if scale.unit == "auto" and _fractional(values) else "adc", "")
    resolution = scale.bits or bits
    if resolution is None or scale.gain is None:
        lacking = "--bits" if resolution is None else "--gain"
        raise ConfigError(f"--vref needs {lacking} to make millivolts of counts.", "See the device's data sheet.")
    return _counts(path, values, scale, resolution)


def unit_in(name: str) -> str | None:
    """The unit in a column's name: ``ecg_mV``, ``II (uV)``; None where there is none.

    >>> unit_in("ECG (mV)"), unit_in("ecg")
    ('mV', None)
    """
    words = name.replace("µ", "u").replace("μ", "u").translate(str.maketrans("_()[]/,", "       ")).split()
    return next((unit for unit in ("mV", "uV", "V") if len(words) > 1 and unit.lower() == words[-1].lower()), None)


def _fractional(values: Floats) -> bool:
    """Whether values are decimals, which no converter counts; a few may be damaged lines."""
    finite = values[np.isfinite(values)]
    return bool((finite != np.rint(finite)).sum() > _IMPOSSIBLE * len(finite))


def _counts(path: Path, values: Floats, scale: Scale, bits: int) -> Scaled:
    """Counts in millivolt; a negative one says that the converter's counts are signed."""
    vref, gain = float(scale.vref or 0), float(scale.gain or 0)
    unsigned = (values >= 0) & (values < 2.0**bits)
    signed = np.abs(values + 0.5) < 2.0 ** (bits - 1)
    valid = np.isfinite(values)
    is_signed = bool((values[valid] < 0).mean() > _IMPOSSIBLE) if valid.any() else False
    possible = signed if is_signed else unsigned
    impossible = int((valid & ~possible).sum())
    if impossible > _IMPOSSIBLE * max(valid.sum(), 1):
        beyond = float(np.nanmax(np.abs(values)))
        raise DataError(f"{path}: values up to {beyond:g} are no counts of {bits} bits.", "Check --bits and the unit.")
    low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if is_signed else (0.0, 2.0**bits - 1)
    clipped = int(((values == low) | (values == high)).sum())
    power = bits - 1 if is_signed else bits
    zero = scale.zero if scale.zero is not None else 0.0 if is_signed else 2.0 ** (bits - 1)
    kept = np.where(possible, values, np.nan)
    formula = f"mV = (count - {zero:g}) * {vref:g} V * 1000 / 2^{power} / {gain:g}"
    return Scaled((kept - zero) * (vref * 1000 / 2.0**power / gain), "mV", formula, impossible, clipped)


def _words(unit: str, factor: float) -> str:
    return f"mV = value in {unit} * {factor:g}"
