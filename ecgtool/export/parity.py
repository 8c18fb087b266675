"""Parity: the exported model says what the trained one says, on real recordings, or there is no export."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ecgtool.catalog.bundle import BundleManifest
from ecgtool.catalog.modelfile import open_session
from ecgtool.console import log
from ecgtool.errors import DataError, IntegrityError
from ecgtool.export.served import Served
from ecgtool.store import SPLITS, Store

LIMIT = 1e-4
"""Largest difference of a probability that is accepted."""
FEWEST = 32
"""Records compared, unless the store has fewer."""
MOST = 64
_BATCHES = (1, 3, 32)
"""Sizes tried one after another, the last one from then on: the batch must be dynamic."""

Floats = npt.NDArray[np.float32]
Inputs = dict[str, npt.NDArray[Any]]
"""``signal`` [batch, leads, samples] in mV, then, where the model takes them, ``tokens`` and raw ``metadata``."""
Predict = Callable[[Inputs], Floats]
"""Probabilities [batch, labels] or [batch, labels, positions]."""


def records(store: Store) -> npt.NDArray[np.int64]:
    """Items to compare on, at most :data:`MOST`: of the test and the validation split, then of the training split.

    Raises:
        DataError: The store is empty.
    """
    chosen = np.concatenate([store.indices(split) for split in reversed(SPLITS)])[:MOST]
    if not len(chosen):
        raise DataError(f"{store.path} has no item to compare the exported model on.")
    if len(chosen) < FEWEST:
        log.warning("%s has %d items: fewer than the %d to compare on.", store.path, len(chosen), FEWEST)
    return chosen


def difference(store: Store, items: npt.NDArray[np.int64], model: Served, exported: Predict) -> float:
    """Largest difference of a probability between the trained and the exported model; NaN if either gives NaN."""
    trained = of_torch(model)
    batches = _batches(store, items, model.input_names)
    worst = [np.max(np.abs(trained(inputs) - exported(inputs))) for inputs in batches]
    return float(np.max(worst))


def refuse_different(what: str, found: float) -> float:
    """The difference itself, if it is small enough.

    Raises:
        IntegrityError: It is over :data:`LIMIT`, or not a number.
    """
    if not found <= LIMIT:
        raise IntegrityError(
            f"{what} differs from the trained model by {found:.2g} in a probability (allowed {LIMIT:g}).",
            "Nothing was written. Please report it, with the run's config.yaml.",
        )
    return found


def of_torch(model: Served) -> Predict:
    """The trained model as a function of arrays."""

    def predict(inputs: Inputs) -> Floats:
        with torch.inference_mode():
            return np.asarray(model(*map(torch.from_numpy, inputs.values())).numpy())

    return predict


def of_onnx(content: bytes, manifest: BundleManifest) -> Predict:
    """An ONNX file in onnxruntime, as a function of arrays; its inputs and outputs are checked."""
    session = open_session(content, "model.onnx", manifest.input_shapes, manifest.output_shapes)

    def predict(inputs: Inputs) -> Floats:
        return np.asarray(session.run(["probabilities"], inputs)[0])

    return predict


def of_torchscript(content: bytes, _manifest: BundleManifest) -> Predict:
    """A TorchScript archive that was written a moment ago, as a function of arrays. Never for a file from elsewhere."""
    load: Callable[..., torch.jit.ScriptModule] = torch.jit.load
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = load(io.BytesIO(content))

    def predict(inputs: Inputs) -> Floats:
        with torch.inference_mode():
            return np.asarray(module(*map(torch.from_numpy, inputs.values())).numpy())

    return predict


def _batches(store: Store, items: npt.NDArray[np.int64], names: Sequence[str]) -> Iterator[Inputs]:
    first, sizes = 0, iter(_BATCHES)
    while first < len(items):
        part = items[first : first + next(sizes, _BATCHES[-1])]
        signal = store.signals[part].astype(np.float32) * np.float32(store.manifest.scale_uv / 1000)
        made = {"signal": signal, "tokens": store.tokens(part), "metadata": np.array(store.tabular[part])}
        yield {name: np.asarray(made[name]) for name in names}
        first += len(part)
