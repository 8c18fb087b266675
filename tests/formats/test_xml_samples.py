"""Every XML recording reads the same in each of the seven shapes that recorders and archives give it."""

from pathlib import Path

import numpy as np
import pytest
import xml_files
import xml_mutation

from ecgtool.errors import EcgError
from ecgtool.formats import read_record

MADE = {
    "muse": xml_files.muse_samples,
    "philips": xml_files.philips_samples,
    "aecg": xml_files.aecg_samples,
    "schiller": xml_files.schiller_samples,
}
SHAPES = (
    "byte order mark", "utf-16", "crlf", "no declaration", "leading comment", "namespace prefix", "document type",
)  # fmt: skip
REAL = (
    "ge-muse/muse-sinus.xml",
    "hl7-aecg/Example aECG.xml",
    "hl7-aecg/empty.xml",
    "hl7-aecg/minimum_aecg.xml",
    "hl7-aecg/subject1_0.xml",
    "hl7-aecg/subject2_1.xml",
    "philips-sierra/129DYPRG.XML",
    "philips-sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml",
    "philips-sierra/ad4d3d80-d165_1-04_orig.xml",
    "philips-sierra/invalid-doc-type.xml",
    "schiller/sample.xml",
)


def outcome(path):
    """What reading gives, without the name of the file."""
    try:
        record = read_record(path)
    except EcgError as error:
        return type(error), error.message.removeprefix(str(path))
    return record.signal.tobytes(), record.leads, record.fs, record.patient, dict(record.meta)


def assert_reads_in_every_shape(path, folder):
    expected = outcome(path)
    shapes = xml_mutation.disguises(path.read_bytes())
    assert tuple(shapes) == SHAPES
    for name, data in shapes.items():
        disguised = folder / f"{path.stem}.disguised"
        disguised.write_bytes(data)
        assert outcome(disguised) == expected, f"{path} with {name}"


@pytest.mark.parametrize("name", MADE)
def test_seven_harmless_variants_read_the_same(name, tmp_path):
    for path in MADE[name](tmp_path):
        assert isinstance(outcome(path)[0], bytes)
        assert_reads_in_every_shape(path, tmp_path)


@pytest.mark.parametrize("place", REAL)
def test_seven_harmless_variants_of_a_real_recording_read_the_same(place, tmp_path, recordings):
    assert_reads_in_every_shape(recordings("xml") / place, tmp_path)


@pytest.mark.parametrize("name", MADE)
def test_a_file_is_parsed_once(name, tmp_path, monkeypatch):
    path = MADE[name](tmp_path)[0]
    read_record(path)
    fed = []
    from defusedxml.ElementTree import DefusedXMLParser

    feed = DefusedXMLParser.feed
    monkeypatch.setattr(DefusedXMLParser, "feed", lambda parser, text: (fed.append(len(text)), feed(parser, text)))
    copied = tmp_path / "copy.xml"
    copied.write_bytes(path.read_bytes())
    read_record(copied)
    assert sum(fed) <= len(Path(path).read_text()) + 4096


@pytest.mark.parametrize("name", MADE)
def test_no_name_or_birth_date_reaches_the_record(name, tmp_path):
    for path in MADE[name](tmp_path):
        record = read_record(path)
        told = repr((record.meta, record.id, record.leads)).lower()
        assert not [word for word in ("zimtstern", "1960", "1953", "p-7", "p-8", "p-10", "sbj") if word in told]
        assert record.patient


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("seed", range(3))
def test_mutated_nodes_give_a_record_or_one_line(name, seed, tmp_path):
    rng = np.random.default_rng(seed)
    for path in MADE[name](tmp_path):
        data = path.read_bytes()
        kinds = set()
        for _ in range(40):
            path.write_bytes(xml_mutation.mutate(data, rng))
            kinds.add(isinstance(outcome(path)[0], bytes))
        assert kinds == {True, False}
