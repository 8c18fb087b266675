"""``ecg plot``: a picture of anything, or one clear line."""

from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle, manifest
from recorded import ecg_like, write_record
from support import MULTICLASS, make_store
from test_paper import PAYLOADS
from untrained import make_run

from ecgtool.metrics import evaluate
from ecgtool.record import LEADS_12


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "toy", items=20, leads=12, samples=1000, unlabelled=1)


@pytest.fixture
def run(home, store):
    made = make_run(home / "runs" / "r1", store)
    (made.path / "metrics.csv").write_text(
        "epoch,train_loss,val_loss,val_macro_auroc,lr,seconds\n1,0.7,0.71,0.6,0.001,2\n2,0.5,0.6,nan,0.001,2\n"
    )
    return made


def made_pictures(folder="."):
    return sorted(path.name for path in Path(folder).iterdir() if path.suffix in (".png", ".pdf", ".svg", ".html"))


def test_a_recording_is_drawn_into_the_current_folder(ecg, tmp_path):
    path = write_record(ecg_like(30.0), tmp_path / "in", name="rec1")
    drawn = ecg("plot", path)
    assert drawn.code == 0
    assert made_pictures() == ["rec1.png"]
    assert Path("rec1.png").read_bytes().startswith(b"\x89PNG")
    assert f"ecg plot {path} --start 10" in drawn.err


def test_a_range_of_a_long_recording_is_drawn(ecg, tmp_path):
    path = write_record(ecg_like(30.0), tmp_path / "in", name="rec1")
    drawn = ecg("plot", path, "--start", 12, "--seconds", 3, "--json")
    assert (drawn.json["start_s"], drawn.json["end_s"]) == (12, 15)
    assert drawn.json["picture"] == "rec1-12s.png"
    assert drawn.json["kind"] == "recording"
    assert drawn.json["leads"] == list(LEADS_12)


@pytest.mark.parametrize("suffix", ["pdf", "svg", "html", "PNG"])
def test_the_suffix_says_the_format(ecg, tmp_path, suffix):
    path = write_record(ecg_like(), tmp_path / "in")
    assert ecg("plot", path, "--out", f"new/folder/picture.{suffix}").code == 0
    assert Path(f"new/folder/picture.{suffix}").stat().st_size > 5000


def test_items_of_a_store_are_found_by_number_and_by_id(ecg, store):
    by_number = ecg("plot", f"{store.path}:3", "--out", "a.png", "--json")
    by_id = ecg("plot", f"{store.path}:00003", "--out", "b.png", "--json")
    assert by_number.json["item"] == by_id.json["item"] == 3
    assert by_number.json["labels"] == {"toy": list(store.labels_of(3, store.task()))}
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert ecg("plot", store.path, "--out", "c.png", "--json").json["item"] == 0
    assert ecg("plot", f"{store.path}:0").err.strip().endswith(f"ecg plot {store.path}:1")


def test_the_next_commands_lead_through_a_store_whose_ids_read_like_numbers(ecg, home):
    store = make_store(home / "stores" / "mine", items=4)
    path = store.path / "items.csv"
    table = path.read_text()
    for row in range(4):
        table = table.replace(f"\n{row:05d},", f"\n{row + 1},")
    path.write_text(table)
    drawn, target = [], "mine:0"
    while target and len(drawn) < 9:
        told = ecg("plot", target)
        drawn.append(told.out.split(": ")[1])
        target = next((line.split()[-1] for line in told.err.splitlines() if "ecg plot" in line), "")
    assert drawn == ["1", "2", "3", "4"]


def test_a_store_in_the_home_is_drawn_by_name(ecg, home):
    make_store(home / "stores" / "mine", items=20, task=MULTICLASS)
    assert ecg("plot", "mine:19").code == 0
    assert made_pictures() == ["mine-00019.png"]


