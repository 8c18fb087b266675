"""Damaged recordings: one line or a clean file, and no text that passes for samples or marks."""

import base64
import os
import re

import numpy as np
import planted_binary
import planted_dicom
import planted_xml
import pytest
from planted_binary import TEXTS
from plants import PLANTS, found_below

from ecgtool import deidentify as package
from ecgtool.deidentify.contract import Ledger
from ecgtool.deidentify.wfdb_annotations import rebuild_annotations
from ecgtool.errors import EcgError, FormatError

# Where bytes go missing, what follows the samples of WFDB and NumPy moves in among them; nothing in the file tells.
SHIFTING = (planted_binary.wfdb, planted_binary.npy)
MAKERS = (
    *SHIFTING, planted_binary.wfdb_segments, planted_binary.edf, planted_binary.bdf, planted_binary.npz,
    planted_binary.csv, planted_binary.mat, planted_binary.scp, planted_dicom.dicom, planted_xml.muse,
    planted_xml.philips, planted_xml.aecg, planted_xml.schiller,
)  # fmt: skip


def mutated(data, rng):
    """The bytes with a few changed, lost or added, most of them near the beginning."""
    made = bytearray(data)
    for _ in range(pick((1, 1, 2, 4), rng)):
        at = int(rng.integers(min(len(made), pick((600, 3000, len(made)), rng))))
        kind = rng.integers(4)
        if kind == 0:
            made[at] = rng.integers(256)
        elif kind == 1:
            del made[at : at + pick((1, 2, 8), rng)]
        elif kind == 2:
            made[at:at] = rng.bytes(pick((1, 4), rng))
        else:
            made[at : at + 2] = pick((b"\xff\xff", b"\0\0", b"-1", b"99", b"\x80\0"), rng)
    return bytes(made)


def pick(values, rng):
    return values[rng.integers(len(values))]


@pytest.fixture
def policy(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    (tmp_path / "key").write_text("ab" * 32)
    (tmp_path / "key").chmod(0o600)
    return package.Policy(keep=frozenset({"age", "sex"}), key=tmp_path / "key")


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_damaged_recording_is_an_error_or_clean(make, tmp_path, policy):
    rng = np.random.default_rng(5)
    (tmp_path / "in").mkdir()
    make(tmp_path / "in")
    whole = {path: path.read_bytes() for path in sorted((tmp_path / "in").iterdir())}
    for number in range(25):
        for path, data in whole.items():
            path.write_bytes(data)
        path = pick(list(whole), rng)
        path.write_bytes(mutated(whole[path], rng))
        try:
            out = package.deidentify(tmp_path / "in", tmp_path / str(number), policy).out
        except EcgError:
            continue
        assert make in SHIFTING or found_below(out) == {}


def test_annotations_under_a_label_that_hides_them_are_not_copied_as_samples(tmp_path, policy):
    path = planted_binary.edf(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"EDF Annotations ", b"EDF Annotation  "))
    with pytest.raises(EcgError, match="text where its header has samples"):
        package.deidentify(path, tmp_path / "out", policy)


def test_records_that_lie_beside_where_the_header_has_them_are_refused(tmp_path, policy):
    path = planted_binary.edf(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:1100] + data[1108:])
    with pytest.raises(EcgError, match="text where its header has samples"):
        package.deidentify(path, tmp_path / "out", policy)
    assert (
        package.deidentify(path, tmp_path / "out", package.Policy(to="wfdb", key=policy.key)).audit["recordings"] == 1
    )


@pytest.mark.parametrize("kind", ["Rhythm", "Median"])
def test_samples_of_muse_beyond_those_promised_are_refused_since_they_may_be_text(tmp_path, policy, kind):
    path = planted_xml.muse(tmp_path)
    text = path.read_text()
    wave = text[text.index("<Waveform>") : text.index("</RestingECG>")]
    longer = base64.b64encode("".join(TEXTS).encode("utf-16-le") + bytes(1000)).decode()
    hiding = re.sub("(<WaveFormData>)[^<]*", rf"\g<1>{longer}", wave).replace(">Rhythm<", f">{kind}<")
    path.write_text(text.replace("</RestingECG>", hiding + "</RestingECG>"))
    with pytest.raises(EcgError, match="more samples than it promises"):
        package.deidentify(path, tmp_path / "out", policy)
    assert not (tmp_path / "out").exists()


def test_a_compressed_lead_of_philips_that_is_longer_than_it_promises_is_refused(tmp_path, policy):
    path = planted_xml.philips_packed(tmp_path)
    path.write_text(path.read_text().replace('durationperchannel="2000"', 'durationperchannel="1600"'))
    with pytest.raises(EcgError, match="more samples than it promises"):
        package.deidentify(path, tmp_path / "out", policy)


@pytest.mark.parametrize("kind", [b"EDF+C", b"EDF+D"])
def test_what_is_said_to_happen_after_the_end_of_a_recording_is_no_event_of_it(tmp_path, policy, kind):
    path = planted_binary.edf(tmp_path)
    data = path.read_bytes().replace(b"EDF+C", kind)
    later = data.replace(b"+0.5\x14Quixworthy\x14", b"+19310423\x14beat\x14\0")
    path.write_bytes(later.replace(b"+1.5\x14Zebulonia", b"+1.5\x14recording"))
    assert len(later) == len(data)
    assert b"19310423\x14beat" in path.read_bytes()
    package.deidentify(path, tmp_path / "out", policy)
    (clean,) = (tmp_path / "out").glob("*.edf")
    assert b"19310423" not in clean.read_bytes()
    assert b"+1.5\x14recording\x14" in clean.read_bytes()


def test_a_wrong_checksum_of_scp_is_refused_since_text_may_have_moved(tmp_path, policy):
    path = planted_binary.scp(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(EcgError, match="checksums are wrong"):
        package.deidentify(path, tmp_path / "out", policy)


@pytest.mark.parametrize("coding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["".join(TEXTS), PLANTS["last name"] + "s", PLANTS["physician"]])
def test_text_is_not_taken_for_annotations(tmp_path, coding, text):
    (tmp_path / "x.man").write_bytes(text.encode(coding).ljust(len(text) * 2, b" ") + b"\0\0")
    with pytest.raises(FormatError):
        rebuild_annotations(tmp_path / "x.man", tmp_path / "y.man", Ledger())


def test_paced_beats_are_annotations_though_their_codes_can_be_printed(tmp_path):
    codes = [12, 12, 38, 28, 14, 12, 13, 16, 12, 12, 12, 12, 12, 12, 12, 12] * 40  # / f + ~ Q | as in record 102
    data = b"".join((code << 10 | 200 + index % 90).to_bytes(2, "little") for index, code in enumerate(codes)) + b"\0\0"
    (tmp_path / "x.atr").write_bytes(data)
    rebuild_annotations(tmp_path / "x.atr", tmp_path / "y.atr", Ledger())
    assert (tmp_path / "y.atr").read_bytes() == data
