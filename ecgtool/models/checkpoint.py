"""Weights on disk: loaded without running anything the file says."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from ecgtool.errors import IntegrityError
from ecgtool.files import explained

_DAMAGED = (
    *(RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, AssertionError),
    struct.error,
)
"""What torch raises on files that are no checkpoints."""

PREFIX = "model."
"""Before each key of the model's state in a checkpoint (the Lightning module calls it ``model``)."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's content, tensors and plain values only.

    Raises:
        NotFound: There is no such file.
        IntegrityError: It is damaged, or holds more than tensors and plain values.
    """
    try:
        with explained(path), warnings.catch_warnings(action="ignore"):
            document = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:  # torch's own words advise to load it all the same
        raise IntegrityError(
            f"{path} cannot be read as a checkpoint: it is damaged, or holds more than weights, such as code.",
            "Do not use it.",
        ) from None
    except _DAMAGED as error:
        first = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise IntegrityError(f"{path} cannot be read as a checkpoint: {first}") from None
    if not isinstance(document, dict) or not isinstance(document.get("state_dict"), dict):
        raise IntegrityError(f"{path} is not a checkpoint: it has no state_dict.")
    return document


def load_weights(model: nn.Module, path: Path) -> None:
    """Put a checkpoint's weights into a model of the same shape.

    Raises:
        IntegrityError: A tensor is missing, unknown or of another shape.
    """
    state = {key.removeprefix(PREFIX): value for key, value in read_checkpoint(path)["state_dict"].items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip()[:200] if "\n" in str(error) else str(error)[:200]
        raise IntegrityError(f"{path} does not fit the model of its run: {detail}") from None
