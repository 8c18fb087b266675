"""Macro AUROC on fold 9 of the z-scored excerpt of PTB-XL over several seeds.

    ECG_TEST_DATA=... python benchmarks/ptbxl_z_accuracy.py [--recipe ptbxl-z-xresnet1d] [--seeds 42,123,456]

SCP codes mapped to superclasses. Trains on folds 1-7, picks the epoch on fold 8, scores fold 9.
"""

from __future__ import annotations

from accuracy import parser, prepared, recordings, tell, train

from ecgtool.config import compose


def main() -> None:
    given = parser(__doc__, "ptbxl-z-xresnet1d").parse_args()
    with prepared("folder", recordings("ptbxl-z"), "--label-map", "scp-superdiagnostic", "--out", "ptbxl-z"):
        print(f"\n{given.recipe}, fold 9")
        runs = []
        for seed in given.seeds:
            flags = {"data": {"dataset": "ptbxl-z"}, "training": {"seed": seed}}
            runs.append(train(compose(given.recipe, flags=flags, sets=given.sets), f"seed-{seed}"))
        tell(runs)


if __name__ == "__main__":
    main()
