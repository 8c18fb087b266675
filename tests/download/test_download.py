"""A corpus arrives whole and verified from a server that does not want it to, or one line says why not."""

import contextlib
import errno
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import server
from server import Site, serving

from ecgtool import files
from ecgtool.download import everything
from ecgtool.download.connection import Patience
from ecgtool.download.corpora import CORPORA
from ecgtool.download.everything import Request, download
from ecgtool.download.fetch import Fetcher
from ecgtool.errors import ConfigError, EcgError, FormatError, IntegrityError

QUICK = Patience(connect_s=2, read_s=0.3, tries=4, pause_s=0.01)
RNG = np.random.default_rng(0)
BIG = RNG.bytes(300_000)
FILES = {"RECORDS": b"100\n", "100.hea": b"100 2 360 650000\n", "x mitdb/100 a.dat": BIG, "empty.txt": b""}


@contextlib.contextmanager
def quiet(_files):
    yield lambda _steps: None


@pytest.fixture
def site():
    made = Site(FILES)
    with serving(made) as url:
        made.url = url
        yield made


def fetch(site, folder="to", *, corpus="mitdb", **options):
    patience = options.pop("patience", QUICK)
    url = options.pop("url", site.url)
    return download(Request(CORPORA[corpus], Path(folder), url, patience=patience, **options), quiet)


def there(folder="to"):
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def whole(site, folder="to"):
    return there(folder) == {**site.files, "SHA256SUMS.txt": site.listing.encode()}


def test_every_file_arrives_and_is_not_fetched_again(site):
    made = fetch(site)
    assert (made.files, made.fetched, made.bytes) == (4, 4, sum(map(len, FILES.values())))
    assert whole(site)
    site.requests.clear()
    again = fetch(site)
    assert (again.files, again.fetched, again.bytes) == (4, 0, 0)
    assert [name for name, _ in site.requests] == ["SHA256SUMS.txt"]


@pytest.mark.parametrize(
    "ways",
    [
        [server.breaks_off(100_000), server.fine],
        [server.breaks_off(100_000), server.breaks_off(100_000), server.breaks_off(70_000), server.fine],
        [server.breaks_off(0), server.breaks_off(10), server.fine],
        [server.stalls(1.0), server.fine],
        [server.drips, server.fine],
        [server.status(500), server.status(503, Retry_After="0"), server.fine],
        [server.breaks_off(1000), server.without_ranges],
        [server.breaks_off(1000), server.status(416, Content_Range="bytes */7"), server.fine],
        [server.breaks_off(1000), server.answers_range("bytes 5-299999/300000"), server.fine],
        [server.breaks_off(1000), server.answers_range("bytes 1000-2000/300000"), server.fine],
        [server.breaks_off(1000), server.answers_range("nonsense"), server.fine],
        [server.says(299_000), server.fine],
        [server.chunked],
        [server.redirects("/c/elsewhere.dat"), server.fine],
        [server.redirects("elsewhere.dat")],
        [server.redirects_without_end],
    ],
    ids=range(16),
)
def test_what_breaks_off_stalls_or_lies_is_gone_on_with(site, ways):
    site.behave["x mitdb/100 a.dat"] = ways
    site.hidden = {"elsewhere.dat": BIG, "x mitdb/elsewhere.dat": BIG}
    assert fetch(site).fetched == 4
    assert whole(site)


def test_a_file_that_broke_off_is_gone_on_with_from_where_it_was(site):
    site.behave["x mitdb/100 a.dat"] = [server.breaks_off(100_000), server.fine]
    fetch(site)
    assert site.asked("x mitdb/100 a.dat") == [None, "bytes=100000-"]


def test_what_an_earlier_run_left_is_gone_on_with_and_begun_anew_where_it_is_of_another_version(site):
    part = Path("to/x mitdb/100 a.dat.part")
    part.parent.mkdir(parents=True)
    for left, ranges in (
        (BIG[:50_000], ["bytes=50000-"]),
        (BIG, []),
        (b"y" * 50_000, ["bytes=50000-", None]),
        (BIG + b"more", ["bytes=300004-", None]),
    ):
        site.requests.clear()
        part.write_bytes(left)
        fetch(site)
        assert site.asked("x mitdb/100 a.dat") == ranges
        assert whole(site)
        Path("to/x mitdb/100 a.dat").unlink()


def test_a_file_that_changes_while_it_is_fetched_is_begun_anew(site):
    def changed(handler, data):
        handler.begin(206, 10, Content_Range="bytes 1000-1009/1010", ETag='"new"')
        handler.wfile.write(b"z" * 10)

    def breaks_off(handler, data):
        handler.begin(200, len(data), ETag='"old"')
        handler.wfile.write(data[:1000])
        handler.close_connection = True

    site.behave["x mitdb/100 a.dat"] = [breaks_off, changed, server.fine]
    fetch(site)
    assert site.asked("x mitdb/100 a.dat") == [None, "bytes=1000-", None]
    assert whole(site)


