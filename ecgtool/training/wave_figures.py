"""How well a run that labels samples finds the waves that experts marked: boundaries, from whole recordings."""

from __future__ import annotations

import numpy as np
import torch

from ecgtool.console import log
from ecgtool.delineation.network import as_waves
from ecgtool.errors import DataError
from ecgtool.metrics.waves import Tally, WaveFigures, figures, tally
from ecgtool.models.contract import Trained, load_run
from ecgtool.run import Run
from ecgtool.signals.peaks import r_peaks
from ecgtool.store import Store
from ecgtool.training.inference import forward
from ecgtool.views.leads import LeadView
from ecgtool.waves import Waves

REFERENCE = "reference"
"""The set of waves that a run is held against."""


def wave_figures(run: Run, store: Store, split: str, device: str, bootstrap: int) -> WaveFigures | None:
    """The figures of a run on the recordings of a split; None where the store has no waves of an expert.

    Beats are found in the signals; all leads of a recording are decoded together, as where the network is used.

    Args:
        run: A run of a task of waves.
        store: As the run reads it.
        split: ``train``, ``val`` or ``test``.
        device: ``cpu`` or ``cuda``.
        bootstrap: Resamples of the intervals, by record; 0 for none.
    """
    if not isinstance(store, LeadView):
        return None
    try:
        store.base.wave_set(REFERENCE)
    except DataError:
        log.info("%s has no waves of an expert: boundaries are not measured.", store.path.name)
        return None
    model = load_run(run, device=device)
    recordings = np.unique(store.within[store.indices(split, store.viewed)])
    with torch.inference_mode():
        tallies = [_tally(model, store, int(item), device) for item in recordings]
    return figures(tallies, bootstrap)


def _tally(model: Trained, store: LeadView, item: int, device: str) -> Tally:
    """What the model finds of the waves of one recording."""
    base = store.base
    leads, marked = base.manifest.leads, base.waves(item, REFERENCE)
    said = forward(model, store, item * len(leads) + np.arange(len(leads)), store.viewed, device)
    signal = base.millivolts(item)
    fs = base.manifest.fs
    beats = r_peaks(signal, fs)
    found = as_waves(said, signal, signal, beats, fs=fs, slow_fs=fs)
    return tally(marked, Waves(fs, leads, beats, found.table))
