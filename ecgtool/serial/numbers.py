"""Decimal numbers in a block of text, all at once."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]

LARGEST = 1e18
"""Beyond this a number is no reading: it would not survive as float32 times a gain."""

_MOST_DIGITS = 15  # a whole number of so many digits, and its quotient by a power of ten, are exact (Clinger 1990)
_ZERO, _POINT, _PLUS, _MINUS = 48, 46, 43, 45
_SHAPES = 32


def plain_decimals(codes: Bytes, begins: Indices, ends: Indices) -> Floats:
    """The numbers between some places of a text, where they are plain: a sign, digits, a point, digits.

    Numbers of one shape (length, sign, digits after the point) are read together, a column of digits at a time.

    Args:
        codes: ASCII, uint8.
        begins: Where each number begins, rising.
        ends: Where each ends, exclusive.

    Returns:
        float64, each the nearest to its decimal; NaN where one has an exponent, more than 15 digits, or is no number.
    """
    lengths = np.minimum(ends - begins, _SHAPES - 1)
    first = codes[begins]
    signed = (first == _MINUS) | (first == _PLUS)
    shapes = lengths + _SHAPES * ((_after_point(codes, begins, ends) + 1) + _SHAPES * signed)
    values = np.empty(len(begins))
    for shape in np.flatnonzero(np.bincount(shapes)):
        chosen = shapes == shape
        each = slice(None) if chosen.all() else np.flatnonzero(chosen)
        values[each] = _of_one_shape(codes, begins[each], int(shape))
    return np.where(first == _MINUS, -values, values)


def any_decimals(text: bytes, expected: int) -> Floats | None:
    """The numbers in a text, exponents and all, if they are as many as expected and none is too large; else None."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values = np.fromstring(text, np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return values if len(values) == expected and (np.abs(values) <= LARGEST).all() else None


def _after_point(codes: Bytes, begins: Indices, ends: Indices) -> Indices:
    """How many digits each number has after its last point; -1 where it has none."""
    points = np.flatnonzero(codes == _POINT)
    after = np.full(len(begins), -1, np.intp)
    if len(points):
        owner = np.searchsorted(begins, points, "right") - 1
        inside = (owner >= 0) & (points < ends[owner])
        points, owner = points[inside], owner[inside]
        after[owner] = np.minimum(ends[owner] - 1 - points, _SHAPES - 2)
    return after


def _of_one_shape(codes: Bytes, begins: Indices, shape: int) -> Floats:
    """Numbers of one length, sign and place of the point, without their sign; NaN where one is none."""
    rest, length = divmod(shape, _SHAPES)
    signed, after = rest // _SHAPES, rest % _SHAPES - 1
    places = [at for at in range(signed, length) if at != length - 1 - after or after < 0]
    if not 0 < len(places) <= _MOST_DIGITS:
        return np.full(len(begins), np.nan)
    value, largest = np.zeros(len(begins)), np.zeros(len(begins), np.uint8)
    for place in places:
        digits = codes[begins + place] - np.uint8(_ZERO)
        np.maximum(largest, digits, out=largest)
        value = 10 * value + digits
    value[largest > 9] = np.nan
    return value / 10.0**after if after > 0 else value
