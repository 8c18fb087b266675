"""What every format is held to, whoever reads it: known by content, read in part, never silently short, harmless."""

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import fuzz_formats
import numpy as np
import pytest
from samples import SAMPLES, belonging, real_samples

from ecgtool.errors import EcgError
from ecgtool.formats import FORMATS, HEAD_BYTES, read_record, write_record
from ecgtool.record import LEADS_12, Record

WRITTEN = tuple(name for name in FORMATS if FORMATS.load(name).write is not None)
MUTATIONS = 400
PERCENT = range(100)
SMALL = 300_000

# Formats without any statement of their length: of a file cut at the end of a line nobody can tell that it was longer.
UNFRAMED = ("csv",)

FIXED_SUFFIX = ("flac.hea", "holter.arc")  # packages that unpack FLAC and EDAN archives go by the suffix

HOSTILE = (
    "=cmd|'/C calc'!A0", "+1", "@SUM(1)", "\x1b[31mred", "\x1b]0;title\x07", "\u202egnp", "[bold]x[/bold]",
    "<script>alert(1)</script>", "{{7*7}}", "%s%n", "a,b;c\td", "../../x", "I\nII", "\r\nx",
)  # fmt: skip


@pytest.fixture
def samples(tmp_path):
    """``samples(name)``: small recordings of a format, freshly made."""

    def made(name):
        folder = tmp_path / "samples"
        folder.mkdir()
        return SAMPLES[name](folder)

    return made


def test_every_format_has_samples():
    assert set(SAMPLES) == set(FORMATS)


