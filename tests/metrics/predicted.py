"""Predictions made up for tests: scores that know something of the target, several recordings per patient."""

import numpy as np

from ecgtool.metrics.logits import activated
from ecgtool.metrics.predictions import Predictions
from ecgtool.task import Task

MULTILABEL = Task(name="findings", kind="multilabel", labels=("AF", "MI", "LVH"))
BINARY = Task(name="ef", kind="multiclass", labels=("low", "normal"), positive="low")
MULTICLASS = Task(name="rhythm", kind="multiclass", labels=("SR", "AF", "OTHER"))


def predictions(task, items=120, each=2, signal=1.5, seed=0, share=0.3, noise=None):
    """Predictions of ``items`` recordings, ``each`` of them per patient; ``noise`` seeds the scores apart."""
    rng = np.random.default_rng(seed)
    people = -(-items // each)
    if task.exclusive:
        rest = (1 - share) / (len(task.labels) - 1)
        chances = [share if label == task.asked[-1] else rest for label in task.labels]
        targets = rng.choice(len(task.labels), people, p=chances).repeat(each)[:items].astype(np.int16)
        marks = np.eye(len(task.labels))[targets]
    else:
        targets = (rng.random((people, len(task.labels))) < share).repeat(each, axis=0)[:items].astype(np.uint8)
        marks = targets.astype(float)
    scores = np.random.default_rng(seed if noise is None else noise + 1000)
    logits = (signal * marks - signal / 2 + scores.normal(size=marks.shape)).astype(np.float32)
    return Predictions(
        task=task,
        ids=tuple(f"r{item}" for item in range(items)),
        patients=tuple(f"p{item // each}" for item in range(items)),
        split="test",
        targets=targets,
        probabilities=activated(task, logits),
        logits=logits,
        metadata={
            "age": tuple(float(20 + 7 * (item // each) % 70) for item in range(items)),
            "sex": tuple("MF"[(item // each) % 2] for item in range(items)),
        },
    )
