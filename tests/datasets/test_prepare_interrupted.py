"""Preparing, stopped at any instant or at any failure of the disk: the same bytes in the end, and nothing torn."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from corpora import BEATS, TOY, Few, contents, prepare, write_few
from failing_disk import FailingDisk

from ecgtool.datasets import items
from ecgtool.datasets import prepare as loop
from ecgtool.errors import EcgError
from ecgtool.store import Store

RECORDS = 12

DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path

import corpora
from ecgtool.datasets import prepare as loop

loop.CHUNK_BYTES = 2400  # three recordings to a chunk
os.fsync = lambda handle: None  # a killed process leaves its writes to the system, flushed or not: only slower


def run(out, before=lambda: None, **options):
    child = os.fork()
    if not child:
        try:
            before()
            corpora.prepare(corpora.Few(Path("corpus"), 12), Path(out), **options)
        except BaseException as error:
            print(error, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(step, folder):
    '''Make this process kill itself at the n-th time it touches what lies in a folder, or flushes to the disk.'''
    seen = []

    def touch(*_arguments):
        seen.append(None)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        if event.split(".")[0] in ("open", "os", "shutil") and arguments and folder in str(arguments[0]):
            touch()

    def flushing(handle, real=os.fsync):
        touch()
        real(handle)

    os.fsync = flushing
    sys.addaudithook(hook)
"""


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    write_few(folder, RECORDS)
    return folder


@pytest.fixture
def corpus(tmp_path, corpus_folder):
    (tmp_path / "corpus").symlink_to(corpus_folder)
    return Few(tmp_path / "corpus", RECORDS)


@pytest.fixture
def whole(corpus, tmp_path, monkeypatch):
    """What an uninterrupted preparation writes; nothing here waits for the disk, as no power fails."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(loop, "CHUNK_BYTES", 2400)
    return contents(prepare(corpus, tmp_path / "whole").path)


def drive(program, **environment):
    """Run a program behind the driver in a process of its own; what it printed last, as JSON."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER + textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_killed_wherever_it_touches_the_disk_it_goes_on_to_the_same_bytes(whole, tmp_path):
    died = drive(
        """
        died = []
        for step in range(1, 1000):
            died.append(ended(run(f"out/{step}", lambda: die_at(step, "/out"))))
            if died[-1] == 0:
                break
            assert ended(run(f"out/{step}")) == 0
        print(json.dumps(died))
        """
    )
    assert died[-1] == 0
    assert set(died[:-1]) == {-9}
    assert len(died) > 30
    for step in range(1, len(died) + 1):
        assert contents(tmp_path / "out" / str(step)) == whole, step


def test_killed_at_random_instants_until_it_gets_through_it_leaves_the_same_bytes(whole, tmp_path):
    kills = drive(
        """
        chance = random.Random(7)
        begun = time.monotonic()
        assert ended(run("out/timed")) == 0
        span = time.monotonic() - begun
        kills = 0
        for attempt in range(15):
            for again in range(50):
                child = run(f"out/{attempt}")
                time.sleep(chance.uniform(0, 1.2 * span))
                os.kill(child, signal.SIGKILL)
                if ended(child) == 0:
                    break
                kills += 1
            else:
                assert ended(run(f"out/{attempt}")) == 0
        print(json.dumps(kills))
        """
    )
    assert kills
    for attempt in range(15):
        assert contents(tmp_path / "out" / str(attempt)) == whole, attempt


def test_killed_while_replacing_a_store_the_old_or_the_new_one_is_there_whole(whole, corpus, tmp_path):
    old = contents(prepare(Few(corpus.folder, RECORDS, tasks=(TOY, BEATS)), tmp_path / "old").path)
    assert old != whole
    steps = drive(
        """
        import shutil
        for step in range(1, 1000):
            shutil.copytree("old", f"out/{step}/few")
            if ended(run(f"out/{step}/few", lambda: die_at(step, "/out"), force=True)) == 0:
                break
        print(json.dumps(step))
        """
    )
    outcomes = set()
    for step in range(1, steps + 1):
        out = tmp_path / "out" / str(step) / "few"
        Store.open(out)
        found = contents(out)
        assert found in (old, whole), step
        outcomes.add("old" if found == old else "new")
        assert contents(prepare(corpus, out, force=True).path) == whole
    assert outcomes == {"old", "new"}


@pytest.mark.parametrize("step", [12, 20])
def test_killed_with_two_workers_it_goes_on_with_two_workers(whole, tmp_path, step):
    died = drive(
        f"""
        if __name__ == "__main__":
            died = ended(run("out", lambda: die_at({step}, "/.out"), workers=2))
            assert ended(run("out", workers=2)) == 0
            print(json.dumps(died))
        """
    )
    assert died == -9
    assert contents(tmp_path / "out") == whole


