"""Checkpoints: weights and plain values, and nothing that runs."""

import os
import pickle
import zipfile

import pytest
import torch

from ecgtool.errors import IntegrityError
from ecgtool.models.checkpoint import read_checkpoint


class Running:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def as_pickle(path, content):
    path.write_bytes(pickle.dumps(content))


def as_archive(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": content}, protocol=2))
        archive.writestr("archive/version", "3\n")


@pytest.mark.parametrize("write", [as_pickle, as_archive])
def test_code_in_a_checkpoint_is_refused_unrun_and_without_advice_to_load_it_all_the_same(tmp_path, recwarn, write):
    write(tmp_path / "best.pt", Running(tmp_path / "ran"))
    with pytest.raises(IntegrityError, match="cannot be read as a checkpoint") as caught:
        read_checkpoint(tmp_path / "best.pt")
    assert not (tmp_path / "ran").exists()
    assert "weights_only" not in f"{caught.value.message} {caught.value.hint}"
    assert not recwarn.list


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x02}", b"PK\x03\x04junk"])
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path, content):
    (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"best\.pt"):
        read_checkpoint(tmp_path / "best.pt")


def test_a_checkpoint_without_weights_is_none(tmp_path):
    torch.save({"epoch": 1}, tmp_path / "best.pt")
    with pytest.raises(IntegrityError, match="no state_dict"):
        read_checkpoint(tmp_path / "best.pt")
