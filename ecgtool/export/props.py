"""What an ONNX file says of itself, so that a stranger who has only the file can run it right."""

from __future__ import annotations

import json
from typing import Any

from ecgtool.catalog.bundle import BundleManifest
from ecgtool.columns import split_column
from ecgtool.console import DISCLAIMER
from ecgtool.settings import Preprocessing
from ecgtool.signals.filters import BASELINE_HZ, BASELINE_WINDOWS_S, NOTCH_QUALITY, ORDER
from ecgtool.signals.highpass import SPREAD
from ecgtool.words import SPECIAL, TOKEN_COLUMNS

TABULAR = {"age": "years", "sex": "0 male, 1 female"}
"""What the values of the usual columns of ``metadata`` mean."""


def metadata_props(manifest: BundleManifest) -> dict[str, str]:
    """The ``metadata_props`` of a model: texts, and JSON where there is more than one value."""
    task = manifest.task
    documents = {
        "labels": task.labels,
        "leads": manifest.leads,
        "thresholds": manifest.thresholds,
        "preprocessing": manifest.preprocessing.model_dump(mode="json"),
        "preprocessing_steps": steps_in_words(manifest.preprocessing),
        "metadata_columns": {name: _meaning(name) for name in manifest.tabular},
        "inputs": manifest.input_shapes,
        "outputs": manifest.output_shapes,
        "versions": manifest.versions,
    }
    texts = {
        "name": manifest.name,
        "architecture": manifest.arch,
        "task": task.name,
        "kind": task.kind,
        "activation": f"{task.activation}, inside the graph",
        "fs": f"{manifest.fs:g}",
        "samples": str(manifest.samples),
        "unit": manifest.unit if manifest.calibrated else "unknown",
        "calibrated": str(manifest.calibrated).lower(),
        "normalisation": "inside the graph",
        "opset": str(manifest.opset),
        "trained_on": str(manifest.run.lineage.get("dataset", "")),
        "attribution": manifest.attribution,
        "intended_use": manifest.intended_use,
        "disclaimer": DISCLAIMER,
        "made_by": f"ecgtool {manifest.versions.get('ecgtool', '')}".strip(),
    }
    documents |= _words(manifest)
    return texts | {name: json.dumps(document, ensure_ascii=False) for name, document in documents.items()}


def _words(manifest: BundleManifest) -> dict[str, dict[str, Any]]:
    """What ``tokens`` are, where the model reads sentences."""
    if manifest.words is None:
        return {}
    known = {"columns": TOKEN_COLUMNS, "special": SPECIAL, "waves_found_by": manifest.waves}
    return {"tokens": {**known, "vocabulary": manifest.words.vocabulary}}


def _meaning(column: str) -> str:
    name, value = split_column(column)
    return f"1 where {name} is {value}, 0 where it is another" if value else TABULAR.get(name, "as in training")


def steps_in_words(steps: Preprocessing) -> list[str]:
    """What to do to a recording before the model sees it, exactly enough to do it without this package."""
    twice = f"Butterworth of order {ORDER}, forwards and backwards"
    baseline = {
        "none": None,
        "median": f"subtract a moving median over {_seconds(0)}, then one over {_seconds(1)} of that",
        "highpass": f"high-pass at {BASELINE_HZ:g} Hz, {twice}",
    }
    scaling = {
        "none": None,
        "zscore": "scale each lead to mean 0 and standard deviation 1",
        "peak": "scale each lead to a largest magnitude of 1",
    }
    centred, masked = steps.fit == "centre", steps.missing == "mask"
    said = [
        "take the leads by name, in the order of 'leads', in the unit of 'unit'",
        masked and "a chest lead that is missing is the mean of its recorded neighbours, any other missing lead is 0",
        "fill invalid samples by straight lines",
        baseline[steps.baseline],
        steps.highpass and steps.highpass_filter == "butterworth" and f"high-pass at {steps.highpass:g} Hz, {twice}",
        steps.highpass and steps.highpass_filter == "fir" and _linear_phase(steps.highpass),
        steps.lowpass and f"low-pass at {steps.lowpass:g} Hz, {twice}",
        steps.notch and f"notch at {steps.notch:g} Hz, quality {NOTCH_QUALITY:g}, forwards and backwards",
        f"resample to {steps.fs:g} Hz",
        centred and "keep the middle of what is longer than the model's samples",
        "subtract the median of each lead",
        scaling[steps.normalise],
        masked and "the lead 'mask' is the share of the leads that were recorded and valid at each sample",
        centred and "put what is shorter between zeros, as many on either side",
    ]
    return [step for step in said if step]


def _linear_phase(edge: float) -> str:
    return (
        f"high-pass at {edge:g} Hz: take off mean and straight line, then subtract the convolution with a Gaussian of "
        f"standard deviation {SPREAD / edge:.5g} s and sum 1, the signal mirrored beyond its ends"
    )


def _seconds(index: int) -> str:
    return f"{1000 * BASELINE_WINDOWS_S[index]:g} ms"
