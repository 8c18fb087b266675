"""The options that every ``ecg prepare`` takes."""

import inspect
import shlex
from dataclasses import fields

import numpy as np
import pytest
from corpora import write_ptbxl

from ecgtool.commands.prepare import PREPARE
from ecgtool.commands.prepare.options import Shared
from ecgtool.signals.highpass import linear_phase_highpass
from ecgtool.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_ptbxl(tmp_path_factory.mktemp("ptbxl"))


CUTTING = {"window_s", "fit", "missing", "stand_in"}
"""What would part signals from the experts' waves, which are targets of their samples."""
LEFT_OUT = {"ludb": CUTTING, "qtdb": CUTTING | {"splits", "folds", "split_seed"}}
"""Of QTDB all recordings are for testing."""


@pytest.mark.parametrize("name", sorted(PREPARE))
def test_every_prepare_takes_the_shared_options(name, ecg):
    offered = set(inspect.signature(PREPARE.load(name)).parameters)
    left_out = LEFT_OUT.get(name, set())
    assert {field.name for field in fields(Shared)} - offered == left_out
    told = ecg("prepare", name, "--help").out
    for flag in (
        "--out",
        "--fs",
        "--highpass",
        "--lowpass",
        "--notch",
        "--baseline",
        "--normalise",
        "--splits",
        "--json",
    ):
        assert flag in told or flag.removeprefix("--") in left_out


def test_the_default_high_pass_keeps_the_st_segment_and_is_written_down(ecg, folder):
    made = ecg("prepare", "ptbxl", folder, "--json")
    assert made.code == 0, made.err
    steps = made.json["preprocessing"]
    assert (steps["highpass"], steps["highpass_filter"]) == (0.05, "fir")
    assert "ST segment" not in made.err
    counts = np.random.default_rng(8).integers(-900, 900, (12, 1000))
    expected = linear_phase_highpass((counts / 1000).astype(np.float32), 100.0, 0.05)
    expected = expected - np.median(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(Store.open("ptbxl").millivolts(7), expected, atol=1e-3)


def test_a_high_pass_of_0_is_none(ecg, folder):
    steps = ecg("prepare", "ptbxl", folder, "--highpass", 0, "--json").json["preprocessing"]
    assert (steps["highpass"], steps["highpass_filter"]) == (None, "butterworth")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--highpass", 0.5),
            "--highpass 0.5 may bend the ST segment and change voltages, on which the labels HYP, MI",
        ),
        (("--baseline", "median"), "--baseline median may bend"),
        (("--highpass", 0.5, "--task", "rhythm"), ""),
        (("--lowpass", 40), ""),
    ],
)
def test_a_strong_high_pass_is_warned_about_where_the_labels_are_of_the_st_segment(ecg, folder, options, said):
    made = ecg("prepare", "ptbxl", folder, *options)
    assert made.code == 0, made.err
    assert made.err.count("ST segment") == bool(said)
    assert said in " ".join(made.err.split())


@pytest.mark.parametrize("options", [("--notch", 50), ("--notch", 60), ("--lowpass", 50), ("--highpass", 50)])
def test_an_edge_at_or_over_half_the_rate_is_one_line(ecg, folder, options):
    done = ecg("prepare", "ptbxl", folder, *options)
    assert done.code == 1
    assert done.err.startswith(f"error: A filter edge of {options[1]} Hz needs a sampling rate over")
    assert len(done.err.strip().splitlines()) == 1
    assert done.out == ""


def test_a_notch_suits_the_rate_of_the_recordings_not_of_the_store(ecg, folder):
    done = ecg("prepare", "ptbxl", folder, "--source-fs", 500, "--fs", 100, "--notch", 50, "--json")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--highpass-filter", "cheby"), "highpass_filter"),
        (("--fit", "left"), "fit"),
        (("--missing", "zero"), "missing: Input should be 'drop' or 'mask' (got 'zero')"),
        (("--missing", "refuse"), "missing: Input should be 'drop' or 'mask' (got 'refuse')"),
        (("--highpass", 30, "--lowpass", 20), "A high-pass edge of 30 Hz must lie below the low-pass edge of 20 Hz"),
        (("--lowpass", 0.01, "--out", "flat"), "A high-pass edge of 0.05 Hz must lie below the low-pass edge of 0.01"),
        (("--baseline", "wavelet"), "baseline"),
        (("--fit", "centre", "--window-s", 2), "--fit centre makes one item of a recording, --window-s several"),
    ],
)
def test_a_value_that_cannot_be_is_one_line(ecg, folder, options, said):
    done = ecg("prepare", "ptbxl", folder, *options)
    assert done.code == 1
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_what_a_store_holds_is_one_sentence_that_says_whether_it_is_in_millivolts(ecg):
    few = ("prepare", "synthetic", "--records", 1, "--seconds", 5)
    told = ecg(*few, "--out", "one").out.splitlines()[0]
    assert told == "Store one: 1 recording of 1 patient, 12 leads, 5 s at 100 Hz."
    told = ecg(*few, "--normalise", "peak", "--window-s", 1, "--out", "five").out.splitlines()[0]
    assert told == "Store five: 5 windows of 1 patient, 12 leads, 1 s at 100 Hz; amplitudes are not in mV."


def test_a_store_outside_of_the_home_is_named_so_that_the_next_commands_find_it(ecg, folder, tmp_path):
    made = ecg("prepare", "ptbxl", folder, "--out", tmp_path / "my store")
    assert made.code == 0, made.err
    (told,) = [line.strip() for line in made.err.splitlines() if "ecg info" in line]
    assert ecg(*shlex.split(told)[1:]).code == 0


def test_a_mask_and_a_fit_are_kept_with_the_store(ecg, folder):
    made = ecg("prepare", "ptbxl", folder, "--missing", "mask", "--fit", "centre", "--json").json
    assert (made["preprocessing"]["missing"], made["preprocessing"]["fit"]) == ("mask", "centre")
    store = Store.open("ptbxl")
    assert store.manifest.leads[-1] == "mask"
    assert (store.signals[:, -1] == 1000).all()


def test_folds_make_a_column(ecg, folder):
    ecg("prepare", "ptbxl", folder, "--folds", 4)
    assert set(Store.open("ptbxl").column("fold")) == {"1", "2", "3", "4"}
