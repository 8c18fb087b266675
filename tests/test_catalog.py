import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bundles import make_bundle

from ecgtool.catalog import Catalog, database, find_bundle, find_run
from ecgtool.catalog.bundle import Origin
from ecgtool.errors import ConfigError, EcgError, FormatError, IntegrityError, NotFound


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    values = {"macro_auroc": {"value": 0.9, "low": 0.8, "high": 0.95}}
    run = Origin(run="r1", lineage={"store": "s", "store_digest": "sha256:1"}, config={"arch": "cnn1d"})
    return make_bundle(
        tmp_path_factory.mktemp("made") / "bundle", metrics={"values": values}, run=run, versions={"ecgtool": "0.1.0"}
    )


@pytest.fixture
def catalog(home):
    return Catalog.open()


def folders(catalog):
    return sorted(path.name for path in catalog.bundles.iterdir()) if catalog.bundles.exists() else []


def references(catalog):
    return sorted(entry.reference for entry in catalog.entries())


def assert_whole(catalog):
    """Every row has its bundle, every bundle its row, and nothing half done lies about."""
    assert references(catalog) == folders(catalog)
    for entry in catalog.entries():
        entry.bundle()


def test_a_registered_bundle_is_found_with_its_metrics_and_lineage(catalog, bundle):
    made = catalog.register(bundle, "ptbxl", aliases=["champion"], note="first")
    found = catalog.resolve("ptbxl@1")
    assert found == made
    assert (found.reference, found.aliases, found.note) == ("ptbxl@1", ("champion",), "first")
    assert (found.arch, found.task, found.digest) == ("cnn1d", "toy", bundle.digest)
    assert found.metrics["macro_auroc"]["low"] == 0.8
    assert found.lineage["lineage"]["store_digest"] == "sha256:1"
    assert found.lineage["config"] == {"arch": "cnn1d"}
    assert found.lineage["versions"] == {"ecgtool": "0.1.0"}
    assert found.bundle().digest == bundle.digest
    assert_whole(catalog)


def test_names_resolve_to_the_newest_version_a_version_or_an_alias(catalog, bundle):
    for aliases in (["champion"], [], ["candidate"]):
        catalog.register(bundle, "m", aliases=aliases)
    assert catalog.resolve("m").version == 3
    assert catalog.resolve("m@latest").version == 3
    assert catalog.resolve("m@2").version == 2
    assert catalog.resolve("m@champion").version == 1
    assert catalog.resolve("m@CANDIDATE").version == 3


@pytest.mark.parametrize(
    "reference", ["m@", "m@4", "m@01", "m@-1", "m@nobody", "other", "other@1", "", "@1", "m@1@2", "m@1 "]
)
def test_what_is_not_there_is_not_found(catalog, bundle, reference):
    catalog.register(bundle, "m", aliases=["champion"])
    with pytest.raises(NotFound):
        catalog.resolve(reference)


def test_a_misspelled_name_gets_a_hint(catalog, bundle):
    with pytest.raises(NotFound) as caught:
        catalog.resolve("m")
    assert "ecg register" in caught.value.hint
    catalog.register(bundle, "ptbxl-xlstm")
    with pytest.raises(NotFound) as caught:
        catalog.resolve("ptbxl-xlsm")
    assert "ptbxl-xlstm" in caught.value.hint


def test_an_alias_stands_for_one_version_at_a_time(catalog, bundle):
    catalog.register(bundle, "m", aliases=["champion"])
    catalog.register(bundle, "m", aliases=["champion"])
    assert catalog.resolve("m@champion").version == 2
    assert catalog.alias("m@1", "champion").aliases == ("champion",)
    assert catalog.resolve("m@2").aliases == ()
    assert catalog.unalias("m", "champion").version == 1
    with pytest.raises(NotFound):
        catalog.resolve("m@champion")


@pytest.mark.parametrize("alias", ["7", "latest", "LATEST", "", "a b", "../x", "a@b", "é"])
def test_an_alias_that_could_mean_something_else_is_refused(catalog, bundle, alias):
    with pytest.raises(ConfigError):
        catalog.register(bundle, "m", aliases=[alias])
    assert catalog.entries() == []
    catalog.register(bundle, "m")
    with pytest.raises(ConfigError):
        catalog.alias("m", alias)


