"""Tables as people save them: commas, semicolons or tabs, with or without a byte-order mark."""

import pytest

from ecgtool.datasets.tables import columns_of, read_table
from ecgtool.errors import FormatError, NotFound

HEAD, ROW = ["id", "label", "note"], ["7", "a, or; b", ""]


def write(path, mark, encoding="utf-8", end="\n"):
    quoted = [f'"{cell}"' if mark in cell else cell for cell in ROW]
    path.write_bytes((mark.join(HEAD) + end + mark.join(quoted) + end).encode(encoding))
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-8-sig", "\r\n")])
def test_a_table_reads_the_same_whatever_parts_its_cells(tmp_path, mark, encoding, end):
    path = write(tmp_path / "table.csv", mark, encoding, end)
    assert columns_of(path) == HEAD
    (row,) = read_table(path, ["id", "label"], ["age"])
    assert (row.whole("id"), row["label"], row["age"], row.line) == (7, "a, or; b", "", 2)


def test_a_table_of_one_column_has_nothing_to_part(tmp_path):
    (tmp_path / "ids.csv").write_text("id\n1\n2\n")
    assert [row.whole("id") for row in read_table(tmp_path / "ids.csv", ["id"])] == [1, 2]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_one_error_that_says_what_to_do(tmp_path, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes("id,label\n1,müde\n".encode(encoding))
    with pytest.raises(FormatError, match="is not a CSV table") as refused:
        list(read_table(path, ["id", "label"]))
    assert "UTF-8" in refused.value.hint


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path):
    with pytest.raises(NotFound, match="has no column 'label_id'") as refused:
        list(read_table(write(tmp_path / "table.csv", ";"), ["label_id"]))
    assert "label" in refused.value.hint
