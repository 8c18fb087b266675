"""What the user says about a log that the log does not say itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.record import MAX_FS, MIN_FS

TIME_UNITS = ("auto", "s", "ms", "us", "samples")
VALUE_UNITS = ("auto", "adc", "mV", "uV", "V")
INTERPOLATIONS = ("linear", "spline")
DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " ", "blank": " ", "comma": ",", "semicolon": ";"}
LONGEST_FILLED_S = 0.04


@dataclass(frozen=True)
class Options:
    """How to read a log; what is None or ``auto`` is found out from the log, or refused.

    Args:
        fs: Rate in Hz, where the log has no times; the rate of the grid where it has.
        time_col: Column of the times, from 0; -1 where no column is a time.
        value_cols: Columns of the values, from 0; every other column where not given.
        delimiter: Between columns: ``,`` ``;`` ``|`` tab, or a blank for any run of blanks.
        decimal: ``.`` or ``,``.
        time_unit: One of :data:`TIME_UNITS`; ``samples`` for a counter of samples.
        interpolate: One of :data:`INTERPOLATIONS`.
        max_gap_s: Longer gaps are left as gaps.
        leads: Names of the leads, one per value column.

    Raises:
        ConfigError: A value that cannot be.
    """

    fs: float | None = None
    time_col: int | None = None
    value_cols: tuple[int, ...] = ()
    delimiter: str | None = None
    decimal: str | None = None
    time_unit: str = "auto"
    interpolate: str = "linear"
    max_gap_s: float = LONGEST_FILLED_S
    leads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.fs is not None and not MIN_FS <= self.fs <= MAX_FS:
            raise ConfigError(f"--fs {self.fs:g} is outside 1-100,000 Hz.")
        known(self.time_unit, TIME_UNITS, "--time-unit")
        known(self.interpolate, INTERPOLATIONS, "--interpolate")
        if self.delimiter is not None:
            given = DELIMITERS.get(self.delimiter.lower(), self.delimiter)
            if given not in {",", ";", "|", "\t", " ", ":"}:
                raise ConfigError(f"--delimiter {given!r} is not known.", "Give , ; | : tab or space.")
            object.__setattr__(self, "delimiter", given)
        if self.decimal is not None:
            known(self.decimal, (".", ","), "--decimal")
        if self.decimal == "," == self.delimiter:
            raise ConfigError("A comma cannot be both --delimiter and --decimal.")
        if not 0 <= self.max_gap_s < math.inf:
            raise ConfigError(f"--max-gap-s {self.max_gap_s:g} is no length of time.", "Give seconds, 0 or more.")
        if min(self.value_cols, default=0) < 0 or len(set(self.value_cols)) < len(self.value_cols):
            raise ConfigError("--value-col needs column numbers from 0, each once.")
        if self.time_col is not None and self.time_col in self.value_cols:
            raise ConfigError(f"Column {self.time_col} cannot be both --time-col and --value-col.")


def known(value: str, choices: tuple[str, ...], option: str) -> None:
    """Refuse a value that an option does not have.

    Raises:
        ConfigError: It is none of the choices.
    """
    if value not in choices:
        raise ConfigError(f"{option} {value!r} is not known.", did_you_mean(value, choices))
