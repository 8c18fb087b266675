"""Values: a figure with its interval, how intervals are made, and when two moments are one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecgtool.metrics.bootstrap import LEVEL
from ecgtool.settings import Section

WINDOW_S = 0.150
"""How far what was found may be from what it is, in seconds, as ANSI/AAMI EC57 has it for beats."""

Method = Literal["bootstrap", "clopper-pearson", "none"]


class Value(Section):
    """A figure and its interval; null where it is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    method: Method = Field(
        "bootstrap",
        description="What made the interval; clopper-pearson: no patient differs, so that resampling says nothing.",
    )
    undefined: int = Field(0, description="Resamples in which the figure is undefined; left out of the interval.")


class Resampling(Section):
    """How the intervals were made."""

    resamples: int
    seed: int
    unit: Literal["patient"] = "patient"
    level: float = LEVEL