def test_a_number_is_never_given_twice(catalog, bundle):
    catalog.register(bundle, "m")
    catalog.register(bundle, "m")
    assert catalog.remove("m@2").version == 2
    assert_whole(catalog)
    assert catalog.register(bundle, "m").version == 3


def test_names_that_a_folder_cannot_tell_apart_are_one_model(catalog, bundle):
    catalog.register(bundle, "Ptb")
    assert catalog.register(bundle, "PTB").reference == "Ptb@2"
    assert catalog.resolve("ptb").version == 2


def test_tags_are_set_changed_and_taken_away(catalog, bundle):
    catalog.register(bundle, "m")
    catalog.tag("m", "site", "ward 3")
    assert catalog.tag("m", "site", "ward 4").tags == {"site": "ward 4"}
    assert catalog.tag("m", "site", None).tags == {}


HOSTILE = [
    "'; DROP TABLE models; --",
    '" OR 1=1 --',
    "../../etc",
    "/absolute",
    "a/b",
    "a\\b",
    "..",
    "",
    ".hidden",
    "-rf",
    "a@b",
    "nul\0",
    "\x1b[2J",
    "x" * 65,
    "a b",
    "é",
    "\u202eevil",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_and_change_nothing(catalog, bundle, tmp_path, name):
    catalog.register(bundle, "m")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError):
        catalog.register(bundle, name)
    with pytest.raises(EcgError):
        catalog.resolve(f"{name}@x")
    assert sorted(tmp_path.rglob("*")) == before
    assert_whole(catalog)


def test_hostile_notes_and_tags_are_kept_as_text(catalog, bundle):
    text = "'); DROP TABLE models; -- <script>=1+1"
    catalog.register(bundle, "m", note=text)
    assert catalog.tag("m", "k", text).tags == {"k": text}
    assert catalog.resolve("m").note == text
    with pytest.raises(ConfigError):
        catalog.register(bundle, "m", note="\x1b]0;owned\x07")
    with pytest.raises(ConfigError):
        catalog.tag("m", "k", "x" * 10_001)


def test_a_bundle_exchanged_for_another_sound_one_is_found(catalog, bundle, tmp_path):
    entry = catalog.register(bundle, "m")
    entry.path.rename(tmp_path / "aside")
    make_bundle(entry.path, seed=3)
    with pytest.raises(IntegrityError, match="not the bundle that was registered"):
        entry.bundle()


def test_a_bundle_folder_taken_away_is_told(catalog, bundle, tmp_path):
    entry = catalog.register(bundle, "m")
    entry.path.rename(tmp_path / "aside")
    with pytest.raises(NotFound, match="m@1"):
        find_bundle("m")


def test_a_lost_catalog_never_costs_a_bundle(catalog, bundle):
    catalog.register(bundle, "m")
    catalog.file.unlink()
    assert catalog.register(bundle, "m").version == 2
    assert folders(catalog) == ["m@1", "m@2"]
    assert find_bundle("m@1").digest == bundle.digest


def test_looking_makes_nothing(catalog, home):
    assert catalog.entries() == []
    with pytest.raises(NotFound):
        catalog.resolve("m")
    assert not home.exists()


def test_looking_does_not_write(catalog, bundle):
    catalog.register(bundle, "m")
    before = catalog.file.read_bytes(), catalog.file.stat().st_mtime_ns
    catalog.entries()
    find_bundle("m@1")
    assert (catalog.file.read_bytes(), catalog.file.stat().st_mtime_ns) == before


# --- what may be where the catalog should be -------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"not a database, but text", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_catalog_is_told_in_one_line(catalog, bundle, content):
    catalog.root.mkdir(parents=True)
    catalog.file.write_bytes(content)
    for act in (catalog.entries, lambda: catalog.register(bundle, "m"), lambda: catalog.resolve("m")):
        with pytest.raises(IntegrityError, match=r"catalog\.db is damaged"):
            act()
    assert catalog.file.read_bytes() == content
    assert folders(catalog) == []


def test_a_catalog_with_a_damaged_page_is_an_error_not_an_answer(catalog, bundle):
    catalog.register(bundle, "m")
    whole = bytearray(catalog.file.read_bytes())
    whole[100:2000] = os.urandom(1900)
    catalog.file.write_bytes(whole)
    with pytest.raises(EcgError, match=r"catalog\.db"):
        catalog.entries()


