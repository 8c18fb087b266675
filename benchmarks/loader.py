"""Is the loop around the model ever what training waits for?

    python benchmarks/loader.py [--arch cnn1d | --recipe ptbxl-z-xresnet1d] [--set training.ema=0.99] [--items 4000]

Prints items per second of (a) our loader alone, (b) the usual loader beside it: one ``__getitem__`` per item, float32
made on the CPU, collated; then of (c) the bare network's forward, backward and optimiser step on a batch that lies in
memory, normalised and cropped, and (d) whole training epochs as ``ecg train`` runs them, with (d) / (c), which is 1
where nothing waits: without what a recipe adds, with each of its additions alone, and with all. Everything runs in this
process on one thread, and its processor time is what counts. What other work on the machine still does to it changes
with time, so (c) is measured again after each (d), which is compared with what was before and after it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ecgtool.config import compose, resolve
from ecgtool.models.contract import new_model
from ecgtool.run import Run
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.training.data import Items, ShuffledBatches, loader
from ecgtool.training.fit import fit
from ecgtool.training.losses import Loss
from ecgtool.training.schedules import optimizer

OFF: Mapping[str, Mapping[str, Any]] = {
    "augmentation": {"augment": {"use": ()}},
    "mixup": {"training": {"mixup": 0.0}},
    "average of weights": {"training": {"ema": 0.0, "swa": 0.0}},
}
"""What a recipe may add to the loop, and how to leave it out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="cnn1d")
    parser.add_argument("--recipe", default="")
    parser.add_argument("--set", action="append", default=[], dest="sets", help="section.option=value over the recipe")
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        store = random_store(Path(folder) / "store", options.items)
        ours = loader_alone(store, options.batch)
        usual = usual_loader(store, options.batch)
        print(f"(a) loader alone                  {ours:12,.0f} items/s")
        print(f"(b) usual loader, item by item    {usual:12,.0f} items/s   ours is {ours / usual:.1f} times as fast")
        flags = {"data": {"dataset": str(store.path)}, "training": {"batch": options.batch, "device": "cpu"}}
        flags |= {} if options.recipe else {"arch": options.arch}
        whole = compose(options.recipe, flags=flags, sets=options.sets)
        fit(_over(whole, {"training": {"epochs": 1}}), f"{folder}/warm-up")
        before = bare = network_alone(store, Run.open(f"{folder}/warm-up"))
        print(f"(c) bare network, {whole.arch:<15} {bare:12,.0f} items/s")
        for number, (name, config) in enumerate(additions(whole).items()):
            trained = training(store, config, options.epochs, f"{folder}/{number}")
            after = network_alone(store, Run.open(f"{folder}/warm-up"))
            ratio, before = trained * (1 / before + 1 / after) / 2, after
            print(f"(d) epochs{name:<23} {trained:12,.0f} items/s   {ratio:.3f} of (c)", flush=True)
        print(f"the loader alone is {ours / bare:.0f} times as fast as the network")


def additions(whole: TrainConfig) -> dict[str, TrainConfig]:
    """The configuration without its additions, with each of those it has, and as it is."""
    without = {name: _over(whole, off) for name, off in OFF.items()}
    has = [name for name in OFF if without[name] != whole]
    plain = whole
    for name in has:
        plain = _over(plain, OFF[name])
    alone = {}
    for name in has:
        config = whole
        for other in has:
            config = config if other == name else _over(config, OFF[other])
        alone[f", {name}"] = config
    return {"": plain, **alone, **({", all of it": whole} if len(has) > 1 else {})}


