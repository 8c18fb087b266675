"""Several processes: one that is gone is one clear line."""

import os
import signal
import time

import pytest

from ecgtool.errors import EcgError
from ecgtool.training.processes import processes


def killed(run):
    run.with_suffix(".begun").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def refused(run):
    run.with_suffix(".begun").touch()
    raise EcgError("no space left")


def lose_partner(run):
    while not run.with_suffix(".begun").exists():
        time.sleep(0.05)
    raise RuntimeError("Connection closed by peer")


@pytest.mark.parametrize(
    ("work", "said"),
    [(killed, "Process 1 of this training was ended from outside, by SIGKILL"), (refused, "error, told above")],
)
def test_a_process_that_is_gone_is_one_line_and_how_to_go_on(tmp_path, work, said):
    run = tmp_path / "mine"
    with pytest.raises(EcgError, match=said) as caught, processes(work, run, devices=2):
        lose_partner(run)
    assert "ecg train --resume" in caught.value.hint


def test_an_error_of_this_process_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="a bug"), processes(print, tmp_path, devices=2):
        raise RuntimeError("a bug")
