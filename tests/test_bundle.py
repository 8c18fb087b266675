import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest
from bundles import LABELS, make_bundle, manifest, model
from pydantic import ValidationError

from ecgtool.catalog.bundle import Bundle, Origin, write_bundle
from ecgtool.catalog.card import card
from ecgtool.errors import ConfigError, EcgError, FormatError, IntegrityError, NotFound
from ecgtool.settings import BeatConfig, Preprocessing, Words
from ecgtool.task import Task


def reseal(folder, change):
    """Change bundle.json as someone would who can compute digests."""
    document = json.loads((folder / "bundle.json").read_text())
    change(document)
    content = json.dumps(document).encode()
    (folder / "bundle.json").write_bytes(content)
    (folder / "bundle.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  bundle.json\n")


def test_what_was_written_is_read_back(tmp_path):
    made = make_bundle(tmp_path / "b", models={"model.ts.pt": b"not looked at"})
    opened = Bundle.open(tmp_path / "b")
    assert opened.manifest == made.manifest
    assert opened.manifest.inputs == {"signal": ("batch", 12, 1000), "metadata": ("batch", 2)}
    assert opened.manifest.outputs == {"probabilities": ("batch", 3)}
    assert set(opened.manifest.digests) == {"card.md", "model.onnx", "model.ts.pt"}
    assert opened.read("model.ts.pt") == b"not looked at"


def test_the_same_input_gives_the_same_bytes(tmp_path):
    one, two = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "two")
    assert one.digest == two.digest
    assert one.digest != make_bundle(tmp_path / "three", seed=1).digest


def test_any_byte_flipped_in_any_file_is_found_before_use(tmp_path):
    folder = make_bundle(tmp_path / "b", models={"model.ts.pt": b"weights"}).path
    rng = np.random.default_rng(0)
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        places = range(len(whole)) if len(whole) < 100 else rng.integers(0, len(whole), 60)
        for place in places:
            flipped = bytearray(whole)
            flipped[place] ^= 1 << int(rng.integers(8))
            file.write_bytes(flipped)
            with pytest.raises(IntegrityError, match=r"changed") as caught:
                Bundle.open(folder)
            assert file.name in caught.value.message
        file.write_bytes(whole)
    Bundle.open(folder)


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_truncated_file_is_found(tmp_path, cut):
    folder = make_bundle(tmp_path / "b").path
    for name in ("model.onnx", "card.md", "bundle.json", "bundle.sha256"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: min(cut, len(whole) - 1)])
        with pytest.raises(IntegrityError, match=name):
            Bundle.open(folder)
        (folder / name).write_bytes(whole)


def test_a_model_changed_after_opening_is_found_before_it_is_loaded(tmp_path):
    bundle = make_bundle(tmp_path / "b")
    (bundle.path / "model.onnx").write_bytes(model(manifest(), seed=5).SerializeToString())
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        bundle.session()