def _over(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    return resolve([config.model_dump(), values])


def random_store(path: Path, items: int) -> Store:
    """Noise of the shape of PTB-XL at 100 Hz; nine tenths to train on."""
    rng = np.random.default_rng(0)
    (path / "targets").mkdir(parents=True)
    np.save(path / "signals.npy", rng.integers(-500, 500, (items, 12, 1000), np.int16))
    np.save(path / "tabular.npy", rng.random((items, 2), np.float32))
    np.save(path / "targets" / "noise.npy", rng.integers(0, 2, (items, 5)).astype(np.uint8))
    split = ["val" if item % 10 == 9 else "train" for item in range(items)]
    rows = [f"{item},p{item},r{item},0,{name},0" for item, name in enumerate(split)]
    (path / "items.csv").write_text("id,patient,record,onset_s,split,fold\n" + "\n".join(rows) + "\n")
    task = {"name": "noise", "kind": "multilabel", "labels": ["A", "B", "C", "D", "E"]}
    held = {
        "kind": "records",
        "dataset": "noise",
        "tasks": [task],
        "fs": 100,
        "leads": [f"E{n}" for n in range(12)],
        "samples": 1000,
    }
    held |= {"items": items, "patients": items, "preprocessing": {"fs": 100}, "tabular": ["age", "sex"]}
    (path / "manifest.json").write_text(json.dumps({"schema_version": 1, **held}))
    return Store.open(path)


def loader_alone(store: Store, batch: int) -> float:
    """Items per second through our loader, up to float millivolts."""
    train = store.indices("train")
    made = loader(Items(store, np.array(store.targets(store.task())), 2), ShuffledBatches(train, batch, 0))
    return _rate(len(train), lambda: [part.signal.float() * 1e-3 for part in made])


class PerItem(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """The usual dataset."""

    def __init__(self, store: Store, indices: np.ndarray) -> None:
        self.store, self.indices, self.targets = store, indices, store.targets(store.task())

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        item = self.indices[number]
        signal = torch.from_numpy(self.store.millivolts(item))
        return signal, torch.from_numpy(self.store.tabular[item].copy()), torch.from_numpy(self.targets[item].copy())


def usual_loader(store: Store, batch: int) -> float:
    """Items per second through a DataLoader that collates items."""
    train = store.indices("train")
    made = DataLoader(PerItem(store, train), batch, shuffle=True)
    return _rate(len(train), lambda: list(iter(made)))


def training(store: Store, config: TrainConfig, epochs: int, out: str) -> float:
    """Items per second of training epochs: what more of them cost more."""

    def fitted(passes: int) -> float:
        start = time.process_time()
        fit(_over(config, {"training": {"epochs": passes}}), f"{out}-{passes}")
        return time.process_time() - start

    once = fitted(1)
    return len(store.indices("train")) * epochs / (fitted(1 + epochs) - once)


def network_alone(store: Store, run: Run) -> float:
    """Items per second of the network on one batch, and its share of a validation, without anything around it."""
    train, val, batch = store.indices("train"), store.indices("val"), run.config.training.batch
    model = new_model(run)
    items, task = Items(store, np.array(store.targets(store.task())), 2), store.task()
    loss, step = Loss("bce", task), optimizer(model, run.config.training)

    def seen(indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        part = items[indices]
        signal = part.signal.float() * 1e-3 if model.crops is None else model.crops(part.signal.float() * 1e-3)
        tabular = part.tabular if model.crops is None else model.crops.repeated(part.tabular)
        return (signal - model.mean) / model.std, tabular

    held, target = seen(train[:batch]), items[train[:batch]].target

    def once() -> None:
        step.zero_grad()
        loss(model.network(held[0], tabular=held[1]), target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        step.step()

    seconds = -(-len(train) // batch) * _seconds(lambda: [once() for _ in range(10)]) / 10
    model.eval()
    checked = seen(val[:64])
    with torch.inference_mode():
        seconds += len(val) / 64 * _seconds(lambda: model.network(checked[0], tabular=checked[1]))
    return len(train) / seconds


def _seconds(work: Callable[[], object]) -> float:
    """Of the best of three."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _rate(items: int, work: Callable[[], object]) -> float:
    return items / _seconds(work)


if __name__ == "__main__":
    main()
