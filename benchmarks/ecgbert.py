"""ecgbert on MIT-BIH: hidden words beside counting them, then heartbeats, pre-trained beside from scratch.

    ECG_TEST_DATA=... python benchmarks/ecgbert.py [--recipe ecgbert-heartbeat] [--seeds 42,123,456] [--keep FOLDER]

Vocabulary, pre-training and fine-tuning see the training patients of DS1 alone; epochs are picked on its validation
patients. Hidden words are those at the fixed gaps of sentences, all of them masked. ``same kind`` is told what kind of
wave is hidden, which the network is not, and says the word of that kind that the sentence has most of. Both trainings
of each seed differ in the weights they start from alone.

It takes the better part of an hour. With ``--keep`` the store and the runs stay in a folder, and the same command goes
on where it was stopped. Seconds are those of the epochs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import numpy.typing as npt
from accuracy import parser, recordings
from mitdb_accuracy import counted_of, tell

from ecgtool import cli, console
from ecgtool.config import compose
from ecgtool.home import place
from ecgtool.metrics.logits import activated
from ecgtool.models.contract import load_run, viewed
from ecgtool.run import Run
from ecgtool.sentences.ngrams import MODELS, NGrams
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.training.fit import fit
from ecgtool.training.history import Outcome, read_history
from ecgtool.training.inference import decided
from ecgtool.views.sentences import SentenceView
from ecgtool.words import FIRST_WORD, MASK

DATA = {"dataset": "mitdb", "task": "aami5"}


def main() -> None:
    options = parser(__doc__, "ecgbert-heartbeat")
    options.add_argument("--pretraining", default="ecgbert-pretrain", help="the recipe that comes before")
    options.add_argument("--split", default="test", choices=("val", "test"))
    options.add_argument("--keep", default="", help="a folder for the store and the runs, to go on from")
    given, start = options.parse_args(), time.perf_counter()
    with worded(given.keep):
        tell_all(given)
    print(f"\nin all {(time.perf_counter() - start) / 60:.1f} min")


@contextmanager
def worded(keep: str) -> Iterator[None]:
    """A folder with the store and its sentences, made as far as they are not there yet; kept where it has a name."""
    console.setup_logging(-1)
    with nullcontext(keep) if keep else tempfile.TemporaryDirectory() as folder:
        os.environ["ECG_HOME"] = str(Path(folder).resolve())
        path = place("stores", "mitdb")
        if not path.exists():
            done("prepare", "mitdb", recordings("mitdb"), "--task", "aami5")
        if not Store.open(path).manifest.waves:
            done("segment", "mitdb")
        if not Store.open(path).manifest.sentences:
            done("sentences", "mitdb")
        yield


def done(*command: str) -> None:
    """Give a command, which must succeed."""
    if cli.run([*command, "-q"]):
        raise SystemExit(1)


def tell_all(given: argparse.Namespace) -> None:
    """Train what is not trained yet, and print every table."""
    first = trained(compose(given.pretraining, flags={"data": {"dataset": "mitdb"}}), "pretrained")
    tell_words(first)
    for name, init in (("pre-trained", "pretrained"), ("from scratch", "")):
        runs = []
        for seed in given.seeds:
            flags = {"data": DATA, "training": {"seed": seed, "init": init}}
            run = trained(compose(given.recipe, flags=flags, sets=given.sets), f"{name.replace(' ', '-')}-{seed}")
            runs.append((seed, counted_of(run, given.split), seconds(run)))
        tell(f"{given.recipe}, {name},", runs)


def trained(config: TrainConfig, name: str) -> Run:
    """The run of this name, trained to its end; a kept one goes on from where it is."""
    path = place("runs", name)
    if path.exists() and Run(path).config != config:
        raise SystemExit(f"{path} was trained otherwise; name another folder with --keep")
    return fit(config, name, resume=str(path) if path.exists() else None)


def seconds(run: Run) -> float:
    """How long its epochs took."""
    return sum(row["seconds"] for row in read_history(run))


def tell_words(run: Run) -> None:
    """Print how well hidden words of the validation and test patients are guessed, by whom."""
    outcome, store = Outcome.of(run), viewed(run)
    print(
        f"\n{run.config.arch}, {outcome.epochs} epochs in {seconds(run):.0f} s, best {outcome.best};"
        f" load {os.getloadavg()[1]:.1f}"
    )
    print("| hidden words | split | words | accuracy | perplexity |\n|---|---|---|---|---|")
    if not isinstance(store, SentenceView):
        raise SystemExit("the run reads no sentences")
    for split in ("val", "test"):
        for name, words, accuracy, perplexity in guesses(run, store, split):
            print(f"| {name} | {split} | {words} | {accuracy:.3f} | {perplexity:.2f} |")


def guesses(run: Run, store: SentenceView, split: str) -> Iterator[tuple[str, int, float, float]]:
    """Name, words, accuracy and perplexity of each way of guessing."""
    task, items = run.lineage.task, store.indices(split)
    targets, shown = store.targets(task)[items], store.tokens(items)[..., 0]
    counts = NGrams(store.whole(store.indices("train"))[..., 0], len(store.stored.vocabulary))
    for name in MODELS:
        score = counts.score(shown, targets, name)
        yield name, score.words, score.accuracy, score.perplexity
    right = same_kind(shown, targets, store.stored.vocabulary.kinds)
    yield "same kind", len(right), float(right.mean()), float("nan")
    said = decided(load_run(run), store, items, task)
    chances, truth = activated(task, said.logits), said.targets.astype(np.int64)
    likely = chances[np.arange(len(truth)), truth].astype(np.float64)
    accuracy = float((chances.argmax(axis=1) == truth).mean())
    yield run.config.arch, len(truth), accuracy, float(np.exp(-np.log(likely).mean()))


def same_kind(
    shown: npt.NDArray[np.int64], targets: npt.NDArray[np.integer], kinds: npt.NDArray[np.int8]
) -> npt.NDArray[np.bool_]:
    """Whether each hidden word is the one that its sentence shows most often of its kind; bool [gaps]."""
    right = []
    for words, asked in zip(shown, targets, strict=True):
        counts = np.bincount(words[(words >= FIRST_WORD) & (words != MASK)], minlength=len(kinds))
        for true in asked[asked >= 0] + FIRST_WORD:
            right.append(np.where(kinds == kinds[true], counts, -1).argmax() == true)
    return np.array(right)


if __name__ == "__main__":
    main()
