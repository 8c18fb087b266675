"""Two runs of the same settings and seed are the same run, through the command line, with everything switched on."""

import json

import pytest
import torch
from support import make_store

EVERYTHING = (
    *("training.mixup=0.4", "training.oversample=balanced", "training.accumulate=2", "training.label_smoothing=0.1"),
    *("augment.use=[stretch, shift, scale, wander, powerline, muscle, noise, drop, crop]", "augment.mains_hz=30"),
    *("training.class_weights=balanced", "training.crop_s=0.5", "training.keep_last=2", "training.precision=bf16"),
)
WAYS = {
    "cnn1d": ("model.width=4", "model.stages=2", "training.ema=0.9", "training.curriculum=loss"),
    "xresnet1d": ("model.width=4", "training.swa=0.5", "training.curriculum=quality"),
}


@pytest.mark.parametrize("arch", WAYS)
def test_two_runs_of_the_same_settings_and_seed_are_the_same_run(ecg, tmp_path, arch):
    store = make_store(tmp_path / "toy", items=60)
    sets = [word for setting in (*EVERYTHING, *WAYS[arch]) for word in ("--set", setting)]
    for name in ("one", "two"):
        done = ecg("train", "--dataset", store.path, "--arch", arch, "--epochs", 2, "--batch", 8, *sets, "--out", name)
        assert done.code == 0, done.err
    one, two = (tmp_path / "home" / "runs" / name for name in ("one", "two"))
    tables = [[line.rsplit(",", 1)[0] for line in (run / "metrics.csv").read_text().splitlines()] for run in (one, two)]
    assert tables[0] == tables[1]
    for name in ("metrics_val.json", "calibration.json"):
        told = [json.loads((run / name).read_text()) for run in (one, two)]
        for document in told:
            for name_or_time in ("model", "timing"):
                (document.get("source") or {}).pop(name_or_time, None)
        assert told[0] == told[1]
    for name in ("best.pt", "epoch-002.pt"):
        held = [torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"] for run in (one, two)]
        assert all(torch.equal(value, held[1][key]) for key, value in held[0].items())
