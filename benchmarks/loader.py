"""Is the loader ever what training waits for?

    python benchmarks/loader.py [--arch cnn1d] [--items 4000] [--batch 32]

Prints items per second of (a) our loader alone, (b) the usual loader beside it: one ``__getitem__`` per item, float32
made on the CPU, collated; then of (c) the bare model's forward, backward and optimiser step on a batch that lies in
memory, and (d) whole training epochs as ``ecg train`` runs them, with (d) / (c), which is 1 where nothing waits.
Everything runs in this process on one thread, and its processor time is what counts, so that other work on the machine
does not show.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ecgtool.config import compose
from ecgtool.models.contract import load_run
from ecgtool.record import LEADS_12
from ecgtool.run import Run
from ecgtool.store import Store
from ecgtool.training.data import Items, ShuffledBatches, loader
from ecgtool.training.fit import fit
from ecgtool.training.losses import Loss
from ecgtool.training.schedules import optimizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="cnn1d")
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
        trained, bare = training(store, options.arch, options.batch, options.epochs, Path(folder) / "run")
        print(f"(c) bare model, {options.arch:<17} {bare:12,.0f} items/s")
        print(f"(d) training epochs               {trained:12,.0f} items/s   {trained / bare:.3f} of (c)")
        print(f"the loader alone is {ours / bare:.0f} times as fast as the model")


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
    held = {"kind": "records", "dataset": "noise", "tasks": [task], "fs": 100, "leads": LEADS_12, "samples": 1000}
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


def training(store: Store, arch: str, batch: int, epochs: int, out: Path) -> tuple[float, float]:
    """Items per second of training epochs (what more of them cost more), and of the bare model on one batch."""
    flags = {"arch": arch, "data": {"dataset": str(store.path)}}

    def fitted(passes: int, name: str = "") -> tuple[float, Run]:
        settings = {"training": {"epochs": passes, "batch": batch, "device": "cpu"}}
        start = time.process_time()
        run = fit(compose(flags=flags | settings), f"{out}-{name or passes}")
        return time.process_time() - start, run

    fitted(1, "warm-up")
    short, long = fitted(1), fitted(1 + epochs)
    run, epoch = long[1], (long[0] - short[0]) / epochs
    train, val = store.indices("train"), store.indices("val")
    model = load_run(run).train()
    step = optimizer(model, run.config.training)
    loss = Loss("bce", store.task())
    items = Items(store, np.array(store.targets(store.task())), 2)
    part = items[train[:batch]]
    held = part.signal.float() * 1e-3

    def once() -> None:
        step.zero_grad()
        loss(model(held, part.tabular), part.target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        step.step()

    steps = -(-len(train) // batch)
    seconds = _seconds(lambda: [once() for _ in range(steps)])
    model.eval()
    checked = items[val[:64]]
    with torch.inference_mode():
        seconds += _seconds(
            lambda: [model(checked.signal.float() * 1e-3, checked.tabular) for _ in range(len(val) // 64)]
        )
    return len(train) / epoch, len(train) / seconds


def _seconds(work: Callable[[], object]) -> float:
    """Of the better of two."""
    taken = []
    for _ in range(2):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _rate(items: int, work: Callable[[], object]) -> float:
    return items / _seconds(work)


if __name__ == "__main__":
    main()
