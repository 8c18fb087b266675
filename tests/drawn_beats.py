"""A corpus of drawn recordings whose heartbeats are known: normal ones, and ventricular and atrial ectopy."""

import numpy as np

from ecgtool.datasets.beats import Marks
from ecgtool.datasets.corpus import Entry
from ecgtool.record import Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_noise import SILENT
from ecgtool.signals.synth_person import Person
from ecgtool.task import Task

FS, SECONDS = 180.0, 40.0
LEADS = ("MLII", "chest")
TASK = Task(name="aami5", kind="multiclass", labels=("N", "S", "V", "F", "Q"), of="beat", metric="macro_f1")
SPLITS = ("train",) * 10 + ("val",) * 3 + ("test",) * 3


def drawn(number, *, seconds=SECONDS, fs=FS, leads=("II", "V1")):
    """The recording of a person, with its truth: every other one has ventricular beats, every third atrial ones."""
    random = np.random.default_rng(number)
    ectopy = "ventricular" if number % 2 else "atrial" if number % 3 == 0 else ""
    plan = Plan(Person.random(random), rate=float(random.uniform(60, 90)), ectopy=ectopy, ectopic_every=4, noise=SILENT)
    made = draw(plan, fs, seconds, seed=number, name=f"p{number}", patient=f"p{number}")
    return made.record.select(leads), made.truth


class DrawnBeats:
    """A :class:`~ecgtool.datasets.corpus.Corpus` with annotated beats."""

    name = "drawn"
    fs, samples, leads = FS, round(FS * SECONDS), LEADS
    tabular = ()
    notes = ()

    def __init__(self, people=16):
        self.tasks = (TASK,)
        self.entries = [
            Entry(f"r{number}", f"p{number}", f"r{number}", SPLITS[number * len(SPLITS) // people])
            for number in range(people)
        ]
        self.tabular_values = np.empty((people, 0), np.float32)
        self.sources, self.options = {}, {}
        truths = [drawn(number)[1] for number in range(people)]
        sizes = [len(truth.beat_s) for truth in truths]
        self.marks = Marks(
            np.repeat(np.arange(people), sizes),
            np.concatenate([truth.beat_s for truth in truths]),
            np.concatenate([np.array(truth.beat_class) for truth in truths]),
        )
        self.targets = {"aami5": np.array([TASK.labels.index(symbol) for symbol in self.marks.symbol], np.int16)}

    def read(self, entry):
        record, _ = drawn(int(entry.id[1:]))
        return Record(record.signal, record.fs, LEADS, entry.id, entry.patient)
