"""AUROC and AUPRC by patient of the CTRCD recipe on the fictional clinic's XML, and what else tells the classes apart.

    python benchmarks/ctrcd_accuracy.py [--records 600] [--clinic-seed 42] [--seeds 42,123,456] [--only recipe,signs]

Writes MUSE XML and its manifest, prepares, trains, and prints rows for the test patients: the recipe, the same without
the columns of the manifest, the same with shuffled labels (0.5 must lie inside the interval), and logistic regressions
fitted on the patients of training and validation: on the columns alone, on each sign as it was drawn, on all signs
together, which is about what the recordings can give.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from accuracy import Figure, parser, prepared, tell, tell_one, train
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecgtool.config import compose
from ecgtool.datasets.ctrcd_patients import members, visit_of
from ecgtool.datasets.ctrcd_xml import write_clinic
from ecgtool.evaluation import Options
from ecgtool.metrics.patients import by_patient
from ecgtool.metrics.predictions import Predictions
from ecgtool.store import Store

KINDS: Mapping[str, Mapping[str, Any]] = {
    "recipe": {},
    "without columns": {"tabular": False},
    "shuffled": {"shuffle_labels": True},
}
SIGNS = ("QTc", "voltage", "T", "rate", "QRS")
FIGURES: Mapping[str, Figure] = {
    "AUROC": lambda counted: counted.macro(counted.auroc()),
    "AUPRC": lambda counted: counted.macro(counted.auprc()),
}


def main() -> None:
    options = parser(__doc__, "ctrcd-baseline")
    options.add_argument("--records", type=int, default=600)
    options.add_argument("--clinic-seed", type=int, default=42)
    options.add_argument(
        "--only", default=",".join((*KINDS, "signs")), help="of: recipe, without columns, shuffled, signs"
    )
    given = options.parse_args()
    asked = given.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        clinic = Path(folder) / "ctrcd"
        print(write_clinic(clinic, given.records, given.clinic_seed))
        shape = ("--leads", "8", "--fs", "500", "--length", "5000")
        with prepared("manifest", str(clinic / "manifest.csv"), *shape, "--out", "ctrcd"):
            for kind, data in KINDS.items():
                if kind in asked:
                    print(f"\n{given.recipe}, {kind}")
                    runs = []
                    for seed in given.seeds:
                        flags = {"data": {"dataset": "ctrcd", **data}, "training": {"seed": seed}}
                        config = compose(given.recipe, flags=flags, sets=given.sets)
                        name = f"{kind.replace(' ', '-')}-{seed}"
                        runs.append(train(config, name, options=Options(bootstrap=0, aggregate="mean")))
                    tell(runs, FIGURES)
            if "signs" in asked:
                _tell_regressions(Store.open("ctrcd"), given.records, given.clinic_seed)


def _tell_regressions(store: Store, records: int, seed: int) -> None:
    """Print a row for the columns alone, for each sign as it was drawn, and for all signs together."""
    drawn = [visit_of(seed, *member).plan for member in members(seed, records)]
    signs = np.array([[p.person.qtc_ms, p.person.voltage_mv, p.person.t_mv, p.rate, p.person.qrs_ms] for p in drawn])
    signs = signs[[int(name.removeprefix("line")) - 2 for name in store.column("id")]]
    print("\nLogistic regressions, on the columns and on what was drawn")
    tell_one("the columns alone", _regression(store, np.asarray(store.tabular)), FIGURES)
    for place, name in enumerate(SIGNS):
        tell_one(f"{name} alone", _regression(store, signs[:, [place]]), FIGURES)
    tell_one("all signs", _regression(store, signs), FIGURES)


def _regression(store: Store, values: npt.NDArray[Any]) -> Predictions:
    """What a logistic regression says of the test patients; fitted on all other recordings."""
    task = store.task()
    targets, test = np.asarray(store.targets(task)), store.indices("test", task)
    others = np.concatenate([store.indices(split, task) for split in ("train", "val")])
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(class_weight="balanced"))
    model.fit(values[others], targets[others])
    items = store.items.iloc[test]
    probabilities = model.predict_proba(values[test]).astype(np.float32)
    ids, patients = tuple(items["id"]), tuple(items["patient"])
    return by_patient(Predictions(task, ids, patients, "test", targets[test], probabilities))


if __name__ == "__main__":
    main()
