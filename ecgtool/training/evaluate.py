"""Evaluate a run: its best checkpoint on one split of a store, with thresholds chosen on its validation split."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from ecgtool.config import checked
from ecgtool.errors import ConfigError, IntegrityError, NotFound
from ecgtool.evaluation import (
    Evaluation,
    Indices,
    Options,
    Recordings,
    concluded,
    fitting,
    leveled,
    recordings_of,
    several_each,
    source_of,
    time_per_record,
)
from ecgtool.files import write_json
from ecgtool.metrics import Metrics, Source, Timing
from ecgtool.metrics.patients import How
from ecgtool.metrics.thresholds import DEFAULT_RULE, Rule
from ecgtool.models.contract import load_run, viewed
from ecgtool.run import Run
from ecgtool.store import Store
from ecgtool.training.folds import seen_patients
from ecgtool.training.history import unfinished
from ecgtool.training.inference import forward, pick_device, predicted
from ecgtool.training.start import refuse_other_words
from ecgtool.training.wave_figures import wave_figures


def evaluate_run(
    run: Run, store: Store | None = None, split: str = "test", device: str = "cpu", *, bootstrap: int = 1000
) -> Metrics:
    """The figures of a run on one split; see :func:`measure`."""
    return measure(run, store, split, Options(device=device, bootstrap=bootstrap)).metrics


def measure(run: Run, store: Store | None = None, split: str = "test", options: Options | None = None) -> Evaluation:
    """Predict a split and compare with its targets.

    On the run's own store the figures are written into the run as ``metrics_SPLIT.json``, those by patient as
    ``metrics_SPLIT_patients.json``; so are those of the validation split, where the thresholds are chosen at the same
    level, if they are not there yet.

    Args:
        run: A run with a finished epoch, or an ensemble of such.
        store: Another store to evaluate on; the run's own when None.
        split: ``train``, ``val`` or ``test``.
        options: How.

    Raises:
        NotFound: The run has no checkpoint, or its store is gone.
        IntegrityError: The run's store has changed since training, or the checkpoint is damaged.
        ConfigError: There is no such rule, no threshold that it could pick, or no such split.
        DataError: The store does not fit the run, or has no labelled item in the split.
    """
    options = options or Options()
    Rule.of(options.rule or DEFAULT_RULE)
    if options.rule and not run.lineage.task.thresholded:
        raise ConfigError(
            f"The task '{run.lineage.task.name}' calls the most probable of {len(run.lineage.task.labels)} labels:"
            " there are no thresholds for a rule to pick.",
            "Leave out --rule.",
        )
    options = replace(options, device=pick_device(options.device))
    data = own_store(run) if store is None else _fitting(run, store)
    recordings = _told(_recordings(run, data, split, options), run)
    source = _source(run, recordings, options)
    found = _judged(run, recordings, source, options, own=store is None)
    if not options.whole:
        return found
    if several_each(found):
        beside = replace(options, aggregate="mean", whole=False)
        found = replace(found, patients=_judged(run, recordings, source, beside, own=store is None))
    elif options.aggregate and store is None and run.metrics(split) is None:  # a bundle's card tells of recordings
        _judged(run, recordings, source, replace(options, aggregate=None, whole=False), own=True)
    return replace(found, members=_members(run, data, split, found, options))


def validation_thresholds(run: Run, options: Options) -> tuple[dict[str, float], str, tuple[str, ...]]:
    """The thresholds of a run at a level, the rule that picked them, and which of them to distrust.

    The validation split is evaluated where it was not yet, or by another rule or aggregate.

    Raises:
        EcgError: As :func:`measure`, for the validation split of the run's own store.
    """
    kept = _kept(run, options.aggregate)
    if kept is None or not _serves(kept, run, options):
        kept = measure(run, None, "val", replace(options, whole=False)).metrics
    source = kept.source
    notes = source.threshold_notes if source else ()
    return kept.thresholds, (source.threshold_rule if source else None) or DEFAULT_RULE, notes


def own_store(run: Run) -> Store:
    """The store a run was trained on, as its architecture reads it.

    Raises:
        NotFound: It is gone.
        IntegrityError: It has been prepared anew since.
    """
    try:
        store = viewed(run)
    except NotFound:
        raise NotFound(
            f"The store {run.lineage.store} that run {run.name} was trained on is gone.", "Name one with --dataset."
        ) from None
    if store.digest(run.lineage.task) != run.lineage.store_digest:
        raise IntegrityError(
            f"Store {store.path} has changed since run {run.name} was trained on it.",
            f"To evaluate on it as it is now: --dataset {store.path}",
        )
    return store


def _fitting(run: Run, store: Store) -> Store:
    """Another store than the run's own, as the run reads it."""
    data = fitting(run.lineage, viewed(run, store))
    refuse_other_words(run, data)
    return data