def test_a_catalog_of_a_later_version_is_refused(catalog, bundle):
    catalog.register(bundle, "m")
    with sqlite3.connect(catalog.file) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(FormatError, match="version 99"):
        catalog.entries()
    with pytest.raises(FormatError, match="version 99"):
        catalog.register(bundle, "m")


def test_another_programs_database_is_left_alone(catalog, bundle):
    catalog.root.mkdir(parents=True)
    with sqlite3.connect(catalog.file) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = catalog.file.read_bytes()
    for act in (catalog.entries, lambda: catalog.register(bundle, "m")):
        with pytest.raises(FormatError, match="not a catalog"):
            act()
    assert catalog.file.read_bytes() == before


@pytest.mark.parametrize("version", ["../../x", 0, -1, "1/../../x", 10**12])
def test_a_row_that_cannot_be_is_not_followed(catalog, bundle, version):
    catalog.register(bundle, "m")
    with sqlite3.connect(catalog.file) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE models SET version = ?", (version,))
    with pytest.raises(IntegrityError, match="which cannot be"):
        catalog.entries()


def test_a_folder_in_the_catalogs_place_is_told(catalog, bundle):
    catalog.file.mkdir(parents=True)
    for act in (catalog.entries, lambda: catalog.register(bundle, "m")):
        with pytest.raises(EcgError, match=r"catalog\.db"):
            act()


@pytest.mark.parametrize("word", ["", "nonsense", "../../x@1", "m@1\0", "m@99999999999", "@", "m@1/../.."])
def test_a_damaged_note_of_work_in_progress_removes_nothing(catalog, bundle, word):
    catalog.register(bundle, "m")
    (catalog.bundles / ".in-progress").write_text(word)
    catalog.register(bundle, "m")
    assert references(catalog) == folders(catalog) == ["m@1", "m@2"]


# --- failure at any step ---------------------------------------------------------------------------------------------


def failing(monkeypatch, number, error):
    """Let the n-th write, flush or rename fail; returns how many there were."""
    calls = {"count": 0}

    def wrapped(function):
        def call(*arguments, **options):
            calls["count"] += 1
            if calls["count"] == number:
                raise OSError(error, os.strerror(error))
            return function(*arguments, **options)

        return call

    for name in ("fsync", "replace", "rename", "mkdir"):
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))
    return calls


@pytest.mark.parametrize("error", [28, 5, 13], ids=["ENOSPC", "EIO", "EACCES"])
def test_register_is_whole_or_absent_whichever_step_fails(catalog, bundle, error):
    catalog.register(bundle, "m", aliases=["champion"])
    number, done = 1, False
    while not done:
        before = references(catalog)
        with pytest.MonkeyPatch.context() as patch:
            calls = failing(patch, number, error)
            try:
                catalog.register(bundle, "m", aliases=["champion"])
            except EcgError:
                assert references(catalog) == before
            done = calls["count"] < number
        assert catalog.resolve("m@champion").reference in references(catalog)
        assert_whole(catalog)
        number += 1
    assert number > 10


def test_a_full_disk_at_the_commit_leaves_neither_row_nor_folder(catalog, bundle, monkeypatch):
    catalog.register(bundle, "m")
    connect = database._connect

    def small(file, mode):
        connection = connect(file, mode)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(database, "_connect", small)
        with pytest.raises(EcgError, match="full"):
            catalog.register(bundle, "m", note="x" * 9000)
    assert references(catalog) == ["m@1"]
    assert_whole(catalog)


def register_until_killed(catalog, bundle, number):
    """In a child: register, and die at the n-th flush, rename or removal without a chance to clean up; else exit 0."""
    count = 0

    def dying(function):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            if count == number:
                os._exit(9)
            return function(*arguments, **options)

        return call

    for name in ("fsync", "replace", "rename", "mkdir", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    catalog.register(bundle, "m")
    os._exit(0)


def test_a_register_killed_at_any_step_leaves_no_row_without_bundle_and_the_next_one_clears_up(catalog, bundle):
    number, code = 0, 9
    while code:
        number += 1
        child = os.fork()
        if not child:
            register_until_killed(catalog, bundle, number)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 9)
        for entry in catalog.entries():
            entry.bundle()
        catalog.register(bundle, "other")
        assert_whole(catalog)
    assert number > 10


