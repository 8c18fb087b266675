"""Two small runs, exported once for all tests here."""

import json

import pytest
import torch
from support import make_store
from untrained import make_run

from ecgtool.export.export import export_run

OPTIONS = {
    "cnn1d": {"width": 4, "stages": 2},
    "xlstm": {"embedding_dim": 8, "slstm_hidden_size": 8, "mlstm_hidden_size": 8, "num_heads": 2, "patch": 25},
    "xresnet1d": {"width": 4},
}
THRESHOLDS = {"SLOW": 0.4, "FAST": 0.5, "STEP": 0.3}


def evaluated_run(path, store, arch):
    """An untrained run with the thresholds that an evaluation would have left."""
    run = make_run(path, store, arch=arch, options=OPTIONS[arch])
    (run.path / "metrics_val.json").write_text(json.dumps({"thresholds": THRESHOLDS}))
    return run


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Networks this small are quicker on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "toy", items=60, leads=3, samples=200)


@pytest.fixture(scope="session")
def runs(tmp_path_factory, store):
    folder = tmp_path_factory.mktemp("runs")
    return {arch: evaluated_run(folder / arch, store, arch) for arch in OPTIONS}


@pytest.fixture(scope="session", params=OPTIONS)
def exported(request, runs, tmp_path_factory):
    """A run and its bundle, in every format."""
    run = runs[request.param]
    out = tmp_path_factory.mktemp("bundles") / run.name
    return run, export_run(run, out, ("onnx", "torchscript"))
