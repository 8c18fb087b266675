"""Counting: how well hidden words are guessed by how often words stand beside each other, which a network must beat."""

from __future__ import annotations

from ecgtool.console import log
from ecgtool.errors import FormatError
from ecgtool.files import read_json, write_json
from ecgtool.run import Run
from ecgtool.sentences.ngrams import MODELS, NGrams, Score
from ecgtool.training.plan import Plan
from ecgtool.views.sentences import SentenceView

FILE = "ngrams.json"
"""Figures of the counting models in the folder of a run."""


def count_words(run: Run, plan: Plan) -> dict[str, Score]:
    """Score counting models of the training sentences on the gaps of the validation ones; kept as :data:`FILE`.

    Args:
        run: Where to keep it.
        plan: Of a task of words.

    Returns:
        By name, see :data:`ecgtool.sentences.ngrams.MODELS`; empty where items are no sentences.
    """
    store = plan.store
    if plan.task.kind != "tokens" or not isinstance(store, SentenceView):
        return {}
    counted = NGrams(store.whole(plan.train)[..., 0], len(store.stored.vocabulary))
    gaps, targets = store.tokens(plan.val)[..., 0], store.targets(plan.task)[plan.val]
    scores = {name: counted.score(gaps, targets, name) for name in MODELS}
    write_json(run.path / FILE, {name: score._asdict() for name, score in scores.items()})
    log.info("hidden words guessed by counting: %s", told(scores))
    return scores


def scores_of(run: Run) -> dict[str, Score]:
    """What :func:`count_words` kept of a run; empty where it kept nothing.

    Raises:
        FormatError: The file is damaged.
    """
    path = run.path / FILE
    if not path.is_file():
        return {}
    document = read_json(path)
    try:
        return {str(name): Score(**score) for name, score in document.items()}
    except (AttributeError, TypeError):
        raise FormatError(f"{path} is damaged.", "Remove it; training makes it again.") from None


def told(scores: dict[str, Score]) -> str:
    """``unigram accuracy 0.100, perplexity 30.0; bigram ...``."""
    return "; ".join(
        f"{name} accuracy {score.accuracy:.4f}, perplexity {score.perplexity:.2f}" for name, score in scores.items()
    )