def _recordings(run: Run, store: Store, split: str, options: Options) -> Recordings:
    said = predicted(run, store, split, device=options.device, batch=options.batch)
    return recordings_of(store, run.lineage.task, split, said)


def _told(recordings: Recordings, run: Run) -> Recordings:
    """The recordings with a note on a run, or on members of an ensemble, whose training was stopped."""
    stopped = unfinished(run)
    if not stopped:
        return recordings
    note = f"Not trained to the end: {', '.join(stopped)}; go on with: ecg train --resume {run.name}"
    said = recordings.predictions
    return replace(recordings, predictions=replace(said, notes=(*said.notes, note)))


def _source(run: Run, recordings: Recordings, options: Options) -> Source:
    """What is evaluated, on what, how fast; the rule of the thresholds is yet to be known."""
    seen = len(seen_patients(run, recordings.store, recordings.predictions.split))
    source = source_of(recordings.store, recordings.predictions, run.name, run.config.arch, seen)
    temperature = run.calibration.temperature
    return source.model_copy(
        update={
            "timing": _timing(run, recordings.store, recordings.items, options),
            "temperature": temperature,
            "members": len(run.members),
        }
    )


def _judged(run: Run, recordings: Recordings, source: Source, options: Options, *, own: bool) -> Evaluation:
    """The evaluation at the level of the options; on the run's own store its document is kept."""
    if own and source.split == "val":
        rule = options.rule or _kept_rule(run, options.aggregate) or DEFAULT_RULE
        chosen = leveled(recordings.predictions, options)
        thresholds, notes = chosen.thresholds(rule), tuple(chosen.threshold_notes(rule))
    else:
        thresholds, rule, notes = validation_thresholds(run, options)
    named = source.model_copy(update={"threshold_rule": rule, "threshold_notes": notes})
    found = concluded(recordings, thresholds, named, options)
    if run.lineage.task.kind == "waves" and not options.aggregate:
        boundaries = wave_figures(run, recordings.store, source.split, options.device, options.bootstrap)
        found = replace(found, metrics=found.metrics.model_copy(update={"waves": boundaries}))
    if own:
        name = f"metrics_{_document(source.split, options.aggregate)}.json"
        write_json(run.path / name, found.metrics.model_dump(mode="json"))
    return found


def _members(run: Run, store: Store, split: str, found: Evaluation, options: Options) -> dict[str, Metrics]:
    """The figures of each member of an ensemble on the items it may be asked of, without intervals."""
    plain = replace(options, bootstrap=0, whole=False)
    made = {member.path.name: _recordings(member, store, split, plain) for member in run.members}
    return {name: leveled(each.predictions, plain).metrics(found.metrics.thresholds, 0) for name, each in made.items()}


def _timing(run: Run, store: Store, indices: Indices, options: Options) -> Timing:
    model, task = load_run(run, device=options.device), run.lineage.task
    named = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    with torch.inference_mode():
        predict = partial(forward, model, store, task=task, device=options.device)
        return time_per_record(predict, indices, options.batch, named, torch.get_num_threads())


def _document(split: str, aggregate: How | None) -> str:
    """What the run calls the figures of a split at a level."""
    return f"{split}_patients" if aggregate else split


def _kept(run: Run, aggregate: How | None) -> Metrics | None:
    name = _document("val", aggregate)
    document = run.metrics(name)
    return None if document is None else checked(Metrics, document, f"metrics_{name}.json")


def _kept_rule(run: Run, aggregate: How | None) -> str | None:
    """The rule that was asked for last: at this level, else for recordings."""
    kept = _kept(run, aggregate) or _kept(run, None)
    return kept.source.threshold_rule if kept and kept.source else None


def _serves(kept: Metrics, run: Run, options: Options) -> bool:
    """Whether kept thresholds are those of this task, rule and aggregate; runs of former versions lack a binary's."""
    source, task = kept.source, run.lineage.task
    if source is None or options.rule not in (None, source.threshold_rule):
        return False
    same = source.aggregate == (options.aggregate or "") and source.temperature == run.calibration.temperature
    return same and set(kept.thresholds) == (set(task.asked) if task.thresholded else set())
