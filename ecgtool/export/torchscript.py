"""A trained model as TorchScript: for libtorch, where there is no onnxruntime.

PyTorch calls TorchScript deprecated, in favour of ``torch.export``. But a ``.pt2`` that holds our recurrence needs our
operator to load, while a traced model with a scripted loop needs torch alone, in Python and in C++. So this stays as
long as torch can write it.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable

import torch

from ecgtool.export.scan import Scripted
from ecgtool.export.served import Served


def to_torchscript(model: Served) -> bytes:
    """The model as a TorchScript archive: ``forward(signal[, tokens][, metadata])`` gives probabilities, as in ONNX.

    The batch is dynamic; the number of samples is that of the model.
    """
    trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that it is deprecated, and that the number of samples is fixed: it is
        with Scripted():
            traced = trace(model, model.example(), check_trace=False)
        torch.jit.save(traced, buffer)
    return _without_debugging(buffer.getvalue())


def _without_debugging(archive: bytes) -> bytes:
    """The archive without the tables that lead from its code to the files it was made from, and their folders."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                new.writestr(zipfile.ZipInfo(entry.filename), old.read(entry))
    return made.getvalue()
