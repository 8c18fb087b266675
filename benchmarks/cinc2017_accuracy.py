"""Macro AUROC and macro F1 of a recipe on 200 recordings of the 2017 Challenge, beside two trivial models.

    ECG_TEST_DATA=... python benchmarks/cinc2017_accuracy.py [--recipe starter-cnn] [--seeds 42,123,456] [--folds 5]

One lead; normal, atrial fibrillation, other rhythm, noise. Windows of 10 s at 100 Hz, 0.5-40 Hz; the logits of a
recording averaged. Every recording is predicted by the member of ``--folds`` that has not seen it. Beside the recipe,
on the same folds: logistic regression on the intervals between beats, and always the commonest label.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from accuracy import MACRO_AUROC, MACRO_F1, parser, prepared, recordings, tell, tell_one, train
from scipy.signal import butter, find_peaks, sosfiltfilt
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecgtool.config import compose
from ecgtool.evaluation import Options, Said, recordings_of
from ecgtool.metrics.patients import by_patient
from ecgtool.metrics.predictions import Predictions
from ecgtool.settings import DataConfig
from ecgtool.store import Store
from ecgtool.training.folds import fold_of

FIGURES = {**MACRO_AUROC, **MACRO_F1}
PREPARED = ("--window-s", "10", "--fs", "100", "--highpass", "0.5", "--lowpass", "40", "--splits", "80,20,0")
Floats = npt.NDArray[np.float64]


def main() -> None:
    options = parser(__doc__, "starter-cnn")
    options.add_argument("--folds", type=int, default=5)
    given = options.parse_args()
    with prepared("folder", recordings("cinc2017"), *PREPARED, "--out", "cinc2017"):
        runs = []
        for seed in given.seeds:
            flags = {"data": {"dataset": "cinc2017", "folds": given.folds}, "training": {"seed": seed}}
            config = compose(given.recipe, flags=flags, sets=given.sets)
            runs.append(train(config, f"seed-{seed}", "val", Options(aggregate="mean")))
        print(f"\n{given.recipe}, out of {given.folds} folds")
        tell(runs, FIGURES)
        data = DataConfig(dataset="cinc2017", folds=given.folds)
        regression = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
        tell_one("logistic regression on intervals between beats", out_of_fold(data, regression), FIGURES)
        tell_one("always the commonest label", out_of_fold(data, DummyClassifier()), FIGURES)


def out_of_fold(data: DataConfig, model: Any) -> Predictions:
    """What a classifier of scikit-learn says of recordings it has not seen, fold by fold."""
    store = Store.open(data.dataset)
    task = store.task()
    items, folds = fold_of(store, task, data)
    features = np.stack([intervals(store.millivolts(item)[0], store.manifest.fs) for item in items])
    targets = np.asarray(store.targets(task))[items]
    logits = np.empty((len(items), len(task.labels)), np.float32)
    for fold in np.unique(folds):
        held_out = folds == fold
        model.fit(features[~held_out], targets[~held_out])
        logits[held_out] = np.log(model.predict_proba(features[held_out]) + 1e-9)
    said = Said(logits, items, np.array(store.targets(task)[items]))
    return by_patient(recordings_of(store, task, "val", said).predictions)


def intervals(lead: Floats, fs: float) -> Floats:
    """Of the intervals between beats: mean, deviation, that of their changes, share of changes over 50 ms; beats."""
    steep = np.abs(sosfiltfilt(butter(2, (8, 20), "bandpass", fs=fs, output="sos"), lead))
    beats, _ = find_peaks(steep, height=0.4 * np.quantile(steep, 0.99), distance=round(0.25 * fs))
    between = np.diff(beats) / fs
    if len(between) < 2:
        return np.array([0.0, 0.0, 0.0, 0.0, len(beats)])
    changes = np.diff(between)
    return np.array(
        [between.mean(), between.std(), np.sqrt(np.mean(changes**2)), np.mean(np.abs(changes) > 0.05), len(beats)]
    )


if __name__ == "__main__":
    main()