@pytest.mark.parametrize(
    ("way", "error", "said"),
    [
        (server.status(404), EcgError, "404"),
        (server.status(403), EcgError, "403"),
        (server.status(500), EcgError, "500, 4 times"),
        (server.breaks_off(10), EcgError, "4 times"),
        (server.stalls(1.0), EcgError, "4 times"),
        (server.sends(b"y" * len(BIG)), IntegrityError, "digest"),
        (server.sends(b""), IntegrityError, "digest"),
        (server.says(10**15), IntegrityError, "no file of the corpus"),
        (server.compressed, EcgError, "gzip"),
        (server.redirects("https://example.com/x"), EcgError, "another server"),
        (server.redirects("http://127.0.0.1:1/x"), EcgError, "another server"),
        (server.redirects("file:///etc/passwd"), EcgError, "another server"),
        (server.redirects("//["), EcgError, "another server"),
        (server.redirects(""), EcgError, "another server"),
        (server.redirects("100 a.dat"), EcgError, "circles"),
    ],
    ids=range(15),
)
def test_what_cannot_be_fetched_is_one_line_and_nothing_in_its_place(site, way, error, said):
    site.behave["x mitdb/100 a.dat"] = [way]
    with pytest.raises(error, match=said) as refused:
        fetch(site)
    assert "\n" not in refused.value.message
    assert "x mitdb/100 a.dat" not in there()
    site.behave.clear()
    fetch(site)
    assert whole(site)


def test_a_file_without_end_does_not_fill_the_disk(site, monkeypatch):
    monkeypatch.setattr(everything, "Fetcher", lambda *given: Fetcher(*given, largest=10**6))
    site.behave["x mitdb/100 a.dat"] = [server.without_end]
    with pytest.raises(IntegrityError, match="sends more"):
        fetch(site)
    assert sum(map(len, there().values())) < 1_200_000


