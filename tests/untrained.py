"""A run made by hand, without training: the smallest thing that can be evaluated."""

import numpy as np
import torch

from ecgtool.config import TrainConfig
from ecgtool.models.contract import new_model
from ecgtool.run import Lineage, NormStats, Run


def make_run(path, store, task=None, *, seed=0, arch="cnn1d", options=None):
    """An untrained network with the statistics of the training items, saved as the best checkpoint of a run."""
    task = task or store.task()
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
    run = Run.create(str(path), config, {}, lineage, stats)
    torch.manual_seed(seed)
    state = {f"model.{key}": value for key, value in new_model(run).state_dict().items()}
    torch.save(
        {"state_dict": state, "hyper_parameters": {}, "epoch": 0, "global_step": 0}, run.path / "checkpoints/best.pt"
    )
    return run