class Interrupted(Few):
    """A corpus that somebody presses Ctrl-C on, at its n-th recording."""

    def __init__(self, folder, records, at, **options):
        super().__init__(folder, records, **options)
        self.at = at
        self.read_ids = []

    def read(self, entry):
        if len(self.read_ids) == self.at:
            raise KeyboardInterrupt
        self.read_ids.append(entry.id)
        return super().read(entry)


def test_interrupted_it_goes_on_where_it_stopped(whole, corpus, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        prepare(Interrupted(corpus.folder, RECORDS, at=7), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    again = Interrupted(corpus.folder, RECORDS, at=None)
    assert contents(prepare(again, tmp_path / "out").path) == whole
    assert again.read_ids == [f"e{row:04d}" for row in range(6, RECORDS)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out", "whole"]


def test_interrupted_and_asked_for_something_else_it_begins_anew(whole, corpus, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        prepare(Interrupted(corpus.folder, RECORDS, at=7), tmp_path / "out", window_s=1.0)
    again = Interrupted(corpus.folder, RECORDS, at=None)
    assert contents(prepare(again, tmp_path / "out").path) == whole
    assert len(again.read_ids) == RECORDS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda journal, signals: journal.write_bytes(journal.read_bytes()[:-9]),
        lambda journal, signals: journal.write_bytes(journal.read_bytes() + b'{"first": 99, "items": [1]}\n'),
        lambda journal, signals: journal.write_bytes(journal.read_bytes() + b"[]\n\x00\n"),
        lambda journal, signals: journal.write_bytes(b""),
        lambda journal, signals: journal.unlink(),
        lambda journal, signals: signals.unlink(),
        lambda journal, signals: signals.write_bytes(signals.read_bytes()[:-1]),
        lambda journal, signals: signals.write_bytes(signals.read_bytes() + b"half a chunk"),
    ],
    ids=["torn", "gap", "foreign", "empty", "no journal", "no signals", "short", "long"],
)
def test_a_torn_journal_or_array_is_taken_back_to_what_is_sure(whole, corpus, tmp_path, spoil):
    with pytest.raises(KeyboardInterrupt):
        prepare(Interrupted(corpus.folder, RECORDS, at=7), tmp_path / "out")
    spoil(tmp_path / ".out.journal", tmp_path / ".out.partial" / "signals.npy")
    assert contents(prepare(corpus, tmp_path / "out").path) == whole


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=errno.errorcode.get)
def test_whichever_access_of_the_disk_fails_the_store_is_absent_or_whole(whole, corpus, tmp_path, monkeypatch, code):
    failures = []
    for number in range(1, 1000):
        out = tmp_path / "out" / f"{number}" / "few"
        with monkeypatch.context() as patched:
            disk = FailingDisk(patched, number, code)
            try:
                prepare(corpus, out)
            except EcgError as error:
                failures.append(error)
        assert not out.exists() or contents(out) == whole, number
        assert contents(prepare(corpus, out).path) == whole, number
        if disk.left > 0:
            break
    assert len(failures) > 20
    assert all(os.strerror(code) in error.message and error.hint for error in failures)
    assert disk.left > 0


def test_whichever_access_of_the_disk_fails_an_old_store_stays_until_the_new_one_is_whole(
    whole, corpus, tmp_path, monkeypatch
):
    both = Few(corpus.folder, RECORDS, tasks=(TOY, BEATS))
    out = tmp_path / "few"
    old = contents(prepare(both, out).path)
    for number in range(1, 1000):
        with monkeypatch.context() as patched:
            disk = FailingDisk(patched, number, errno.ENOSPC)
            try:
                prepare(corpus, out, force=True)
            except EcgError:
                assert contents(out) in (old, whole), number
            else:
                assert contents(out) == whole, number
        if disk.left > 0:
            break
        prepare(both, out, force=True)
    assert number > 20


def test_whichever_access_of_the_disk_fails_adding_a_task_leaves_the_store_readable(
    whole, corpus, tmp_path, monkeypatch
):
    for number in range(1, 1000):
        store = prepare(corpus, tmp_path / f"{number}")
        with monkeypatch.context() as patched:
            disk = FailingDisk(patched, number, errno.ENOSPC)
            try:
                prepare(Few(corpus.folder, RECORDS, tasks=(BEATS,)), store.path)
            except EcgError:
                found = Store.open(store.path)
                for task in found.manifest.tasks:
                    assert len(found.targets(task)) == RECORDS
        added = prepare(Few(corpus.folder, RECORDS, tasks=(BEATS,)), store.path)
        assert [task.name for task in added.manifest.tasks] == ["toy", "beats"]
        if disk.left > 0:
            break
    assert number > 5


def test_ctrl_c_does_not_reach_a_worker_that_is_still_starting():
    struck = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')"
    with items._undisturbed():
        started = subprocess.run([sys.executable, "-c", struck], capture_output=True, text=True, check=False)
    assert (started.stdout, started.stderr) == ("alive\n", "")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
