"""Windows: where they begin, and what they hold."""

import numpy as np
import pytest

from ecgtool.errors import ConfigError
from ecgtool.signals.windows import cut, onsets


@pytest.mark.parametrize(
    ("total", "samples", "stride", "cover", "expected"),
    [
        (10, 5, 5, False, [0, 5]),
        (12, 5, 5, False, [0, 5]),
        (12, 5, 5, True, [0, 5, 7]),
        (10, 5, 5, True, [0, 5]),
        (10, 4, 2, False, [0, 2, 4, 6]),
        (5, 5, 1, True, [0]),
        (4, 5, 1, False, []),
        (4, 5, 1, True, []),
        (0, 5, 5, False, []),
    ],
)
def test_windows_begin_every_stride_as_long_as_they_fit(total, samples, stride, cover, expected):
    assert onsets(total, samples, stride, cover=cover).tolist() == expected


@pytest.mark.parametrize("cover", [False, True])
def test_a_window_holds_the_samples_from_its_onset(cover):
    signal = np.arange(46, dtype=np.float32).reshape(2, 23)
    windows = cut(signal, 5, 4, cover=cover)
    begins = onsets(23, 5, 4, cover=cover)
    assert windows.shape == (len(begins), 2, 5)
    for window, begin in zip(windows, begins, strict=True):
        np.testing.assert_array_equal(window, signal[:, begin : begin + 5])


def test_a_window_is_a_copy():
    signal = np.zeros((1, 10), np.float32)
    cut(signal, 5, 5)[:] = 1
    assert not signal.any()


def test_a_signal_shorter_than_a_window_gives_none():
    assert cut(np.zeros((3, 4), np.float32), 5, 5).shape == (0, 3, 5)


@pytest.mark.parametrize(("samples", "stride"), [(0, 1), (1, 0), (-1, 1)])
def test_windows_of_less_than_a_sample_are_refused(samples, stride):
    with pytest.raises(ConfigError):
        onsets(10, samples, stride)
