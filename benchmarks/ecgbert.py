"""ecgbert on MIT-BIH: hidden words beside counting them, then heartbeats, pre-trained beside from scratch.

    ECG_TEST_DATA=... python benchmarks/ecgbert.py [--recipe ecgbert-heartbeat] [--seeds 42,123,456]

Vocabulary, pre-training and fine-tuning see the training patients of DS1 alone; epochs are picked on its validation
patients. Hidden words are those at the fixed gaps of sentences, all of them masked. ``same kind`` is told what kind of
wave is hidden, which the network is not, and says the word of that kind that the sentence has most of. Both trainings
of each seed differ in the weights they start from alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from accuracy import parser, prepared, recordings
from mitdb_accuracy import counted, tell

from ecgtool import cli
from ecgtool.config import compose
from ecgtool.metrics.logits import activated
from ecgtool.models.contract import load_run, viewed
from ecgtool.run import Run
from ecgtool.sentences.ngrams import MODELS, NGrams
from ecgtool.training.fit import fit
from ecgtool.training.history import Outcome
from ecgtool.training.inference import decided
from ecgtool.views.sentences import SentenceView
from ecgtool.words import FIRST_WORD, MASK


def main() -> None:
    options = parser(__doc__, "ecgbert-heartbeat")
    options.add_argument("--pretraining", default="ecgbert-pretrain", help="the recipe that comes before")
    options.add_argument("--split", default="test", choices=("val", "test"))
    given = options.parse_args()
    with prepared("mitdb", recordings("mitdb"), "--task", "aami5"):
        for command in ("segment", "sentences"):
            if cli.run([command, "mitdb", "-q"]):
                raise SystemExit(1)
        start = time.perf_counter()
        run = fit(compose(given.pretraining, flags={"data": {"dataset": "mitdb"}}), "pretrained")
        tell_words(run, time.perf_counter() - start)
        for name, init in (("pre-trained", "pretrained"), ("from scratch", "")):
            runs = []
            for seed in given.seeds:
                training = {"seed": seed, "init": init}
                flags = {"data": {"dataset": "mitdb", "task": "aami5"}, "training": training}
                start = time.perf_counter()
                found = counted(compose(given.recipe, flags=flags, sets=given.sets), f"{name}-{seed}", given.split)
                runs.append((seed, found, time.perf_counter() - start))
            tell(f"{given.recipe}, {name},", runs)


def tell_words(run: Run, seconds: float) -> None:
    """Print how well hidden words of the validation and test patients are guessed, by whom."""
    outcome, store = Outcome.of(run), viewed(run)
    print(
        f"\n{run.config.arch}, {outcome.epochs} epochs in {seconds:.0f} s, best {outcome.best};"
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
