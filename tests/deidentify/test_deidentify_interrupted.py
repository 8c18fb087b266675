"""Interrupted de-identification: failures of the disk, kills, and what the next run makes of what is left."""

import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import planted_binary
import pytest
from failing_disk import FailingDisk
from small_records import contents, some_records

from ecgtool import deidentify as package
from ecgtool.deidentify import recording
from ecgtool.errors import ConfigError, EcgError


@pytest.fixture
def source(tmp_path):
    return some_records(tmp_path / "in")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=errno.errorcode.get)
def test_whichever_access_of_the_disk_fails_the_output_is_absent_or_whole(tmp_path, monkeypatch, code):
    source = some_records(tmp_path / "in", 2)
    planted_binary.npy(source)
    key = tmp_path / "whole" / "deidentify.key"
    whole = contents(package.deidentify(source, tmp_path / "whole" / "out", package.Policy()).out)
    failures = []
    for number in range(1, 1000):
        out = tmp_path / str(number) / "out"
        policy = package.Policy(map=tmp_path / str(number) / "map.csv", key=key)
        with monkeypatch.context() as patched:
            disk = FailingDisk(patched, number, code)
            try:
                package.deidentify(source, out, policy)
            except EcgError as error:
                failures.append(error)
        assert not out.exists() or contents(out) == whole, number
        if not out.exists():
            again = package.Policy(map=policy.map, key=key, force=True)
            assert contents(package.deidentify(source, out, again).out) == whole, number
        if disk.left > 0:
            break
    assert len(failures) > 15
    assert all(os.strerror(code) in error.message and error.hint for error in failures)


def test_a_failed_key_leaves_none(source, tmp_path, monkeypatch):
    for number in range(1, 5):
        with monkeypatch.context() as patched:
            FailingDisk(patched, number, errno.ENOSPC)
            with pytest.raises(EcgError):
                package.deidentify(source, tmp_path / "out", package.Policy())
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in"]


def test_killed_at_any_instant_it_goes_on_to_the_same_bytes(tmp_path):
    source = some_records(tmp_path / "in", 60)
    out, script = tmp_path / "out", "from ecgtool.cli import main; main()"
    command = [sys.executable, "-c", script, "deidentify", str(source), "--out", str(out), "-q"]
    pauses, killed = np.random.default_rng(7).uniform(0, 0.1, 12), 0
    for pause in pauses:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        while not (tmp_path / ".out.journal").exists() and process.poll() is None and time.monotonic() < begun + 20:
            time.sleep(0.002)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() != 0
        if out.exists():
            break
    assert killed
    if not out.exists():
        assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    report = package.deidentify(source, tmp_path / "once", package.Policy(key=tmp_path / "deidentify.key"))
    assert contents(out) == contents(report.out)
    assert not (tmp_path / ".out.journal").exists()


def test_a_run_that_goes_on_writes_nothing_twice(source, tmp_path, monkeypatch):
    real, made = recording.clean, []

    def clean(named, *arguments):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(named.record)
        return real(named, *arguments)

    monkeypatch.setattr("ecgtool.deidentify.run.clean", clean)
    with pytest.raises(KeyboardInterrupt):
        package.deidentify(source, tmp_path / "out", package.Policy())
    assert not (tmp_path / "out").exists()
    first = made.copy()
    made.clear()
    package.deidentify(source, tmp_path / "out", package.Policy())
    assert len(first) == 3
    assert len(made) == 2
    assert not set(first) & set(made)


@pytest.mark.parametrize("spoil", ["file", "journal", "other options"])
def test_what_an_interruption_left_is_used_only_if_it_is_whole(source, tmp_path, monkeypatch, spoil):
    real, made = recording.clean, []

    def clean(named, *arguments):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(named.record)
        return real(named, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr("ecgtool.deidentify.run.clean", clean)
        with pytest.raises(KeyboardInterrupt):
            package.deidentify(source, tmp_path / "out", package.Policy())
    if spoil == "file":
        (tmp_path / ".out.partial" / f"{made[0]}.dat").write_bytes(b"torn")
    elif spoil == "journal":
        with (tmp_path / ".out.journal").open("ab") as file:
            file.write(b'{"half')
    keep = frozenset({"age"}) if spoil == "other options" else frozenset()
    report = package.deidentify(source, tmp_path / "out", package.Policy(keep=keep))
    key = tmp_path / "deidentify.key"
    once = package.deidentify(source, tmp_path / "once", package.Policy(keep=keep, key=key))
    assert contents(report.out) == contents(once.out)


def test_two_processes_do_not_write_one_output(source, tmp_path):
    from ecgtool.files import resumable_folder

    with resumable_folder(tmp_path / "out"), pytest.raises(ConfigError, match="Another process"):
        package.deidentify(source, tmp_path / "out", package.Policy())
