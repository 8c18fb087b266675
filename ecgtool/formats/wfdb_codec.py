"""WFDB storage formats: bytes to counts and back, vectorised.

The formats: https://physionet.org/physiotools/wag/signal-5.htm. A file is a sequence of frames; a frame holds the
samples of each of its signals in turn. Here a file is one flat run of counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.integer]
Bytes = npt.NDArray[np.uint8]


class Storage(NamedTuple):
    """How one format packs counts.

    ``block`` counts share ``width`` bytes; a range starts at the beginning of a block. ``last`` is the number of bytes
    that 1, 2 ... counts of an unfinished last block take.
    """

    bits: int
    block: int
    width: int
    last: tuple[int, ...]
    decode: Callable[[Bytes], Counts]
    encode: Callable[[Counts], Bytes]

    @property
    def invalid(self) -> int:
        """The count that marks an invalid sample."""
        return -(2 ** (self.bits - 1))

    def size(self, counts: int) -> int:
        """Bytes that ``counts`` counts take."""
        whole, rest = divmod(counts, self.block)
        return whole * self.width + (self.last[rest - 1] if rest else 0)

    def capacity(self, size: int) -> int:
        """Counts that ``size`` bytes hold."""
        whole, rest = divmod(size, self.width)
        return whole * self.block + sum(needed <= rest for needed in self.last)


def _plain(dtype: str, shift: int = 0) -> tuple[Callable[[Bytes], Counts], Callable[[Counts], Bytes]]:
    """Decoder and encoder of counts stored one by one as ``dtype``, ``shift`` above their value."""
    stored = np.dtype(dtype)
    natural = stored.newbyteorder("=")

    def decode(data: Bytes) -> Counts:
        counts = data.view(stored).astype(natural, copy=False)
        return (counts.astype(np.int32) - shift).astype(np.int16) if shift else counts

    def encode(counts: Counts) -> Bytes:
        return (counts.astype(np.int64) + shift).astype(stored).view(np.uint8)

    return decode, encode


def _triplets(data: Bytes) -> npt.NDArray[np.uint32]:
    """Every three bytes as one number, the lowest first, with a byte of no meaning on top."""
    padded = np.append(data, np.uint8(0))
    return np.ndarray((len(data) // 3,), "<u4", padded, strides=(3,)).astype(np.uint32)


def _decode_24(data: Bytes) -> Counts:
    return (_triplets(data) << np.uint32(8)).view(np.int32) >> 8


def _encode_24(counts: Counts) -> Bytes:
    return counts.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].reshape(-1)


def _decode_212(data: Bytes) -> Counts:
    """Two 12-bit counts in three bytes: low byte, both high nibbles (the first's below), low byte."""
    triplets = _triplets(data)
    # Both counts go to the top of 16 bits each, and from there back with their sign.
    high_nibble = (triplets & np.uint32(0xF000)) << np.uint32(16)
    low_byte = triplets & np.uint32(0xFF0000)
    triplets &= np.uint32(0xFFF)
    triplets |= low_byte
    triplets <<= np.uint32(4)
    triplets |= high_nibble
    return triplets.astype("<u4", copy=False).view("<i2").astype(np.int16, copy=False) >> 4


def _encode_212(counts: Counts) -> Bytes:
    pairs = counts.astype(np.int64).reshape(-1, 2) & 0xFFF
    middle = (pairs[:, 0] >> 8) | (pairs[:, 1] >> 8 << 4)
    return np.stack([pairs[:, 0] & 0xFF, middle, pairs[:, 1] & 0xFF], axis=1).astype(np.uint8).reshape(-1)


def _decode_310(data: Bytes) -> Counts:
    """Three 10-bit counts in two 16-bit words: bits 1-10 of each, then the top five bits of both."""
    words = data.view("<u2").astype(np.uint16, copy=False).reshape(-1, 2)
    counts = np.empty((len(words), 3), np.uint16)
    counts[:, :2] = words << 5
    counts[:, 2] = (words[:, 0] >> 11 << 6) | (words[:, 1] >> 11 << 11)
    return counts.reshape(-1).view(np.int16) >> 6


def _encode_310(counts: Counts) -> Bytes:
    first, second, third = (counts.astype(np.int64).reshape(-1, 3) & 0x3FF).T
    words = [(first << 1) | ((third & 0x1F) << 11), (second << 1) | (third >> 5 << 11)]
    return np.stack(words, axis=1).astype("<u2").reshape(-1).view(np.uint8)


def _decode_311(data: Bytes) -> Counts:
    """Three 10-bit counts in a 32-bit word, the first lowest."""
    words = data.view("<u4")
    counts = np.stack([words << 6, words >> 4, words >> 14], axis=1).astype(np.uint16)
    return (counts & 0xFFC0).reshape(-1).view(np.int16) >> 6


def _encode_311(counts: Counts) -> Bytes:
    first, second, third = (counts.astype(np.int64).reshape(-1, 3) & 0x3FF).T
    return (first | (second << 10) | (third << 20)).astype("<u4").view(np.uint8)


STORAGE: dict[int, Storage] = {
    16: Storage(16, 1, 2, (), *_plain("<i2")),
    24: Storage(24, 1, 3, (), _decode_24, _encode_24),
    32: Storage(32, 1, 4, (), *_plain("<i4")),
    61: Storage(16, 1, 2, (), *_plain(">i2")),
    80: Storage(8, 1, 1, (), *_plain("u1", 128)),
    160: Storage(16, 1, 2, (), *_plain("<u2", 32768)),
    212: Storage(12, 2, 3, (2,), _decode_212, _encode_212),
    310: Storage(10, 3, 4, (2, 4), _decode_310, _encode_310),
    311: Storage(10, 3, 4, (2, 3), _decode_311, _encode_311),
}
DIFFERENCES = 8  # signed bytes, each the step from the sample before; no code for an invalid sample
_STEPS = Storage(8, 1, 1, (), *_plain("i1"))


def storage_of(fmt: int) -> Storage | None:
    """How a storage format packs counts (steps between them, for format 8), or None where it is not known here."""
    return _STEPS if fmt == DIFFERENCES else STORAGE.get(fmt)


def decode(data: Bytes, counts: int, storage: Storage) -> Counts:
    """The first ``counts`` counts of ``data``, int16 or int32; ``data`` starts at the beginning of a block."""
    missing = -len(data) % storage.width
    if missing:
        data = np.concatenate([data, np.zeros(missing, np.uint8)])
    return storage.decode(data)[:counts]


def encode(counts: Counts, storage: Storage) -> bytes:
    """The bytes that hold the flat run of counts."""
    padded = np.concatenate([counts, np.zeros(-len(counts) % storage.block, counts.dtype)])
    return storage.encode(padded)[: storage.size(len(counts))].tobytes()


def checksums(frames: Counts) -> npt.NDArray[np.int16]:
    """The sum of each column of counts [frames, columns] modulo 2^16, as headers state it."""
    if frames.dtype != np.int16:
        frames = frames.astype(np.int16)
    # Several frames side by side make each inner loop long enough to run at the speed of memory.
    rows, columns = frames.shape
    group = max(1, min(512 // columns, rows))
    body = rows // group * group
    sums = frames[:body].reshape(-1, group * columns).sum(axis=0, dtype=np.int16)
    return sums.reshape(group, columns).sum(axis=0, dtype=np.int16) + frames[body:].sum(axis=0, dtype=np.int16)