@pytest.mark.parametrize("name", ["model.onnx", "card.md", "bundle.sha256"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = make_bundle(tmp_path / "b").path
    (folder / name).unlink()
    with pytest.raises(IntegrityError, match=rf"{name} is missing"):
        Bundle.open(folder)


def test_the_seal_is_what_sha256sum_checks(tmp_path):
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    folder = make_bundle(tmp_path / "b").path
    assert subprocess.run(["sha256sum", "--check", "bundle.sha256"], cwd=folder, check=False).returncode == 0


def test_a_folder_that_is_no_bundle_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFound, match="no bundle"):
        Bundle.open(tmp_path / "nothing")
    with pytest.raises(FormatError) as caught:
        Bundle.open(tmp_path)
    assert "ecg export" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it.update(schema_version=2), "schema_version 2"),
        (lambda it: it.update(schema_version=None), "schema_version None"),
        (lambda it: it.update(surprise=1), "surprise"),
        (lambda it: it.update(name="../evil"), "evil"),
        (lambda it: it.update(samples=10**12), "samples"),
        (lambda it: it.update(samples=999), "follow from"),
        (lambda it: it.update(unit="uV"), "unit"),
        (lambda it: it["thresholds"].update(GHOST=0.1), "GHOST"),
        (lambda it: it.update(digests={"../../etc/passwd": "sha256:0"}), "file name"),
        (lambda it: it.update(digests={"/etc/passwd": "sha256:0"}), "file name"),
        (lambda it: it.update(leads=it["leads"][:11]), "follow from"),
        (lambda it: it["task"].update(labels=["A", "A"]), "labels"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(tmp_path, change, said):
    folder = make_bundle(tmp_path / "b").path
    reseal(folder, change)
    with pytest.raises(FormatError, match=said):
        Bundle.open(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"a":' * 5000])
def test_a_manifest_that_is_no_document_is_refused(tmp_path, content):
    folder = make_bundle(tmp_path / "b").path
    (folder / "bundle.json").write_bytes(content)
    (folder / "bundle.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  bundle.json\n")
    with pytest.raises(FormatError):
        Bundle.open(folder)


def test_a_file_that_links_out_of_the_bundle_is_refused(tmp_path):
    folder = make_bundle(tmp_path / "b").path
    outside = tmp_path / "outside"
    shutil.move(folder / "model.onnx", outside)
    (folder / "model.onnx").symlink_to(outside)
    with pytest.raises(FormatError, match="link"):
        Bundle.open(folder)


def test_parts_that_do_not_agree_make_no_manifest():
    with pytest.raises(ValidationError, match="preprocessing makes 50 Hz"):
        manifest(preprocessing=Preprocessing(fs=50))
    with pytest.raises(ValidationError, match="no label"):
        manifest(thresholds={"GHOST": 0.5})
    with pytest.raises(ValidationError, match="once each"):
        manifest(leads=("I", "I"))


def test_an_existing_folder_is_replaced_only_when_forced(tmp_path):
    first = make_bundle(tmp_path / "b")
    held = manifest()
    content = {"model.onnx": model(held, seed=9).SerializeToString()}
    with pytest.raises(ConfigError, match="exists already"):
        write_bundle(tmp_path / "b", held, content)
    assert Bundle.open(tmp_path / "b").digest == first.digest
    assert write_bundle(tmp_path / "b", held, content, force=True).digest != first.digest


@pytest.mark.parametrize("name", ["bundle.json", "bundle.sha256", "card.md", "../x.onnx", "/x.onnx", ".hidden", ""])
def test_a_model_file_may_not_take_a_name_of_the_bundle_or_leave_it(tmp_path, name):
    with pytest.raises(ConfigError):
        write_bundle(tmp_path / "b", manifest(), {name: b"x"})
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_does_not_fit_its_manifest_is_never_written(tmp_path):
    content = model(manifest(samples=500)).SerializeToString()
    with pytest.raises(FormatError, match="signal"):
        write_bundle(tmp_path / "b", manifest(), {"model.onnx": content})
    assert list(tmp_path.iterdir()) == []


def test_names_of_patients_stay_behind(tmp_path):
    lineage = {
        "store": "s",
        "train_patients": ["Jane Doe"],
        "inherited": {"toy": ["Jane Doe"]},
        "more": [{"train_patients": ["Jane Doe"]}],
    }
    bundle = make_bundle(tmp_path / "b", run=Origin(run="r", lineage=lineage))
    assert bundle.manifest.run.lineage == {"store": "s", "more": [{}]}
    assert not any(b"Jane Doe" in file.read_bytes() for file in bundle.path.iterdir())


def test_a_copy_is_the_same_bundle_without_what_others_put_beside_it(tmp_path):
    bundle = make_bundle(tmp_path / "b")
    (bundle.path / "notes.txt").write_text("mine")
    copy = bundle.copy(tmp_path / "copy")
    assert copy.digest == Bundle.open(tmp_path / "copy").digest == bundle.digest
    assert not (tmp_path / "copy" / "notes.txt").exists()


def test_a_bundle_without_onnx_says_so_when_it_is_to_predict(tmp_path):
    bundle = write_bundle(tmp_path / "b", manifest(), {"model.ts.pt": b"x"})
    with pytest.raises(FormatError, match=r"no model\.onnx"):
        bundle.session()


def test_the_session_gives_probabilities_for_any_batch(tmp_path):
    session = make_bundle(tmp_path / "b").session(threads=1)
    for batch in (1, 3):
        feeds = {"signal": np.ones((batch, 12, 1000), np.float32), "metadata": np.full((batch, 2), np.nan, np.float32)}
        (made,) = session.run(None, feeds)
        assert made.shape == (batch, 3)
        assert ((made > 0) & (made < 1)).all()


def test_the_card_tells_a_stranger_what_to_feed_and_what_comes_out():
    metrics = {"items": 50, "patients": 40, "values": {"macro_auroc": {"value": 0.9, "low": 0.8, "high": 0.95}}}
    text = card(manifest(metrics=metrics, attribution="PTB-XL, CC BY 4.0"))
    assert "not for diagnosis or treatment" in text
    assert all(label in text for label in LABELS)
    assert "| macro\\_auroc | 0.9000 | 0.8000 | 0.9500 |" in text
    assert "40 patients" in text
    assert "PTB-XL, CC BY 4.0" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a|b",
        "[x](javascript:alert(1))",
        "line\n# Heading",
        "\x1b]0;owned\x07",
        "![x](y)",
        "*b*",
    ],
)
def test_hostile_words_are_inert_in_the_card(hostile):
    task = Task(name=hostile, kind="multilabel", labels=(hostile, "B"))
    plain = card(manifest(task=task, thresholds={})).count("\n")
    text = card(manifest(task=task, thresholds={}, attribution=hostile, run=Origin(run=hostile), intended_use=hostile))
    assert "<script" not in text
    assert "\x1b" not in text
    assert "](" not in text.replace("\\]\\(", "")
    assert "\n# Heading" not in text
    assert text.count("\n") == plain + 1  # the row of the run


