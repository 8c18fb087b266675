"""An exported model on real recordings."""

import json

from untrained import make_run

from ecgtool.export.export import export_run
from ecgtool.store import Store


def test_the_xlstm_preset_says_the_same_on_64_recordings_of_ptb_xl(ecg, recordings, tmp_path):
    assert ecg("prepare", "ptbxl", recordings("ptbxl"), "--out", "ptbxl").code == 0
    store = Store.open("ptbxl")
    run = make_run(tmp_path / "runs" / "ptbxl-xlstm", store, arch="xlstm", options={"dropout": 0.3})
    chosen = dict.fromkeys(store.task().labels, 0.5)
    (run.path / "metrics_val.json").write_text(json.dumps({"thresholds": chosen}))
    parity = export_run(run, tmp_path / "bundle", ("onnx", "torchscript")).manifest.parity
    assert parity.records == 64
    assert max(parity.max_difference.values()) < 1e-5
