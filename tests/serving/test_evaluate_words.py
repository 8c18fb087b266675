"""A bundle of sentences, held against a store whose sentences are as long, shorter, longer, or of other words."""

import numpy as np
import pytest
from bundles import manifest
from test_beat_words import graph_of_words
from worded import BEATS, with_sentences, worded_store

from ecgtool.catalog.bundle import write_bundle
from ecgtool.errors import DataError
from ecgtool.evaluation import Options
from ecgtool.serving.evaluate import measure_bundle
from ecgtool.settings import BeatConfig, DataConfig, Words
from ecgtool.views.sentences import SentenceView

QUICK = Options(bootstrap=0)
CONFIG = BeatConfig(features=("previous", "next"))


@pytest.fixture
def store(tmp_path):
    return worded_store(tmp_path / "worded")


def bundle_of(path, store, *, more=0):
    """A bundle for sentences of the store, of so many words more."""
    held = SentenceView(store, BEATS, DataConfig(beats=CONFIG)).manifest
    words = held.words.model_dump() | {"longest": held.words.longest + more}
    made = manifest(
        task=BEATS,
        leads=held.leads,
        fs=held.fs,
        samples=held.samples,
        preprocessing=held.preprocessing,
        thresholds={"V": 0.5},
        tabular=held.tabular,
        beats=CONFIG,
        waves="wavelet",
        words=Words(**words),
    )
    return write_bundle(path, made, {"model.onnx": graph_of_words(made).SerializeToString()})


def test_sentences_that_are_shorter_than_the_model_takes_are_read_as_they_are(store, tmp_path):
    fitting = measure_bundle(bundle_of(tmp_path / "fitting", store), store, options=QUICK)
    longer = measure_bundle(bundle_of(tmp_path / "longer", store, more=16), store, options=QUICK)
    assert np.allclose(fitting.predictions.probabilities, longer.predictions.probabilities)
    assert len(np.unique(fitting.predictions.probabilities, axis=0)) > 10


def test_sentences_that_are_longer_than_the_model_takes_are_refused_in_one_line(store, tmp_path):
    with pytest.raises(DataError, match="words, the model takes") as caught:
        measure_bundle(bundle_of(tmp_path / "short", store, more=-8), store, options=QUICK)
    assert "ecg evaluate RUN --dataset" in caught.value.hint


def test_sentences_of_other_words_are_refused_with_what_makes_them_again(store, tmp_path):
    bundle = bundle_of(tmp_path / "bundle", store)
    other = with_sentences(store, clusters={"P": 3, "QRS": 2, "T": 2, "BG": 2}, seed=1)
    with pytest.raises(DataError, match="another vocabulary") as caught:
        measure_bundle(bundle, other, options=QUICK)
    assert "--vocabulary BUNDLE/vocabulary.json --force" in caught.value.hint
