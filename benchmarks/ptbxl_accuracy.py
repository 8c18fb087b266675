"""Macro AUROC on fold 10 of PTB-XL over several seeds, and the same with shuffled labels.

    ECG_TEST_DATA=... python benchmarks/ptbxl_accuracy.py [--recipe ptbxl-xlstm] [--seeds 42,123,456] [--skip-shuffled]

Trains on folds 1-8, picks the epoch and the thresholds on fold 9, scores fold 10. With shuffled labels 0.5 must lie
inside the interval of the mean.
"""

from __future__ import annotations

from accuracy import parser, prepared, recordings, tell, train

from ecgtool.config import compose


def main() -> None:
    options = parser(__doc__, "ptbxl-xlstm")
    options.add_argument("--skip-shuffled", action="store_true")
    options.add_argument("--highpass", default="0.05", help="edge in Hz; 0 for no filter")
    given = options.parse_args()
    source = ("ptbxl", recordings("ptbxl"), "--task", "superdiagnostic", "--highpass", given.highpass)
    with prepared(*source):
        for shuffled in (False,) if given.skip_shuffled else (False, True):
            print(f"\n{given.recipe}, fold 10{', labels of folds 1-9 shuffled' if shuffled else ''}")
            data = {"dataset": "ptbxl", "shuffle_labels": shuffled}
            runs = []
            for seed in given.seeds:
                config = compose(given.recipe, flags={"data": data, "training": {"seed": seed}}, sets=given.sets)
                runs.append(train(config, f"seed-{seed}{'-shuffled' if shuffled else ''}"))
            tell(runs)


if __name__ == "__main__":
    main()
