"""Safe XML: what is tolerated, what is refused, and how little memory a refusal takes."""

import tracemalloc

import pytest

from ecgtool.errors import FormatError, NotFound
from ecgtool.formats.xml_document import MOST_DEPTH, MOST_NODES, load_xml, number, number_at, root_name, text_at

SMALL = '<?xml version="1.0"?>\n<Ecg><lead name="I">1 2</lead><age>63</age></Ecg>'


def written(tmp_path, content, name="a.xml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def peak(action):
    """Bytes that an action takes at most."""
    tracemalloc.start()
    try:
        with pytest.raises(FormatError) as caught:
            action()
        return tracemalloc.get_traced_memory()[1], caught.value
    finally:
        tracemalloc.stop()


def test_a_tree_has_local_names_and_text(tmp_path):
    instance = "http://www.w3.org/2001/XMLSchema-instance"
    text = f'<h:Ecg xmlns:h="urn:x" xmlns:i="{instance}"><h:v i:type="T" type="u"> 7 </h:v></h:Ecg>'
    document = load_xml(written(tmp_path, text))
    assert (document.root.tag, document.namespace) == ("Ecg", "urn:x")
    assert document.root.find("v").attrib == {"xsi:type": "T", "type": "u"}
    assert text_at(document.root, "v") == "7"
    assert number_at(document.root, "v") == 7
    assert number_at(document.root, "absent") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252"])
def test_every_encoding_reads_the_same(tmp_path, encoding):
    declared = "utf-16" if "16" in encoding else encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<Ecg><name>Ångström</name></Ecg>'
    path = written(tmp_path, text.encode(encoding))
    assert root_name(path, path.read_bytes()[:4096]) == "ecg"
    assert text_at(load_xml(path).root, "name") == "Ångström"


def test_text_that_declares_another_encoding_than_it_has_is_read(tmp_path):
    plain = written(tmp_path, '<?xml version="1.0" encoding="UTF-16"?><Ecg><age>63</age></Ecg>')
    latin = written(tmp_path, '<?xml version="1.0"?><Ecg><name>Å</name><age>63</age></Ecg>'.encode("latin-1"), "b.xml")
    assert [text_at(load_xml(path).root, "age") for path in (plain, latin)] == ["63", "63"]


def test_blank_lines_before_the_declaration_are_skipped(tmp_path):
    path = written(tmp_path, "\r\n \n" + SMALL)
    assert root_name(path, path.read_bytes()) == "ecg"
    assert text_at(load_xml(path).root, "age") == "63"


def test_the_root_is_found_behind_a_comment_longer_than_the_head(tmp_path):
    path = written(tmp_path, f"<!--{'x' * 100_000}--><p:RestingECG xmlns:p='urn:x'/>")
    assert root_name(path, path.read_bytes()[:4096]) == "restingecg"


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", b"100 12 500", b"<", b"<!--", b"< >", b"\xff\xfe", b"<a\0b/>"]
)
def test_what_is_no_xml_has_no_root(tmp_path, content):
    assert root_name(written(tmp_path, content), content) == ""


def test_the_root_of_a_file_that_is_gone_is_unknown(tmp_path):
    assert root_name(tmp_path / "gone.xml", b"<Ecg>") == ""


def test_a_document_type_is_read_over_and_never_fetched(tmp_path):
    (tmp_path / "canary.dtd").write_text("<!ENTITY x 'read'>")
    path = written(tmp_path, f'<!DOCTYPE Ecg SYSTEM "{tmp_path}/canary.dtd"><Ecg><age>63</age></Ecg>')
    assert text_at(load_xml(path).root, "age") == "63"
    path = written(tmp_path, f'<!DOCTYPE Ecg SYSTEM "{tmp_path}/canary.dtd"><Ecg><age>&x;</age></Ecg>')
    with pytest.raises(FormatError, match="undefined entity"):
        load_xml(path)


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a "x">',
        '<!ENTITY a "xx"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">',
        '<!ENTITY a SYSTEM "file:///etc/hostname">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;',
    ],
)
def test_entities_are_refused(tmp_path, declarations):
    path = written(tmp_path, f"<!DOCTYPE Ecg [{declarations}]><Ecg>&a;</Ecg>")
    assert root_name(path, path.read_bytes()) == "ecg"
    with pytest.raises(FormatError, match="entities"):
        load_xml(path)


@pytest.mark.parametrize(
    ("bomb", "told"),
    [
        (b"<a>" * 4_000_000, "deep"),
        (b"<r>" + b"<a/>" * 3_000_000, "nodes"),
        (b"<r>" + b'<a b="" c="" d=""/>' * 700_000, "nodes"),
        (b"<r " + b" ".join(b'a%d=""' % number for number in range(MOST_NODES)) + b"/>", "nodes"),
        (b"<r " + b" ".join(b'a%d=""' % number for number in range(1_200_000)) + b"/>", "tag or comment of over"),
        (b"<r><!--" + b"a" * 12_000_000 + b"--></r>", "tag or comment of over"),
    ],
    ids=["nested", "elements", "attributes", "one element", "endless tag", "endless comment"],
)
def test_bombs_are_refused_within_64_mb(tmp_path, bomb, told):
    path = written(tmp_path, bomb)
    del bomb
    taken, error = peak(lambda: load_xml(path))
    assert told in error.message
    assert taken < 64 * 2**20


def test_a_tree_at_the_limit_is_read(tmp_path):
    text = "<a>" * MOST_DEPTH + "</a>" * MOST_DEPTH
    assert load_xml(written(tmp_path, text)).root.tag == "a"


def test_a_file_over_64_mib_is_refused_unread(tmp_path):
    path = tmp_path / "huge.xml"
    with path.open("wb") as file:
        file.write(b"<a>")
        file.truncate(65 * 2**20)
    taken, error = peak(lambda: load_xml(path))
    assert "65 MiB" in error.message
    assert taken < 2**20


@pytest.mark.parametrize("cut", [20, 40, 50, len(SMALL) - 1])
def test_a_file_that_is_cut_off_says_so(tmp_path, cut):
    with pytest.raises(FormatError, match="cut off"):
        load_xml(written(tmp_path, SMALL[:cut]))


@pytest.mark.parametrize("content", [b"", b"   ", b"<?xml version='1.0'?>", b"\xff\xfe"])
def test_a_file_without_an_element_is_refused(tmp_path, content):
    with pytest.raises(FormatError):
        load_xml(written(tmp_path, content))


def test_what_is_not_well_formed_names_its_line(tmp_path):
    with pytest.raises(FormatError, match=r"not well-formed XML in line 2: mismatched tag\."):
        load_xml(written(tmp_path, "<a>\n<b></c></a>"))


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        load_xml(tmp_path / "gone.xml")


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999", None])
def test_what_is_no_finite_number_is_none(text):
    assert number(text) is None
