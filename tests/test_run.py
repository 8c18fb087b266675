"""Runs: what is damaged is told with its file."""

import pytest

from ecgtool.errors import EcgError
from ecgtool.run import Run


@pytest.mark.parametrize("content", [b"", b"\xff\x00junk", b"[]", b"null", b"{"])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("environment.json", lambda run: run.lineage),
        ("norm_stats.json", lambda run: run.norm_stats),
        ("metrics_val.json", lambda run: run.metrics("val")),
    ],
)
def test_a_damaged_document_is_one_error(tmp_path, name, read, content):
    for file in ("config.yaml", "environment.json"):
        (tmp_path / file).write_text("{}")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EcgError):
        read(Run.open(tmp_path))
