"""A run that is killed without a word, and taken up again in another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.models.distill.training.ended import ended
from tests.models.extras import library

library("torch", "models")
ROOT = Path(__file__).parents[4]
MODULE = "tests.models.distill.training.unbroken"
SURROUNDINGS = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def start(folder: Path, *asked: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", MODULE, str(folder), *asked]
    return subprocess.Popen(command, cwd=ROOT, env=SURROUNDINGS, stdout=subprocess.PIPE, text=True)


def end(run: subprocess.Popen[str]) -> dict[str, str]:
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 0
    return ended(output)[0]


def test_a_killed_run_gives_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole")
    killed = start(tmp_path / "killed", "eager")
    assert killed.stdout is not None
    for _ in range(11):
        assert killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    again = end(start(tmp_path / "killed", "resume"))
    unbroken = end(whole)
    assert (unbroken.pop("resumed"), again.pop("resumed")) == ("0", "1")
    assert again == unbroken
