"""From sentences to a pre-trained ecgbert, and from it to one that classifies heartbeats or records."""

import json
import shutil

import numpy as np
import pytest
import torch
from worded import with_sentences, worded_store

from ecgtool.config import resolve
from ecgtool.errors import ConfigError
from ecgtool.export.export import export_run
from ecgtool.models.contract import load_run, viewed
from ecgtool.run import Run
from ecgtool.store import Store
from ecgtool.training.counting import scores_of
from ecgtool.training.evaluate import evaluate_run
from ecgtool.training.fit import fit
from ecgtool.training.history import read_history
from ecgtool.training.inference import decided
from ecgtool.training.start import start_from

TINY = {"width": 16, "layers": 1, "heads": 2, "points": 8, "channels": 2, "longest": 128, "head_width": 8}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small are quicker on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return worded_store(tmp_path_factory.mktemp("worded") / "toy")


def config(store, task, epochs=3, arch="ecgbert", **training):
    settings = {"epochs": epochs, "batch": 6, "lr": 0.01, "device": "cpu", **training}
    data = {"dataset": str(store.path), "task": task}
    return resolve([{"arch": arch, "model": TINY, "data": data, "training": settings}])


@pytest.fixture(scope="module")
def pretrained(store, tmp_path_factory):
    return fit(config(store, "words", epochs=12), str(tmp_path_factory.mktemp("runs") / "pre"))


@pytest.fixture(scope="module")
def classified(store, pretrained, tmp_path_factory):
    made = config(store, "beats", epochs=6, init=str(pretrained.path))
    return fit(made, str(tmp_path_factory.mktemp("runs") / "beats"))


def test_pretraining_tells_accuracy_and_perplexity_beside_counting(pretrained):
    counted = scores_of(pretrained)
    assert set(counted) == {"unigram", "bigram", "trigram"}
    last = read_history(pretrained)[-1]
    assert last["val_perplexity"] == pytest.approx(np.exp(last["val_loss"]), rel=1e-5)
    header = (pretrained.path / "metrics.csv").read_text().splitlines()[0]
    assert header == "epoch,train_loss,val_loss,val_accuracy,val_perplexity,lr,seconds"


def test_the_hidden_words_of_a_regular_rhythm_are_learned(pretrained):
    assert (
        max(row["val_accuracy"] for row in read_history(pretrained)) > scores_of(pretrained)["unigram"].accuracy + 0.05
    )


def test_pretraining_sees_training_patients_alone(store, pretrained):
    patients = np.array(store.column("patient"))
    assert set(pretrained.lineage.train_patients) == set(patients[store.indices("train")])


def test_every_epoch_hides_other_words_and_the_same_seed_hides_the_same(store, tmp_path):
    first, again = (fit(config(store, "words", epochs=2), str(tmp_path / name)) for name in ("a", "b"))
    losses = [[row["train_loss"] for row in read_history(run)] for run in (first, again)]
    assert losses[0] == losses[1]


def test_a_run_keeps_its_vocabulary_and_names_its_digest(pretrained):
    held = json.loads((pretrained.path / "vocabulary.json").read_text())
    assert held["digest"] == pretrained.lineage.words.vocabulary


def test_fine_tuning_takes_all_weights_but_those_of_the_head(pretrained, classified, monkeypatch):
    told = []
    monkeypatch.setattr("ecgtool.training.start.log.info", lambda *words: told.append(words))
    from ecgtool.models.contract import new_model

    model = new_model(classified)
    start_from(model, pretrained.checkpoint())
    left = told[1][1]
    assert "head" in left
    assert "encoder" not in left
    assert "embedding" not in left


def test_every_heartbeat_is_one_decision(store, classified):
    judged = evaluate_run(classified, split="test")
    assert judged.items == np.isin(store.beats.item, store.indices("test")).sum()


def test_a_report_of_heartbeats_is_written_with_its_pictures(classified, tmp_path):
    from ecgtool.commands.evaluate import evaluate

    evaluate(str(classified.path), split="test", out=tmp_path / "report", bootstrap=0)
    assert (tmp_path / "report" / "report.md").is_file()


def test_wide_beats_are_told_from_narrow_ones(classified):
    assert max(row["val_macro_f1"] for row in read_history(classified)) > 0.9


