"""What tests share: a home of their own, the command line, and the folder of real recordings."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

# One thread, here and in every process a test starts: sums come out in one order, so digits can be compared.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from ecgtool import cli

# A shell starts what it puts into the background deaf to Ctrl-C, and processes pass that on: tests that interrupt
# themselves would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """The pages of the documentation first: they take longest, and one left to the end keeps a single core busy."""
    items.sort(key=lambda item: item.path.name != "test_docs.py")


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Every test has its own ECG_HOME and works in its own folder."""
    monkeypatch.setenv("ECG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def ecg(capsys):
    """Run ``ecg`` in this process: ``ecg("info", "--json")`` gives its Outcome."""

    def run(*arguments):
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def recordings():
    """The path of a folder of real recordings: ``recordings("ptbxl")``; skips where there is none."""

    def folder(name):
        root = os.environ.get("ECG_TEST_DATA")
        if not root:
            pytest.skip("ECG_TEST_DATA is not set: no real recordings here")
        path = Path(root) / name
        if not path.exists():
            pytest.skip(f"{path} does not exist")
        return path.resolve()

    return folder
