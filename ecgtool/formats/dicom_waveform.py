"""Waveforms of a DICOM file: its multiplex groups, their channels, and samples to millivolts.

The attributes: DICOM PS3.3, section C.10.9 (Waveform module) and C.10.10 (annotations, which are not read).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.dicom_elements import DataSet, Element, Elements
from ecgtool.formats.lead_codes import is_computed, lead_of_code
from ecgtool.formats.reading import units_per_mv
from ecgtool.record import LEADS_12, lead_name

WAVEFORMS = 0x54000100

_ORIGINALITY, _CHANNELS, _SAMPLES, _RATE, _LABEL = 0x003A0004, 0x003A0005, 0x003A0010, 0x003A001A, 0x003A0020
_DEFINITIONS, _BITS, _KIND, _PADDING, _DATA = 0x003A0200, 0x54001004, 0x54001006, 0x5400100A, 0x54001010
_CHANNEL_LABEL, _SOURCE, _DERIVATION = 0x003A0203, 0x003A0208, 0x003A020C
_SENSITIVITY, _UNITS, _CORRECTION, _BASELINE = 0x003A0210, 0x003A0211, 0x003A0212, 0x003A0213
_TIME_SKEW, _SAMPLE_SKEW = 0x003A0214, 0x003A0215
_FILTERS = {"high-pass": 0x003A0220, "low-pass": 0x003A0221, "notch": 0x003A0222}
_CODE, _SCHEME, _MEANING = 0x00080100, 0x00080102, 0x00080104

_TYPES = {"SB": ("i1", 8), "UB": ("u1", 8), "SS": ("i2", 16), "US": ("u2", 16), "SL": ("i4", 32), "UL": ("u4", 32)}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LEAD_NUMBER = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,4})", re.ASCII)
_TEMPLATE = re.compile(r"MEDIAN|TEMPLATE|AVERAGE|REPRESENTATIVE|MEAN|BEAT", re.IGNORECASE)
_MOST_CHANNELS, _PIECE = 1024, 2**18
_AGAIN = "The file is damaged, or was written wrongly; export it again."


class Channel(NamedTuple):
    """One channel of a group."""

    column: int
    lead: str
    unit: str  # empty where there is no calibration
    scale: float  # units per count
    baseline: float  # the unit's value of count 0
    derived: bool
    skew: float  # samples after the first channel
    filters: str


class Group(NamedTuple):
    """One multiplex group: channels sampled together."""

    label: str
    original: bool
    fs: float
    samples: int
    channels: tuple[Channel, ...]
    dtype: np.dtype[np.integer]
    padding: int | None
    data: Element

    @property
    def template(self) -> bool:
        """Whether it is a beat rather than a recording, by its label."""
        return _TEMPLATE.search(self.label) is not None

    @property
    def rank(self) -> tuple[bool, bool, bool, float, int]:
        """What makes it the recording: voltages, no template of a beat, recorded, long, of many channels."""
        voltages = any(units_per_mv(channel.unit) for channel in self.channels)
        return voltages, not self.template, self.original, self.samples / self.fs, len(self.channels)


def load_group(elements: Elements, item: DataSet) -> Group:
    """A multiplex group.

    Args:
        elements: Of the file.
        item: Its item of the waveform sequence.

    Raises:
        FormatError: A field is missing or cannot be, or the data are not as long as the fields say.
    """
    path = elements.source.path
    count, samples = elements.whole(item, _CHANNELS), elements.whole(item, _SAMPLES)
    kind, bits, data = elements.text(item, _KIND), elements.whole(item, _BITS), item.get(_DATA)
    if not count or not samples or data is None or count > _MOST_CHANNELS:
        raise FormatError(f"{path} does not state the channels and samples of a waveform, or holds none.", _AGAIN)
    if kind not in _TYPES or _TYPES[kind][1] != bits:
        raise FormatError(
            f"{path}: waveform samples of type '{kind[:8]}' with {bits} bits cannot be read.",
            "Export it with linear samples of 8, 16 or 32 bits.",
        )
    dtype = np.dtype(_TYPES[kind][0]).newbyteorder(">" if data.coding.big else "<")
    room = data.end - data.begin
    if room < count * samples * dtype.itemsize:
        raise FormatError(
            f"{path} promises {samples:,} samples of {count} channels; its waveform has {room:,} bytes.", _AGAIN
        )
    definitions = elements.items(item, _DEFINITIONS)
    if len(definitions) != count:
        raise FormatError(f"{path} describes {len(definitions)} channels of {count}.", _AGAIN)
    fs = _number(elements, item, _RATE, 0.0)
    if not fs > 0:
        raise FormatError(f"{path}: the sampling frequency of a waveform is missing or cannot be.", _AGAIN)
    channels = [_channel(elements, definition, column, fs) for column, definition in enumerate(definitions)]
    padding = _padding(elements, item, dtype)
    original = elements.text(item, _ORIGINALITY) != "DERIVED"
    return Group(elements.text(item, _LABEL), original, fs, samples, tuple(channels), dtype, padding, data)


def read_group(
    elements: Elements, group: Group, kept: Sequence[Channel], begin: int, end: int
) -> npt.NDArray[np.float32]:
    """Samples ``begin`` to ``end`` of some channels.

    Returns:
        float32 [channels, samples] in millivolt, in the channel's own unit where that is no voltage; NaN where the
        group's padding value stands.

    Raises:
        FormatError: The file ends before.
    """
    width = len(group.channels)
    values = np.empty((len(kept), end - begin), np.float32)
    step = max(1, _PIECE // width)
    for first in range(begin, end, step):
        last = min(first + step, end)
        at = group.data.begin + first * width * group.dtype.itemsize
        data = elements.read(at, (last - first) * width * group.dtype.itemsize)
        counts = np.frombuffer(data, group.dtype).reshape(-1, width)
        for row, channel in enumerate(kept):
            per_mv = units_per_mv(channel.unit) or 1.0
            mine = counts[:, channel.column]
            piece = mine * (channel.scale / per_mv) + channel.baseline / per_mv
            if group.padding is not None:
                piece[mine == group.padding] = np.nan
            values[row, first - begin : last - begin] = piece
    return values


def _channel(elements: Elements, definition: DataSet, column: int, fs: float) -> Channel:
    path = elements.source.path
    lead, computed = _lead(elements, definition, column)
    sensitivity = _number(elements, definition, _SENSITIVITY, math.nan)
    units = elements.items(definition, _UNITS)
    unit = elements.text(units[0], _CODE) if units and not math.isnan(sensitivity) else ""
    scale = sensitivity * _number(elements, definition, _CORRECTION, 1.0) if unit else 1.0
    baseline = _number(elements, definition, _BASELINE, 0.0) if unit else 0.0
    if not 1e-12 < abs(scale) < 1e12 or abs(baseline) > 1e15:
        raise FormatError(
            f"{path}: the sensitivity or baseline of channel {column + 1} ({lead[:16]}) cannot be.", _AGAIN
        )
    derived = computed or _DERIVATION in definition
    skew = _number(elements, definition, _SAMPLE_SKEW, _number(elements, definition, _TIME_SKEW, 0.0) * fs)
    return Channel(column, lead, unit, scale, baseline, derived, skew, _filters(elements, definition))


def _lead(elements: Elements, definition: DataSet, column: int) -> tuple[str, bool]:
    """The lead that a channel names by its code, its label or the code's meaning, and whether it was computed."""
    label = elements.text(definition, _CHANNEL_LABEL)
    sources = elements.items(definition, _SOURCE)
    code, meaning = (elements.text(sources[0], tag) if sources else "" for tag in (_CODE, _MEANING))
    number = _LEAD_NUMBER.fullmatch(code)
    if number and lead_of_code(int(number[1])):
        return lead_of_code(int(number[1])), is_computed(int(number[1]))
    named = [lead_name(re.split(r"[,(]", text)[0]) for text in (label, meaning, code)]
    known = next((name for name in named if name in LEADS_12), "")
    return known or label or meaning or f"channel {column + 1}", False


def _filters(elements: Elements, definition: DataSet) -> str:
    found = {name: _number(elements, definition, tag, 0.0) for name, tag in _FILTERS.items()}
    return ", ".join(f"{name} {value:g} Hz" for name, value in found.items() if value > 0)


def _padding(elements: Elements, item: DataSet, dtype: np.dtype[np.integer]) -> int | None:
    """The count that stands where nothing was recorded."""
    element = item.get(_PADDING)
    if element is None or element.end - element.begin < dtype.itemsize:
        return None
    data = elements.read(element.begin, dtype.itemsize)
    return int(np.frombuffer(data, dtype)[0])


def _number(elements: Elements, data_set: DataSet, tag: int, default: float) -> float:
    """A decimal string; the default where it is absent or none."""
    text = elements.text(data_set, tag)
    value = float(text) if len(text) <= 32 and _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else default
