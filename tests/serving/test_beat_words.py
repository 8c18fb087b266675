"""Heartbeats judged at the words that are their QRS complexes, from a bundle made by hand."""

import numpy as np
import pytest
from bundles import FLOAT, manifest
from drawn_beats import drawn
from onnx import TensorProto, helper, numpy_helper

from ecgtool.catalog.bundle import write_bundle
from ecgtool.errors import IntegrityError
from ecgtool.metrics.detection import match_beats
from ecgtool.record import Record
from ecgtool.sentences.shapes import Scheme
from ecgtool.sentences.vocabulary import KINDS, Fit, Vocabulary
from ecgtool.serving.beats import BeatPredictor
from ecgtool.settings import BeatConfig, Words
from ecgtool.task import Task

FS, WINDOW_S = 180.0, 5.0
LABELS = ("N", "S", "V")


def vocabulary():
    random, scheme, centres, counts = np.random.default_rng(0), Scheme(points=8), {}, {}
    for kind in KINDS:
        shapes, seconds = random.normal(size=(2, 8)), random.uniform(0.02, 0.5, 2)
        centres[kind], counts[kind] = scheme.compressed(shapes, seconds), np.arange(2)
    return Vocabulary.of(centres, counts, fit=Fit(method="kmeans"), scheme=scheme)


def graph_of_words(held):
    """The probabilities of a word follow from its number, its onset and its end; metadata is not looked at."""
    shapes = held.input_shapes
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64 if name == "tokens" else FLOAT, list(shape))
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Cast", ["tokens"], ["numbers"], to=FLOAT),
        helper.make_node("Slice", ["numbers", "first", "last", "axis"], ["three"]),
        helper.make_node("Transpose", ["three"], ["logits"], perm=[0, 2, 1]),
        helper.make_node("Mul", ["logits", "small"], ["scaled"]),
        helper.make_node("Softmax", ["scaled"], ["probabilities"], axis=1),
    ]
    last = np.array([len(held.task.labels)])
    values = {"first": np.array([0]), "last": last, "axis": np.array([2]), "small": np.float32(0.005)}
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    outputs = [helper.make_tensor_value_info("probabilities", FLOAT, list(held.output_shapes["probabilities"]))]
    made = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def bundle_of_words(path, *, longest=40, **changes):
    held = manifest(
        task=Task(name="aami5", kind="multiclass", labels=LABELS, of="beat"),
        leads=("MLII",),
        fs=FS,
        samples=round(WINDOW_S * FS),
        thresholds={},
        tabular=("previous", "next"),
        beats=BeatConfig(features=("previous", "next")),
        waves="wavelet",
        words=Words(**{"ids": 12, "longest": longest, "vocabulary": vocabulary().digest, **changes}),
    )
    files = {"model.onnx": graph_of_words(held).SerializeToString(), "vocabulary.json": vocabulary().text().encode()}
    return write_bundle(path, held, files)


@pytest.mark.parametrize("longest", [12, 40])
def test_every_beat_is_judged_at_a_word_of_its_own(tmp_path, longest):
    record, truth = drawn(1)
    predictor = BeatPredictor(bundle_of_words(tmp_path / "toy", longest=longest), threads=1)
    answer = predictor.predict(Record(record.signal, FS, ("II", "V1"), "one"))
    pairs = match_beats(np.rint(truth.beat_s * FS), answer.samples, FS, 0.05)
    assert len(pairs.found) == len(answer.samples) >= len(truth.beat_s) - 1
    assert answer.probabilities.sum(axis=1) == pytest.approx(np.ones(len(answer.samples)), abs=1e-5)
    assert len(np.unique(answer.probabilities, axis=0)) > len(answer.samples) / 2
    assert answer.leads == ("II",)


def test_another_vocabulary_than_the_one_it_learned_is_refused(tmp_path):
    with pytest.raises(IntegrityError, match="not the vocabulary"):
        BeatPredictor(bundle_of_words(tmp_path / "toy", vocabulary="sha256:other"))


def test_a_bundle_without_its_vocabulary_is_refused(tmp_path):
    made = bundle_of_words(tmp_path / "toy")
    held = made.manifest.model_copy(update={"digests": {}})
    bare = write_bundle(tmp_path / "bare", held, {"model.onnx": made.read("model.onnx")})
    with pytest.raises(IntegrityError, match=r"vocabulary\.json"):
        BeatPredictor(bare)
