"""``ecg convert-serial``: whole outputs or none, and every log told."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ecgtool.errors import EcgError
from ecgtool.files import write_text
from ecgtool.formats import read_record
from ecgtool.serial import outputs
from ecgtool.serial.convert import convert_log
from ecgtool.serial.options import Options
from ecgtool.serial.outputs import write_outputs
from ecgtool.serial.scale import Scale

N = 1000


@pytest.fixture
def log():
    path = Path("log.txt")
    path.write_text("".join(f"{4 * step},{500 + step % 100}\n" for step in range(N)))
    return path


def names(folder="out"):
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).exists() else []


def test_a_log_becomes_a_recording_its_document_and_a_picture(ecg, log):
    done = ecg("convert-serial", log, "--out", "out", "--vref", "3.3", "--bits", "10", "--gain", "1100", "--lead", "II")
    assert done.code == 0
    assert names() == ["log.meta.json", "log.npy", "log_preview.png"]
    assert Path("out/log_preview.png").read_bytes().startswith(b"\x89PNG")
    stored = np.load("out/log.npy", allow_pickle=False)
    assert (stored.dtype, stored.shape) == (np.float32, (1, N))
    record = read_record("out/log.npy")
    assert np.array_equal(record.signal, stored)
    assert (record.fs, record.leads, record.calibrated) == (250, ("II",), True)
    said = json.loads(Path("out/log.meta.json").read_text())
    assert (said["fs"], said["unit"], said["layout"]) == (250, "mV", "leads,samples")
    assert said["converted"]["lines"] == N
    assert "ecg plot out/log.npy" in done.err


def test_counts_without_a_scale_are_marked_as_not_calibrated(ecg, log):
    assert ecg("convert-serial", log, "--out", "out").code == 0
    record = read_record("out/log.npy")
    assert not record.calibrated
    assert record.signal.max() == 599
    assert json.loads(Path("out/log.meta.json").read_text())["unit"] == "adc"


@pytest.mark.parametrize("largest", [1000, 2_000_000])
def test_a_recording_may_be_wfdb(ecg, largest):
    Path("log.txt").write_text("".join(f"{step % 10 * largest // 10}\n" for step in range(N)))
    done = ecg("convert-serial", "log.txt", "--fs", "250", "--format", "wfdb", "--out", "out")
    assert done.code == 0
    assert names() == ["log.dat", "log.hea", "log.meta.json", "log_preview.png"]
    record = read_record("out/log.hea")
    assert not record.calibrated
    assert np.array_equal(record.signal[0], np.arange(N) % 10 * largest // 10)


def test_bad_logs_are_told_and_the_good_ones_converted(ecg, log):
    Path("bad.txt").write_text("nothing here\n")
    done = ecg("convert-serial", "bad.txt", log, "none.txt", "--out", "out")
    assert done.code == 1
    assert [line[:14] for line in done.err.splitlines() if line.startswith("error")] == [
        "error: bad.txt",
        "error: none.tx",
    ]
    assert "log.npy" in names()
    said = ecg("convert-serial", "bad.txt", log, "--out", "out2", "--json").json
    assert [each["log"] for each in said["failed"]] == ["bad.txt"]
    assert [each["recording"] for each in said["converted"]] == ["out2/log.npy"]


def test_logs_of_one_name_are_refused(ecg, log):
    Path("a").mkdir()
    Path("a/log.csv").write_text("1\n2\n")
    refused = ecg("convert-serial", log, "a/log.csv", "--out", "out")
    assert "both make log" in refused.err
    assert names() == []


def test_files_that_are_there_are_kept_unless_forced(ecg, log):
    for name in ("log.npy", "log.meta.json", "log_preview.png"):
        Path("out").mkdir(exist_ok=True)
        Path("out", name).write_text("mine")
        refused = ecg("convert-serial", log, "--out", "out")
        assert (refused.code, refused.err.count("\n")) == (1, 1)
        assert names() == [name]
        assert Path("out", name).read_text() == "mine"
        assert ecg("convert-serial", log, "--out", "out", "--force").code == 0
        assert names() == ["log.meta.json", "log.npy", "log_preview.png"]
        assert read_record("out/log.npy").fs == 250
        for made in Path("out").iterdir():
            made.unlink()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fs", "0"), ("--fs", "500"), ("--value-col", "a"), ("--value-col", "9"), ("--time-unit", "h"),
        ("--format", "edf"), ("--vref", "3.3"), ("--gain", "5"), ("--delimiter", "xx"), ("--max-gap-s", "nan"),
        ("--lead", "I,II"), ("--time-col", "0", "--value-col", "0"), ("--unit", "kV"), ("--interpolate", "x"),
    ],
    ids=str,
)  # fmt: skip
def test_options_that_cannot_be_are_one_line(ecg, log, arguments):
    refused = ecg("convert-serial", log, "--out", "out", *arguments)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert refused.err.startswith("error: ")
    assert names() == []


@pytest.mark.parametrize("call", [(os, "fsync"), (Path, "replace"), (Path, "rename"), (Path, "mkdir")])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_disk_that_fails_leaves_the_old_files_or_the_new_ones(log, monkeypatch, call, number):
    old = convert_log(log, Options(), Scale(unit="mV"))
    write_outputs(old, Path("out"), "log")
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    new = convert_log(log, Options(), Scale(unit="V"))
    owner, name = call
    real, seen = getattr(owner, name), []

    def failing(*given, **options):
        seen.append(None)
        if len(seen) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*given, **options)

    failed = False
    with monkeypatch.context() as patched:
        patched.setattr(outputs, "write_preview", lambda _record, path: write_text(path, "new"))  # quicker to write
        patched.setattr(owner, name, failing)
        try:
            write_outputs(new, Path("out"), "log", force=True)
        except EcgError:
            failed = True
    after = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    assert (after == before) is failed
    assert sorted(after) == ["log.meta.json", "log.npy", "log_preview.png"]


@pytest.mark.parametrize("payload", ["\x1b[2J", "=1+1", "<script>", "../../up", "$(touch x)", "a" * 300, "I\u202eI"])
def test_the_words_of_a_log_drive_nothing(ecg, payload):
    rows = "".join(f"{4 * step},{500 + step % 100}\n" for step in range(N))
    Path("log.txt").write_text(f"# {payload}\ntime_ms,x{payload}\n{payload}\n{rows}", encoding="utf-8")
    done = ecg("convert-serial", "log.txt", "--out", "out")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert names() == ["log.meta.json", "log.npy", "log_preview.png"]
    assert names(".") == ["log.txt", "out"]


def test_the_real_log_becomes_a_recording(ecg, recordings):
    path = recordings("serial") / "bitalino_ecg.txt"
    said = ecg("convert-serial", path, "--out", "out", "--vref", "3.3", "--gain", "1100", "--json").json
    (made,) = said["converted"]
    assert (made["fs"], made["seconds"], made["leads"], made["calibrated"]) == (1000, 15, ["ECG"], True)
    assert read_record("out/bitalino_ecg.npy").signal.shape == (1, 15_000)