def test_weights_of_another_vocabulary_are_refused_with_the_way_out(store, pretrained, tmp_path):
    other = Store.open(shutil.copytree(store.path, tmp_path / "other"))
    other = with_sentences(other, clusters={"P": 1, "QRS": 3, "T": 2, "BG": 3})
    with pytest.raises(ConfigError, match="another vocabulary") as caught:
        fit(config(other, "beats", init=str(pretrained.path)), str(tmp_path / "run"))
    assert caught.value.hint.startswith(f"Make them again with its words: ecg sentences {other.path} --vocabulary ")
    assert "vocabulary.json" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_sentences_of_other_words_are_not_judged_by_a_run_that_reads_its_own(ecg, store, classified, tmp_path):
    other = Store.open(shutil.copytree(store.path, tmp_path / "other"))
    with_sentences(other, clusters={"P": 1, "QRS": 3, "T": 2, "BG": 3})
    done = ecg("evaluate", classified.path, "--dataset", other.path)
    assert done.code == 1
    assert "was trained on the words of another vocabulary" in done.err
    words = classified.path / "vocabulary.json"
    assert ecg("sentences", other.path, "--vocabulary", words, "--force").code == 0
    assert ecg("evaluate", classified.path, "--dataset", other.path, "--bootstrap", 0).code == 0


def test_a_store_without_sentences_is_one_line_with_what_makes_them(ecg, store, classified, tmp_path):
    bare = Store.open(shutil.copytree(store.path, tmp_path / "bare", ignore=shutil.ignore_patterns("sentences")))
    done = ecg("evaluate", classified.path, "--dataset", bare.path)
    assert done.code == 1
    assert f"Make them again with: ecg sentences {bare.path} --force" in done.err.replace("\n", " ")


@pytest.mark.parametrize("task", ["words", "beats"])
def test_an_exported_model_of_words_equals_the_trained_one(request, task, tmp_path):
    run = request.getfixturevalue("pretrained" if task == "words" else "classified")
    bundle = export_run(Run(run.path), tmp_path / task, ("onnx", "torchscript"))
    manifest = bundle.manifest
    assert max(manifest.parity.max_difference.values()) < 1e-5
    assert manifest.output_shapes["probabilities"] == ("batch", len(manifest.task.labels), manifest.words.longest)
    assert list(manifest.input_shapes) == ["signal", "tokens"] + ["metadata"] * (task == "beats")
    assert json.loads(bundle.read("vocabulary.json"))["digest"] == manifest.words.vocabulary
    said = bundle.session().get_modelmeta().custom_metadata_map
    assert json.loads(said["tokens"])["columns"] == ["id", "onset", "end", "lead"]


def test_sentences_of_twelve_leads_are_pretrained_and_answer_for_their_records(tmp_path):
    store = worded_store(tmp_path / "twelve", items=20, leads=12, samples=400)
    run = fit(config(store, "words", epochs=1), str(tmp_path / "pre"))
    assert run.lineage.leads == ("any",)
    made = fit(config(store, "records", epochs=1, init=str(run.path)), str(tmp_path / "records"))
    assert made.metrics("val")["items"] == 12 * len(store.indices("val"))


def test_the_vocabulary_that_was_swapped_is_not_exported(pretrained, tmp_path):
    from ecgtool.errors import IntegrityError

    copy = Run(shutil.copytree(pretrained.path, tmp_path / "run"))
    text = (copy.path / "vocabulary.json").read_text()
    (copy.path / "vocabulary.json").write_text(text.replace('"count": ', '"count": 1', 1))
    with pytest.raises(IntegrityError):
        export_run(copy, tmp_path / "bundle")


@pytest.mark.parametrize("task", ["words", "beats"])
def test_what_a_sentence_is_said_to_mean_does_not_depend_on_the_batch_it_is_read_in(request, store, task):
    run = request.getfixturevalue("pretrained" if task == "words" else "classified")
    model, read = load_run(run), viewed(run)
    items = np.arange(read.manifest.items)
    alone, together = (decided(model, read, items, run.lineage.task, batch=size) for size in (1, 64))
    np.testing.assert_allclose(alone.logits, together.logits, atol=1e-4)
    assert np.array_equal(alone.positions, together.positions)
    asked = read.targets(run.lineage.task)[together.items, together.positions]
    assert np.array_equal(asked, together.targets)
    assert len(asked) == (read.targets(run.lineage.task) >= 0).sum()
