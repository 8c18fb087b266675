"""A model card: what a bundle holds, in words a stranger can act on (after Mitchell et al. 2019)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecgtool.console import DISCLAIMER, printable

if TYPE_CHECKING:
    from ecgtool.catalog.bundle import BundleManifest, Parity

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def card(manifest: BundleManifest) -> str:
    """The card as Markdown; whatever a person chose (names, labels, notes) is escaped."""
    sections = (
        (f"# {_text(manifest.name)}", f"**{DISCLAIMER}**"),
        ("## Intended use", _text(manifest.intended_use)),
        ("## Input", _table(("what", "value"), _input_rows(manifest))),
        ("## Output", _output_text(manifest), _table(_label_heads(manifest), _label_rows(manifest))),
        ("## Performance", *_performance(manifest)),
        ("## Origin", _table(("what", "value"), _origin_rows(manifest))),
        ("## Data", _text(manifest.attribution or "Not stated.")),
        ("## Versions", _table(("package", "version"), sorted(manifest.versions.items()) or [("–", "not stated")])),
    )
    return "\n\n".join(part for section in sections for part in section if part) + "\n"


def _input_rows(manifest: BundleManifest) -> list[tuple[str, str]]:
    steps = manifest.preprocessing.model_dump(exclude={"fs"}, exclude_defaults=True)
    done = [f"{name} {value}" for name, value in steps.items() if value not in (None, "none")]
    return [
        ("`signal`", f"float32 [batch, {len(manifest.leads)}, {manifest.samples}]"),
        ("leads", ", ".join(manifest.leads)),
        ("unit", "mV" if manifest.calibrated else "not calibrated"),
        ("sampling rate", f"{manifest.fs:g} Hz"),
        ("duration", f"{manifest.seconds:.4g} s"),
        *_of_beats(manifest),
        *_of_words(manifest),
        ("before the model", ", ".join(done) or "the median of each lead is taken off"),
        ("`metadata`", ", ".join(manifest.tabular) + "; NaN where unknown" if manifest.tabular else "none"),
    ]


def _of_beats(manifest: BundleManifest) -> list[tuple[str, str]]:
    """What is shown of a heartbeat; nothing of other models."""
    if manifest.beats is None:
        return []
    if manifest.words is not None:
        return [("one answer", "of each word that is the QRS complex of a heartbeat")]
    beats = manifest.beats
    return [("one item", f"a heartbeat: {beats.before_s:g} s before its R peak to {beats.after_s:g} s after it")]


def _of_words(manifest: BundleManifest) -> list[tuple[str, str]]:
    """The words of a sentence; nothing of models that read none."""
    if manifest.words is None:
        return []
    said = (
        f"int64 {list(manifest.input_shapes['tokens'])}, words of vocabulary.json, of waves found by {manifest.waves}"
    )
    return [("`tokens`", said)]


def _output_text(manifest: BundleManifest) -> str:
    task = manifest.task
    rule = "exactly one label holds (softmax)" if task.exclusive else "any number of labels (sigmoid)"
    shape = _text(", ".join(map(str, manifest.output_shapes["probabilities"])))
    said = [f"`probabilities` float32 [{shape}], task {_text(task.name)}: {rule}."]
    if task.binary:
        said.append(f"Positive is {_text(task.asked[0])}: called where its probability reaches its threshold.")
    if task.thresholded and manifest.threshold_rule:
        said.append(f"Thresholds were chosen on the validation split by the rule {_text(manifest.threshold_rule)}.")
    return " ".join(said)


def _label_rows(manifest: BundleManifest) -> list[tuple[str, ...]]:
    """The threshold of each label, for a recording and, where it was chosen, for a patient's recordings together."""
    return [
        (label, _cut(manifest, manifest.thresholds, label), _cut(manifest, manifest.patient_thresholds, label))
        if manifest.patient_thresholds
        else (label, _cut(manifest, manifest.thresholds, label))
        for label in manifest.task.labels
    ]


def _label_heads(manifest: BundleManifest) -> tuple[str, ...]:
    if manifest.patient_thresholds:
        return "label", "threshold", "threshold for a patient (mean of the logits)"
    return "label", "threshold"


def _cut(manifest: BundleManifest, chosen: Mapping[str, float], label: str) -> str:
    if label in chosen:
        return f"{chosen[label]:.4g}"
    if not manifest.task.thresholded:
        return "the most probable"
    return "0.5" if label in manifest.task.asked else "where the other is not called"


def _performance(manifest: BundleManifest) -> tuple[str, ...]:
    """The figures; of a binary task means over labels are left out, for there is one label."""
    metrics, one = manifest.metrics, manifest.task.binary
    if not metrics or not isinstance(metrics.get("values"), dict):
        return ("Not evaluated on a test split.",)
    values = {name: value for name, value in metrics["values"].items() if not (one and name.startswith("weighted_"))}
    rows = [(name.removeprefix("macro_") if one else name, *_interval(value)) for name, value in values.items()]
    items = "heartbeats" if manifest.task.of == "beat" else "items"
    on = f"On {metrics.get('items', '?')} {items} of {metrics.get('patients', '?')} patients held out from training."
    return _text(on), _table(("metric", "value", "95 % from", "to"), rows)


def _interval(value: Any) -> tuple[str, str, str]:
    parts = value if isinstance(value, dict) else {"value": value}
    said = (parts.get(key) for key in ("value", "low", "high"))
    first, low, high = (f"{number:.4f}" if isinstance(number, int | float) else "–" for number in said)
    return first, low, high


def _origin_rows(manifest: BundleManifest) -> list[tuple[str, str]]:
    lineage = manifest.run.lineage
    facts = {
        "architecture": manifest.arch,
        "run": manifest.run.run,
        "members": _members(manifest.run.members),
        "temperature": f"{manifest.run.temperature:.4g}, inside the model" if manifest.run.temperature != 1 else None,
        "data set": lineage.get("dataset"),
        "store": lineage.get("store"),
        "digest of the store": lineage.get("store_digest"),
        "started from": ", ".join(str(parent) for parent in lineage.get("parents") or ()),
        "ONNX opset": manifest.opset,
        "difference to the trained model": manifest.parity and _parity(manifest.parity),
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _members(temperatures: Mapping[str, float]) -> str:
    """Whose mean an ensemble is."""
    said = ", ".join(
        name if value == 1 else f"{name} (temperature {value:.4g})" for name, value in temperatures.items()
    )
    return f"the mean of the logits of {len(temperatures)}: {said}" if said else ""


def _parity(parity: Parity) -> str:
    return f"at most {max(parity.max_difference.values()):.1e} over {parity.records} recordings"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: str) -> str:
    plain = re.fullmatch(r"`[a-z]+`", value)  # names of ours, meant as code
    return value if plain else _text(value)


def _text(value: str) -> str:
    """The text on one line, free of HTML, Markdown and control characters."""
    return _MARKDOWN.sub(r"\\\1", html.escape(printable(" ".join(value.split())), quote=False))
