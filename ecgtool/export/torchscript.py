"""A trained model as TorchScript: for libtorch, where there is no onnxruntime.

PyTorch calls TorchScript deprecated, in favour of ``torch.export``. But a ``.pt2`` that holds our recurrence needs our
operator to load, while a traced model with a scripted loop needs torch alone, in Python and in C++. So this stays as
long as torch can write it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import torch

from ecgtool.export.scan import Scripted
from ecgtool.export.served import Served


def to_torchscript(model: Served) -> bytes:
    """The model as a TorchScript archive: ``forward(signal[, metadata])`` gives the probabilities, as in ONNX.

    The batch is dynamic; the number of samples is that of the model.
    """
    with warnings.catch_warnings(), torch.no_grad(), Scripted():
        warnings.simplefilter("ignore")
        trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace
        buffer = io.BytesIO()
        torch.jit.save(trace(model, model.example(), check_trace=False), buffer)
    return buffer.getvalue()
