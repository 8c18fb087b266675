"""A run made by hand, without training: the smallest thing that can be evaluated."""

import numpy as np
import torch

from ecgtool.files import write_json
from ecgtool.models.contract import new_model
from ecgtool.run import Lineage, Made, NormStats, Run, member_configs
from ecgtool.settings import TrainConfig


def make_run(path, store, task=None, *, seed=0, arch="cnn1d", options=None):
    """An untrained network with the statistics of the training items, saved as the best checkpoint of a run."""
    begun = _begun(store, task or store.task(), arch, options)
    run = Run.create(str(path), begun.config, {}, begun.lineage, begun.stats)
    _save(run, seed)
    return run


def make_ensemble(path, store, *, temperatures=(0.5, 2.0), own=1.5, arch="cnn1d", options=None):
    """Untrained networks of as many seeds as there are temperatures, whose statistics differ, as an ensemble."""
    begun = _begun(store, store.task(), arch, options)
    training = begun.config.training.model_copy(update={"seeds": tuple(range(len(temperatures)))})
    config = begun.config.model_copy(update={"training": training})
    members = {
        name: Made(member, begun.lineage, begun.stats.model_copy(update={"mean_mv": (shift,) * len(begun.stats.leads)}))
        for shift, (name, member) in enumerate(member_configs(config).items())
    }
    run = Run.create_ensemble(str(path), config, {}, members)
    for seed, (member, temperature) in enumerate(zip(run.members, temperatures, strict=True)):
        _save(member, seed)
        write_json(member.path / "calibration.json", {"temperature": temperature})
    write_json(run.path / "calibration.json", {"temperature": own})
    return run


def _begun(store, task, arch, options):
    held = store.manifest
    train = store.indices("train", task)
    config = TrainConfig(
        arch=arch, data={"dataset": str(store.path), "task": task.name}, model=options or {"width": 4, "stages": 2}
    )
    lineage = Lineage(
        store=str(store.path),
        store_digest=store.digest(task),
        task=task,
        fs=held.fs,
        leads=held.leads,
        samples=held.samples,
        scale_uv=held.scale_uv,
        calibrated=held.calibrated,
        preprocessing=held.preprocessing.model_dump(mode="json"),
        tabular=held.tabular,
        train_patients=tuple(sorted(set(store.items["patient"].iloc[train]))),
        dataset=held.dataset,
    )
    signal = store.signals[train] * held.scale_uv / 1000
    values = store.tabular[train]
    stats = NormStats(
        leads=held.leads,
        mean_mv=tuple(signal.mean(axis=(0, 2)).tolist()),
        std_mv=tuple(signal.std(axis=(0, 2)).tolist()),
        tabular=held.tabular,
        tabular_mean=tuple(np.nanmean(values, axis=0).tolist()),
        tabular_std=tuple(np.nanstd(values, axis=0).tolist()),
        items=len(train),
    )
    return Made(config, lineage, stats)


def _save(run, seed):
    torch.manual_seed(seed)
    state = {f"model.{key}": value for key, value in new_model(run).state_dict().items()}
    torch.save(
        {"state_dict": state, "hyper_parameters": {}, "epoch": 0, "global_step": 0}, run.path / "checkpoints/best.pt"
    )