def test_a_run_is_drawn_as_its_curves(ecg, run):
    drawn = ecg("plot", "r1", "--json")
    assert drawn.json["kind"] == "run"
    assert drawn.json["epochs"] == 2
    assert made_pictures() == ["r1.png"]


def test_a_run_without_an_epoch_or_with_a_damaged_table_is_refused(ecg, run):
    (run.path / "metrics.csv").write_text("epoch,train_loss\none,two\n")
    assert "not a table of epochs" in ecg("plot", "r1").err
    (run.path / "metrics.csv").unlink()
    assert "no finished epoch" in ecg("plot", "r1").err
    assert made_pictures() == []


@pytest.mark.parametrize("evaluated", [True, False])
def test_a_bundle_is_drawn_as_its_metrics_or_its_thresholds(ecg, home, evaluated):
    rng = np.random.default_rng(0)
    described = manifest()
    targets = (rng.random((80, 3)) < 0.4).astype(np.uint8)
    patients = [f"p{item}" for item in range(80)]
    metrics = evaluate(described.task, targets, rng.random((80, 3)).astype(np.float32), patients, bootstrap=20)
    document = metrics.model_dump(mode="json") if evaluated else None
    make_bundle(home / "bundles" / "b1", metrics=document)
    drawn = ecg("plot", "b1", "--json")
    assert drawn.json["kind"] == "bundle"
    assert drawn.json["evaluated"] is evaluated
    assert made_pictures() == ["b1.png"]


def test_a_picture_that_is_there_is_kept_unless_forced(ecg, store):
    Path("mine.png").write_text("mine")
    refused = ecg("plot", f"{store.path}:1", "--out", "mine.png")
    assert refused.code == 1
    assert "--force" in refused.err
    assert Path("mine.png").read_text() == "mine"
    assert ecg("plot", f"{store.path}:1", "--out", "mine.png", "--force").code == 0
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing-of-this-name",),
        ("toy:99",),
        ("toy:no-such-id",),
        ("toy:0", "--out", "a.gif"),
        ("toy:0", "--out", "folder"),
        ("toy:0", "--start", "20"),
        ("toy:0", "--start", "-1"),
        ("toy:0", "--start", "nan"),
        ("toy:0", "--seconds", "0"),
        ("toy:0", "--seconds", "nan"),
        ("r1", "--start", "3"),
        ("r1:3",),
        (".",),
        ("notes.txt",),
        ("",),
        (":",),
        ("\0",),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_one_line(ecg, store, run, arguments):
    Path("notes.txt").write_text("no recording")
    refused = ecg("plot", *arguments)
    assert refused.code == 1
    assert refused.err.startswith("error: ")
    assert refused.err.count("\n") == 1
    assert made_pictures() == []


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_stores_words_drive_neither_the_terminal_nor_the_file_system(ecg, home, payload):
    store = make_store(home / "stores" / "mine", items=4, samples=100)
    path = store.path / "items.csv"
    quoted = payload.replace('"', '""').replace("\r", "").replace("\n", " ") or "../../up"
    path.write_text(path.read_text().replace("00002,p0001", f'"{quoted}","{quoted}"'), encoding="utf-8")
    drawn = ecg("plot", "mine:2", "--out", "page.html")
    assert drawn.code == 0
    assert "\x1b" not in drawn.out + drawn.err
    assert "<script" not in Path("page.html").read_text(encoding="utf-8")
    named = ecg("plot", "mine:2", "--json")
    assert Path(named.json["picture"]).resolve().parent == Path.cwd().resolve()
    assert set(named.json["picture"]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_real_recordings_are_drawn(ecg, recordings):
    for name in ("ptbxl/records100/00000/00001_lr.hea", "mitdb/100.hea", "wfdb-samples/s0010_re.hea"):
        assert ecg("plot", recordings("ptbxl").parent / name).code == 0
    assert made_pictures() == ["00001_lr.png", "100.png", "s0010_re.png"]