@pytest.mark.parametrize(
    "name",
    [
        "../canary", "/etc/canary", "a/../../canary", "..", "a\\..\\..\\canary", "a\0b", "C:/canary", "a\x1b[2J",
        "http://127.0.0.1/x", "a//b", "./a", "link/canary", "n" * 1100, "a/", "100.hea.part", "file:x",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused_before_anything_is_fetched(site, tmp_path, name):
    Path("to").mkdir()
    (tmp_path / "outside").mkdir()
    Path("to/link").symlink_to(tmp_path / "outside")
    site.sums = f"{'0' * 64} RECORDS\n{'0' * 64} {name}\n"
    with pytest.raises(FormatError):
        fetch(site)
    assert there() == {}
    assert not list((tmp_path / "outside").iterdir())
    assert [asked for asked, _ in site.requests] == ["SHA256SUMS.txt"]


@pytest.mark.parametrize(
    "sums", ["", "\n\n", "hello", "<html>", "0" * 64, f"{'0' * 63} a", f"{'0' * 64} a\n" * 2, "\xff"]
)
def test_a_list_that_is_none_is_refused(site, sums):
    site.content = lambda name: sums.encode("latin-1")
    with pytest.raises(EcgError, match="SHA256SUMS"):
        fetch(site)
    assert there() == {}


def test_a_list_without_end_is_refused(site, monkeypatch):
    monkeypatch.setattr(everything, "LARGEST", 200_000)
    site.behave["SHA256SUMS.txt"] = [server.without_end]
    with pytest.raises(IntegrityError, match="larger"):
        fetch(site)


def test_a_file_of_the_user_is_not_written_over_unless_forced(site):
    files.write_text(Path("to/RECORDS"), "mine")
    with pytest.raises(ConfigError, match="not the file of the corpus"):
        fetch(site)
    assert there()["RECORDS"] == b"mine"
    fetch(site, force=True)
    assert whole(site)


def test_a_link_in_the_place_of_a_part_is_not_written_through(site, tmp_path):
    Path("to").mkdir()
    (tmp_path / "canary").write_text("mine")
    Path("to/100.hea.part").symlink_to(tmp_path / "canary")
    with pytest.raises(ConfigError, match="link"):
        fetch(site)
    assert (tmp_path / "canary").read_text() == "mine"


def test_a_part_of_ptbxl_leaves_the_other_rate_out(site):
    site.files = {"records100/1.dat": b"a", "records500/1.dat": b"b", "ptbxl_database.csv": b"c"}
    assert fetch(site, "low", corpus="ptbxl", part="100").files == 2
    assert set(there("low")) == {"records100/1.dat", "ptbxl_database.csv", "SHA256SUMS.txt"}
    assert set(there("low")) | {"records500/1.dat"} == set(
        there("low") if fetch(site, "low", corpus="ptbxl").fetched == 1 else ()
    )
    for corpus, part in (("ptbxl", "200"), ("mitdb", "100")):
        with pytest.raises(ConfigError, match="no part"):
            fetch(site, corpus=corpus, part=part)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/x", "ftp://127.0.0.1/", "file:///etc", "x", "", "http://127.0.0.1.example.com/", "https://["],
)
def test_only_encrypted_servers_are_asked(site, url):
    with pytest.raises(ConfigError, match="--url"):
        fetch(site, url=url or "nothing")


def test_a_certificate_that_proves_nothing_is_refused(site, monkeypatch):
    import requests

    def get(*_given, **_options):
        raise requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed certificate"))

    monkeypatch.setattr(requests.Session, "get", get)
    with pytest.raises(EcgError, match="certificate"):
        fetch(site, url="https://127.0.0.1:1/c/")


def test_a_server_that_is_not_there_is_one_line():
    with pytest.raises(EcgError, match="cannot be reached"):
        download(Request(CORPORA["mitdb"], Path("to"), "http://127.0.0.1:9/", patience=QUICK), quiet)
    assert not Path("to").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_nothing_half_in_its_place(site, monkeypatch, call, number, code):
    owner = os if call == "fsync" else Path
    real, seen = getattr(owner, call), []

    def failing(*given):
        seen.append(None)
        if len(seen) == number:
            raise OSError(code, os.strerror(code))
        return real(*given)

    with monkeypatch.context() as patch, contextlib.suppress(EcgError):
        patch.setattr(owner, call, failing)
        fetch(site, workers=1)
    for name, data in there().items():
        assert name.endswith(".part") or data == {**FILES, "SHA256SUMS.txt": site.listing.encode()}[name]
    fetch(site)
    assert whole(site)


DRIVER = """
import contextlib, sys
from pathlib import Path
from ecgtool.download.corpora import CORPORA
from ecgtool.download.everything import Request, download

@contextlib.contextmanager
def told(files):
    print("begun", flush=True)
    yield lambda steps: None

download(Request(CORPORA["mitdb"], Path("to"), sys.argv[1], workers=2), told)
"""


def test_a_killed_download_goes_on(site):
    rng = np.random.default_rng(1)
    site.files = {f"{number}.dat": rng.bytes(200_000) for number in range(20)}
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), site.url]
    for _ in range(6):
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.06)))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        for name, data in there().items():
            expected = {**site.files, "SHA256SUMS.txt": site.listing.encode()}
            assert data == expected[name] if name in expected else name.endswith((".part", ".partial"))
    fetch(site)
    assert whole(site)


def test_ctrl_c_stops_and_the_same_command_goes_on(site, monkeypatch, ecg):
    def interrupted(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(everything, "_collected", interrupted)
        stopped = ecg("download", "mitdb", "--to", "to", "--url", site.url)
    assert stopped.code == 130
    assert "the same command again goes on" in stopped.err
    assert ecg("download", "mitdb", "--to", "to", "--url", site.url).code == 0
    assert whole(site)


def test_two_downloads_do_not_write_one_folder(site):
    Path("to").mkdir()
    with files.locked_folder(Path("to")), pytest.raises(ConfigError, match="Another process"):
        fetch(site)


def test_a_file_that_is_no_more_wanted_stops(site):
    from ecgtool.download.connection import Connection
    from ecgtool.download.fetch import Stopped
    from ecgtool.download.listing import parse

    stop = Event()
    stop.set()
    listed = parse(site.listing, Path("to"))
    with pytest.raises(Stopped):
        Fetcher(Connection(site.url, QUICK), stop).bring(listed[2])


def test_the_command_says_the_licence_how_to_cite_and_what_comes_next(ecg, site):
    done = ecg("download", "ptbxl", "--to", "to", "--url", site.url)
    assert done.code == 0
    assert "CC BY 4.0" in done.out
    assert "Wagner" in done.out
    assert "ecg prepare ptbxl to" in done.err
    said = ecg("download", "ptbxl", "--to", "to", "--url", site.url, "--json").json
    assert (said["files"], said["fetched"], said["version"]) == (4, 0, "1.0.3")
    noise = ecg("download", "nstdb", "--to", "my noise", "--url", site.url)
    assert "ecg segment 'my noise'/*.hea" in noise.err
    refused = ecg("download", "ptbxxl", "--to", "to")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "Did you mean 'ptbxl'?" in refused.err
