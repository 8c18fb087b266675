"""A training in half a second."""

from ecgtool.config import compose
from ecgtool.training.fit import fit


def small(store, out, *, sets=(), resume=None, **training):
    """Train a tiny network on a store for one epoch."""
    settings = {"epochs": 1, "batch": 20, "lr": 0.01, "device": "cpu", **training}
    flags = {"arch": "cnn1d", "data": {"dataset": str(store.path)}, "model": {"width": 4, "stages": 2}}
    return fit(compose(flags={**flags, "training": settings}, sets=sets), out, resume)