def test_every_error_of_a_bundle_is_one_a_user_can_act_on(tmp_path):
    folder = make_bundle(tmp_path / "b").path
    (folder / "card.md").unlink()
    (folder / "card.md").mkdir()
    with pytest.raises(EcgError, match=r"card\.md"):
        Bundle.open(folder)


def test_the_card_of_a_binary_task_says_which_label_is_positive_and_what_chose_its_thresholds(tmp_path):
    task = Task(name="heart", kind="multiclass", labels=("healthy", "CTRCD"))
    given = {"thresholds": {"CTRCD": 0.33}, "patient_thresholds": {"CTRCD": 0.4}, "threshold_rule": "sensitivity=0.9"}
    bundle = make_bundle(tmp_path / "b", kind="multiclass", labels=task.labels, task=task, **given)
    text = (bundle.path / "card.md").read_text()
    assert "Positive is CTRCD" in text
    assert "by the rule sensitivity=0.9" in text
    assert "| CTRCD | 0.33 | 0.4 |" in text


def test_what_an_item_is_and_the_shapes_follow_from_beats_and_words():
    beat = Task(name="aami5", kind="multiclass", labels=("N", "S", "V"), of="beat")
    held = {"task": beat, "leads": ("MLII", "V1"), "samples": 180, "thresholds": {}, "tabular": ("previous",)}
    words = Words(ids=74, longest=32, vocabulary="sha256:0")
    beats = manifest(**held, beats=BeatConfig(features=("previous",)))
    assert manifest().item == "record"
    assert (beats.item, beats.input_shapes) == ("beat", {"signal": ("batch", 2, 180), "metadata": ("batch", 1)})
    assert beats.output_shapes == {"probabilities": ("batch", 3)}
    sentences = manifest(**held, beats=BeatConfig(), words=words)
    assert (sentences.item, sentences.input_shapes["tokens"]) == ("sentence", ("batch", 32, 4))
    assert sentences.input_shapes["metadata"] == ("batch", 32, 1)
    assert sentences.output_shapes == {"probabilities": ("batch", 3, 32)}
    with pytest.raises(ValueError, match="heartbeats"):
        manifest(**held)
    with pytest.raises(ValueError, match="heartbeats"):
        manifest(beats=BeatConfig())


def test_the_card_says_what_is_shown_of_a_heartbeat_and_of_a_sentence():
    beat = Task(name="aami5", kind="multiclass", labels=("N", "S"), of="beat")
    held = {"task": beat, "leads": ("MLII",), "samples": 180, "thresholds": {}, "tabular": ()}
    held |= {"beats": BeatConfig(before_s=0.25, after_s=0.5, features=())}
    assert "a heartbeat: 0.25 s before its R peak to 0.5 s after it" in card(manifest(**held))
    words = Words(ids=74, longest=32, vocabulary="sha256:0")
    said = card(manifest(**held, words=words, waves="wavelet"))
    assert "vocabulary.json, of waves found by wavelet" in said
    assert "`probabilities` float32 [batch, 2, 32]" in said