LOOP = """
import sys
from ecgtool.catalog import Bundle, Catalog
bundle, catalog = Bundle.open(sys.argv[1]), Catalog.open()
print("ready", flush=True)
while True:
    made = catalog.register(bundle, "m")
    if made.version % 2:
        catalog.remove(made.reference)
"""


def test_kill_9_at_any_instant_leaves_a_whole_catalog(catalog, bundle):
    for delay in (0.0, 0.01, 0.03, 0.06, 0.1, 0.15):
        process = subprocess.Popen([sys.executable, "-c", LOOP, str(bundle.path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for entry in catalog.entries():
            entry.bundle()
        catalog.register(bundle, "other")
        assert_whole(catalog)


def test_a_journal_left_by_a_killed_writer_is_undone_when_looking(catalog, bundle):
    """A writer dies with half its pages written: only the journal beside the file knows what was there."""
    catalog.register(bundle, "m")
    child = os.fork()
    if not child:
        connection = sqlite3.connect(catalog.file, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        for number in range(2000):
            connection.execute("INSERT INTO names VALUES (?, 1)", (f"half-done-{number}",))
        connection.execute("UPDATE models SET note = 'half done'")
        os._exit(9)
    os.waitpid(child, 0)
    assert catalog.file.with_name("catalog.db-journal").stat().st_size > 0
    assert catalog.resolve("m").note == ""


def _register_some(path, count):
    from ecgtool.catalog import Bundle

    for _ in range(count):
        Catalog.open().register(Bundle.open(path), "m")


def test_several_at_once_get_different_versions(catalog, bundle):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_register_some, args=(bundle.path, 4)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(entry.version for entry in catalog.entries()) == list(range(1, 13))
    assert_whole(catalog)


def test_a_catalog_held_by_another_process_is_told(catalog, bundle, monkeypatch):
    catalog.register(bundle, "m")
    monkeypatch.setattr(database, "_PATIENCE_S", 0.05)
    holder = sqlite3.connect(catalog.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(EcgError, match="locked"):
        catalog.register(bundle, "m")
    assert references(catalog) == ["m@1"]
    holder.close()


# --- which bundle a word means ---------------------------------------------------------------------------------------


def test_an_existing_folder_wins_over_a_name(catalog, bundle, tmp_path):
    catalog.register(bundle, "m")
    other = make_bundle(tmp_path / "m", seed=4)
    assert find_bundle("m").digest == other.digest
    assert find_bundle("m@1").digest == bundle.digest


def test_a_folder_of_recordings_does_not_stand_in_the_way_of_a_name(catalog, bundle):
    catalog.register(bundle, "m")
    Path("m").mkdir()
    assert find_bundle("m").digest == bundle.digest
    assert find_run("m") is None
    with pytest.raises(FormatError, match="is not a bundle"):
        find_bundle("./m")


def test_a_bundle_in_the_home_folder_is_found_by_name(catalog, home):
    made = make_bundle(home / "bundles" / "exported")
    assert find_bundle("exported").digest == made.digest


def test_a_run_is_told_to_be_exported_first(home, tmp_path):
    for folder in (home / "runs" / "r1", tmp_path / "r2"):
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("arch: cnn1d\n")
        word = "r1" if folder.name == "r1" else str(folder)
        with pytest.raises(ConfigError) as caught:
            find_bundle(word)
        assert f"ecg export {folder}" in caught.value.hint
        assert find_run(word) == folder


def test_an_exported_run_of_the_same_name_means_the_bundle(home):
    make_bundle(home / "bundles" / "same")
    (home / "runs" / "same").mkdir(parents=True)
    (home / "runs" / "same" / "config.yaml").write_text("arch: cnn1d\n")
    assert find_bundle("same").manifest.name == "toy"
    assert find_run("same") == home / "runs" / "same"
    assert find_run("nothing") is None


def test_a_document_of_an_entry_is_json(catalog, bundle):
    document = catalog.register(bundle, "m", aliases=["champion"]).document
    assert json.loads(json.dumps(document))["reference"] == "m@1"
