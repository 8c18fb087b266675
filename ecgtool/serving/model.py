"""What every way of predicting asks of its model: probabilities, from a recording on a scale that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import BundleManifest
from ecgtool.catalog.modelfile import first_line, runtime_errors
from ecgtool.errors import DataError
from ecgtool.record import Record

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def probabilities_of(
    session: InferenceSession, feeds: Mapping[str, Any], expected: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """What a model says of one batch, float32 of the ``expected`` shape.

    Raises:
        DataError: The model cannot compute it, or gives something that is no probability.
    """
    try:
        made = np.asarray(session.run(["probabilities"], dict(feeds))[0])
    except runtime_errors() as error:
        raise DataError(f"The model failed: {first_line(error)}", "Export it again.") from None
    if made.shape != expected or not (np.isfinite(made) & (made >= 0) & (made <= 1)).all():
        raise DataError("The model gave something that is no probability.", "Is the recording's unit right?")
    return made


def refuse_scale(manifest: BundleManifest, record: Record) -> None:
    """Refuse a recording on another scale than the model's, unless the scale is taken off anyway.

    Raises:
        DataError: One of them is in millivolts and the other is not.
    """
    wanted = manifest.calibrated
    if manifest.preprocessing.normalise != "none" or record.calibrated == wanted:
        return
    if wanted:
        raise DataError(
            f"Record '{record.id}' is not calibrated; the model needs millivolts.",
            "Give a file that states its gain, or a model trained without calibration.",
        )
    raise DataError(
        f"Record '{record.id}' is in millivolts; the model learned from signals of unknown scale.",
        "Use a model trained on calibrated recordings.",
    )
