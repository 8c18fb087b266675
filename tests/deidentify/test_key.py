"""The key of pseudonyms: whose it is, where it lies, and what is none."""

import stat

import pytest
from small_records import contents, some_records

from ecgtool.deidentify.key import Key


@pytest.fixture
def source(tmp_path):
    return some_records(tmp_path / "in")


def test_each_patient_has_days_of_their_own():
    key = Key(bytes(range(32)))
    days = {key.days(key.patient(str(number))) for number in range(200)}
    assert len(days) > 150
    assert min(days) >= 366
    assert max(days) <= 3652


def test_the_key_is_its_owners_alone_lies_beside_the_output_and_is_never_told(source, tmp_path, ecg):
    done = ecg("deidentify", source, "--out", tmp_path / "out", "-v")
    path = tmp_path / "deidentify.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text().strip()
    assert len(bytes.fromhex(secret)) == 32
    told = (done.out + done.err).encode() + b"".join(contents(tmp_path / "out").values())
    assert secret.encode() not in told
    assert bytes.fromhex(secret) not in told
    assert secret not in repr(Key(bytes.fromhex(secret)))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["deidentify.key", "in", "out"]


def test_a_key_that_others_can_read_is_warned_about(source, tmp_path, ecg):
    key = tmp_path / "shared.key"
    key.write_text("ab" * 32 + "\n")
    key.chmod(0o644)
    assert "chmod 600" in ecg("deidentify", source, "--out", tmp_path / "out", "--key", key).err


@pytest.mark.parametrize("text", ["", "secret", "ab" * 31, "ab" * 33, "\0" * 64])
def test_what_is_no_key_is_refused_without_being_told(source, tmp_path, ecg, text):
    (tmp_path / "bad.key").write_text(text)
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--key", tmp_path / "bad.key")
    assert done.code == 1
    assert "64 hexadecimal digits" in done.err
    assert not text or text not in done.err
    assert not (tmp_path / "out").exists()


def test_a_key_that_is_not_there_is_not_made(source, tmp_path, ecg):
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--key", tmp_path / "typo.key")
    assert done.code == 1
    assert "typo.key does not exist" in done.err
    assert not (tmp_path / "typo.key").exists()