def test_every_format_is_in_the_guide():
    guide = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in guide] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_known_by_its_content(name, samples):
    for path in [*samples(name), *real_samples(name)]:
        head = path.read_bytes()[:HEAD_BYTES]
        knowing = [other for other in FORMATS if FORMATS.load(other).sniff(path, head)]
        assert knowing == [name], path
        read_record(path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_wrong_suffix_changes_nothing(name, samples):
    for path in samples(name):
        if path.name in FIXED_SUFFIX:
            continue
        expected = read_record(path)
        renamed = path.rename(path.with_suffix(".xyz"))
        record = read_record(renamed)
        np.testing.assert_array_equal(record.signal, expected.signal, err_msg=str(path))
        assert (record.leads, record.fs) == (expected.leads, expected.fs), path
        renamed.rename(path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_range_is_that_part_of_the_whole(name, samples):
    for path in [*samples(name), *real_samples(name)]:
        whole = read_record(path)
        assert whole.meta["duration_s"] == pytest.approx(whole.seconds)
        for start, share in ((0.0, 0.3), (0.4, 0.3), (0.85, 1.0)):
            begin = round(start * whole.seconds, 2)
            part = read_record(path, begin, share * whole.seconds)
            first = round(begin * whole.fs)
            expected = whole.signal[:, first : round((begin + share * whole.seconds) * whole.fs)]
            np.testing.assert_array_equal(part.signal, expected, err_msg=f"{path} from {begin} s")
            assert part.meta["start_s"] == pytest.approx(first / whole.fs)
            assert part.meta["duration_s"] == pytest.approx(whole.meta["duration_s"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_range_after_the_end_is_refused(name, samples):
    for path in samples(name):
        with pytest.raises(EcgError):
            read_record(path, read_record(path).seconds + 1)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_anywhere_is_refused_or_marked(name, samples, tmp_path):
    for path in [*samples(name), *_copies(real_samples(name), tmp_path)]:
        whole = read_record(path)
        for file in belonging(path):
            data = file.read_bytes()
            for length in sorted({len(data) * percent // 100 for percent in PERCENT}):
                file.write_bytes(data[:length])
                _assert_refused_or_marked(name, path, whole, f"{file} cut to {length} of {len(data)} bytes")
            file.write_bytes(data)


def _copies(paths, tmp_path):
    """Copies of those recordings that are small enough to be read a hundred times."""
    copies = []
    for path in paths:
        files = belonging(path)
        if sum(file.stat().st_size for file in files) <= SMALL:
            folder = tmp_path / "copies" / path.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            copies.append(folder / path.name)
            for file in [*files, *path.parent.glob("dataset.json")]:
                shutil.copyfile(file, folder / file.name)
    return copies


def _assert_refused_or_marked(name, path, whole, what):
    record = fuzz_formats.check(path)
    if isinstance(record, EcgError):
        assert record.hint, f"{record.message} What to do?"
        return
    if record.meta.get("truncated") or record.meta.get("warnings"):
        assert record.signal.shape[1] <= whole.signal.shape[1], what
        assert np.isnan(record.signal).sum() <= np.isnan(whole.signal).sum(), f"{what}: padded"
        return
    assert (record.fs, record.leads) == (whole.fs, whole.leads), what
    if name in UNFRAMED:  # the part that is there, and nothing made up for the rest
        whole = Record(whole.signal[:, : record.signal.shape[1]], whole.fs, whole.leads)
    np.testing.assert_array_equal(record.signal, whole.signal, err_msg=what)


@pytest.mark.parametrize("name", FORMATS)
def test_a_mutated_file_gives_a_sound_record_or_one_error(name, tmp_path):
    growth, (read, refused) = fuzz_formats.grown(lambda: fuzz_formats.run(name, tmp_path / name, MUTATIONS))
    assert read >= MUTATIONS // 20, "the mutations are so strong that they test the first check alone"
    assert refused >= MUTATIONS // 20
    assert growth < fuzz_formats.MEMORY_LIMIT


@pytest.mark.parametrize("name", FORMATS)
def test_reading_writes_nothing(name, samples):
    for path in samples(name):
        before = {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in path.parent.iterdir()}
        with fuzz_formats.harmless():
            read_record(path)
        assert {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_vanishes_or_cannot_be_opened_is_one_line(name, samples, monkeypatch):
    read = FORMATS.load(name).read
    for path in samples(name):
        read(path, 0.0, None)  # what is imported for it is there from now on
        with monkeypatch.context() as patch:
            for module, function in ((os, "open"), (io, "open"), (io, "open_code")):
                patch.setattr(module, function, _refusing(getattr(module, function), path.parent))
            patch.setattr("builtins.open", _refusing(open, path.parent))
            with pytest.raises(EcgError) as refusal:
                read(path, 0.0, None)
            assert path.stem in refusal.value.message
        aside = path.rename(path.with_name("aside"))
        with pytest.raises(EcgError) as refusal:
            read(path, 0.0, None)
        assert path.stem in refusal.value.message
        aside.rename(path)


def _refusing(function, folder):
    """The function, but what lies in the folder cannot be opened."""

    def opened(file, *arguments, **options):
        if isinstance(file, str | bytes | os.PathLike) and Path(os.fsdecode(file)).is_relative_to(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(file))
        return function(file, *arguments, **options)

    return opened


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_file_and_noise_of_a_known_suffix_are_refused(name, tmp_path):
    for suffix in FORMATS.load(name).suffixes:
        for content in (b"", b"\n", b"\0" * 5000, bytes(range(256)) * 20):
            path = tmp_path / f"thing{suffix}"
            path.write_bytes(content)
            with pytest.raises(EcgError):
                read_record(path)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("calibrated", [True, False])
def test_a_written_recording_reads_back_the_same(name, calibrated, tmp_path):
    signal = np.random.default_rng(0).normal(0, 0.02, (12, 1000)).cumsum(axis=1).astype(np.float32)
    meta = {"age": 63.0, "sex": "F", "calibrated": calibrated}
    record = Record(signal, 250.0, LEADS_12, id="rec", meta=meta)
    path = tmp_path / f"rec{FORMATS.load(name).suffixes[0]}"
    back = read_record(write_record(record, path, name))
    np.testing.assert_allclose(back.signal, record.signal, rtol=1e-6, atol=0.00051)
    assert (back.leads, back.fs, back.calibrated) == (record.leads, record.fs, calibrated)
    assert (back.meta["age"], back.meta["sex"]) == (63.0, "F")


@pytest.mark.parametrize("name", WRITTEN)
def test_hostile_words_in_lead_names_do_nothing(name, tmp_path, ecg):
    signal = np.zeros((2, 500), np.float32)
    signal[:, ::7] = 1
    for number, word in enumerate(HOSTILE):
        folder = tmp_path / str(number)
        path = folder / f"rec{FORMATS.load(name).suffixes[0]}"
        try:
            written = write_record(Record(signal, 100.0, (word, "V1")), path, name)
        except EcgError:
            continue
        with fuzz_formats.harmless():
            back = read_record(written)
        assert back.leads[1:] == ("V1",)
        outcome = ecg("info", written)
        assert outcome.code == 0
        assert "\x1b" not in outcome.out + outcome.err
        assert [path.name for path in tmp_path.iterdir() if not path.name.isdigit()] in ([], ["home"])


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_whichever_step_of_writing_fails_the_old_recording_or_the_new_one_is_there(
    name, function, code, tmp_path, monkeypatch
):
    old = Record(np.ones((1, 500), np.float32), 100.0, ("I",))
    new = Record(np.full((1, 500), 0.5, np.float32), 200.0, ("V1",))
    path = tmp_path / f"rec{FORMATS.load(name).suffixes[0]}"
    for failing in range(20):
        path = write_record(old, path, name)
        calls = iter(range(100))
        works = getattr(os, function)

        def step(*arguments, calls=calls, failing=failing, works=works, **options):
            if next(calls) == failing:
                raise OSError(code, os.strerror(code))
            return works(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, function, step)
            try:
                write_record(new, path, name)
            except EcgError as error:
                refused = error
            else:
                break
        assert "\n" not in refused.message
        if name != "wfdb":  # two files; a header that does not fit its samples is told by their checksum
            _assert_the_same(read_record(path), old, new)
        assert not list(tmp_path.glob(".*")), "nothing half-written stays"
    assert failing > 0
    _assert_the_same(read_record(path), new)


def _assert_the_same(record, *allowed):
    known = (record.fs, record.leads, record.signal.tolist())
    assert known in [(other.fs, other.leads, other.signal.tolist()) for other in allowed]


def test_the_fuzzing_script_runs():
    script = Path(fuzz_formats.__file__)
    done = subprocess.run(
        [sys.executable, script, "wfdb", "--mutations", "60"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "wfdb: " in done.stdout
