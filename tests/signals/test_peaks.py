"""R peaks on drawn recordings, whose beats are known, and on what is hardly a recording."""

import numpy as np
import pytest

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.signals.peaks import r_peaks

WINDOW_S = 0.15


def matched(truth_s, found_s):
    """How many beats have a peak of their own within the window."""
    near = np.abs(np.subtract.outer(truth_s, found_s)) <= WINDOW_S
    return int(near.any(axis=1).sum()), int(near.any(axis=0).sum())


def test_beats_of_drawn_recordings_are_found():
    corpus = Synthetic(20, 10, 3, 250.0)
    beats = found = hits = right = 0
    for entry in corpus.entries:
        peaks = r_peaks(corpus.read(entry).signal, 250.0) / 250.0
        truth = corpus.truth(entry).beat_s
        hit, good = matched(truth, peaks)
        beats, found, hits, right = beats + len(truth), found + len(peaks), hits + hit, right + good
    assert hits >= 0.97 * beats
    assert right >= 0.97 * found


@pytest.mark.parametrize("fs", [20.0, 100.0, 500.0, 100_000.0])
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf])
def test_a_line_without_a_heart_has_no_beats(fs, value):
    peaks = r_peaks(np.full((2, int(3 * fs)), value, np.float32), fs)
    assert peaks.shape == (0,)
    assert peaks.dtype == np.int64
