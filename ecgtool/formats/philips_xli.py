"""XLI, the compression of Philips' Sierra ECG: LZW over the bytes of second differences.

A compressed recording is a row of chunks, a lead each. A chunk is a header of eight bytes (int32 number of bytes that
follow, int16 of no known use, int16 first difference) and LZW codes of ten bits, the most significant bit first. They
unpack to the high bytes of all 16-bit words and then their low bytes. The first two words are samples; each later one,
less 64, is how much the slope falls by the next sample.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.xml_leads import AGAIN

Samples = npt.NDArray[np.int16]
Codes = npt.NDArray[np.int64]

_HEADER = struct.Struct("<ihh")
_BITS = 10
_END = 2**_BITS - 1
_ENTRIES = _END  # the table grows up to, and without, the code that ends a chunk
_BIAS = 64
_USUAL = 1  # the number of no known use, in every recording seen


def unpack_xli(path: Path, data: bytes, leads: int, most_samples: int) -> list[Samples]:
    """The leads of a compressed recording.

    Args:
        path: The file, for messages.
        data: All chunks.
        leads: How many are expected.
        most_samples: A lead that unpacks to more is refused before it is unpacked.

    Returns:
        int16 [samples] for each lead, as the device stored it.

    Raises:
        FormatError: A chunk is cut or damaged, or there are fewer than expected.
    """
    unpacked = []
    for begin, end, first in _chunks(path, data, leads):
        packed = _lzw(path, data[begin:end], 2 * most_samples)
        unpacked.append(_samples(packed[: len(packed) & ~1], first))
    return unpacked


def strip_xli(path: Path, data: bytes, leads: int) -> bytes:
    """The chunks of so many leads with nothing that is no sample: zeros after each end, nothing after the last.

    Raises:
        FormatError: A chunk is cut, or there are fewer than expected.
    """
    made = bytearray()
    for begin, end, first in _chunks(path, data, leads):
        used = -(-_BITS * (len(_codes(data[begin:end])) + 1) // 8)  # up to the code that ends it
        codes = data[begin:end][:used]
        made += _HEADER.pack(end - begin, _USUAL, first) + codes.ljust(end - begin, b"\0")
    return bytes(made)


def _chunks(path: Path, data: bytes, leads: int) -> Iterator[tuple[int, int, int]]:
    """Where each chunk's codes begin and end, and its first difference."""
    at = 0
    for number in range(leads):
        begin = at + _HEADER.size
        if begin > len(data):
            raise FormatError(f"{path} ends after {number} of its {leads} compressed leads: it was cut.", AGAIN)
        size, _, first = _HEADER.unpack_from(data, at)
        if not 0 < size <= len(data) - begin:
            raise FormatError(f"{path}: compressed lead {number + 1} of {leads} is cut or damaged.", AGAIN)
        at = begin + size
        yield begin, at, first


def _lzw(path: Path, data: bytes, most: int) -> bytes:
    """The bytes that LZW codes of ten bits stand for (Welch 1984).

    The table gains an entry with every code until it is full; from there on codes are only looked up.
    """
    codes = _codes(data)
    if not len(codes):
        raise FormatError(f"{path}: a compressed lead holds no samples.", AGAIN)
    table = [bytes((value,)) for value in range(256)]
    growing = codes[: _ENTRIES - 255].tolist()
    if growing[0] > 255:
        raise FormatError(f"{path}: a compressed lead is damaged; it begins with an unknown code.", AGAIN)
    last = table[growing[0]]
    parts = [last]
    for code in growing[1:]:
        if code < len(table):
            entry = table[code]
        elif code == len(table):
            entry = last + last[:1]
        else:
            raise FormatError(f"{path}: a compressed lead is damaged; it uses a code before it is defined.", AGAIN)
        table.append(last + entry[:1])
        parts.append(entry)
        last = entry
    settled = codes[len(growing) :]
    lengths = np.array([len(entry) for entry in table])
    if sum(map(len, parts)) + int(lengths[settled].sum()) > most:
        raise FormatError(f"{path}: a compressed lead unpacks to more samples than the file says it has.", AGAIN)
    return b"".join([*parts, *map(table.__getitem__, settled.tolist())])


def _codes(data: bytes) -> Codes:
    """The codes of ten bits, up to the one that ends the chunk."""
    stream = np.unpackbits(np.frombuffer(data, np.uint8))
    bits = stream[: len(stream) // _BITS * _BITS].reshape(-1, _BITS)
    codes = bits @ (1 << np.arange(_BITS - 1, -1, -1, dtype=np.int64))
    ends = np.flatnonzero(codes == _END)
    return codes[: ends[0]] if len(ends) else codes


def _samples(packed: bytes, first: int) -> Samples:
    """Samples from the high and low bytes of their second differences."""
    high, low = np.frombuffer(packed, np.uint8).reshape(2, -1).astype(np.uint16)
    words = (high << 8 | low).astype(np.int16)
    if len(words) < 3:
        return words
    falls = words[1:-1].astype(np.int64) - _BIAS
    falls[0] = first
    slopes = int(words[1]) - int(words[0]) - falls.cumsum()
    samples = words[1] + slopes.cumsum()
    return np.concatenate([words[:2], samples.astype(np.int16)])  # the device computes in 16 bits and wraps
