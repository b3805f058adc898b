"""Two processes on the CPU that train one student together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, MissingExtraError
from tests.models.distill.training.ended import ended
from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.training.devices import Alone, devices_of, launched  # noqa: E402

ROOT = Path(__file__).parents[4]
MODULE = "tests.models.distill.training.unbroken"
TOGETHER = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}


def launch(folder: Path, processes: int, *asked: str) -> list[dict[str, str]]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    run = subprocess.run(
        [*command, "-m", MODULE, str(folder), "still", *asked],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return ended(run.stdout)


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    library("accelerate", "distill")
    (alone,) = launch(tmp_path / "one", 1)
    first, second = launch(tmp_path / "two", 2)
    assert (first["devices"], alone["devices"]) == ("2", "1")
    assert first["digest"] == second["digest"]
    assert (first["steps"], first["tokens"]) == (alone["steps"], alone["tokens"])
    assert float(first["loss"]) == pytest.approx(float(alone["loss"]), rel=1e-5)
    assert sorted(path.suffix for path in (tmp_path / "two").iterdir()) == [".safetensors", ".safetensors"]
    again, other = launch(tmp_path / "two", 2, "resume")
    assert again["digest"] == other["digest"] == first["digest"]
    assert again["resumed"] == "1"


def test_in_a_group_of_one_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    library("accelerate", "distill")
    state = library("accelerate.state", "distill")
    from llmopt.models.distill.training.accelerated import Accelerated

    for name in TOGETHER:
        monkeypatch.delenv(name, raising=False)
    try:
        devices = Accelerated(torch.device("cpu"))
        weights = [torch.nn.Parameter(torch.arange(4.0).reshape(2, 2)), torch.nn.Parameter(torch.ones(3))]
        devices.alike(weights)
        weights[0].grad = torch.full((2, 2), 3.0)
        devices.average(weights)
        devices.wait()
        assert (devices.count, devices.rank) == (1, 0)
        assert weights[0].grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]
        assert weights[0].tolist() == [[0.0, 1.0], [2.0, 3.0]]
        assert devices.total([0.25, 1 / 3]) == [0.25, 1 / 3]
    finally:
        state.AcceleratorState._reset_state(reset_partial_state=True)


def test_another_process_that_has_gone_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    library("accelerate", "distill")
    state = library("accelerate.state", "distill")
    from llmopt.models.distill.training.accelerated import Accelerated

    def broken(*_: object) -> None:
        raise RuntimeError("[pair.cc:537] Read error [127.0.0.1]:37766: Connection reset by peer. Check the logs\nmore")

    for name in TOGETHER:
        monkeypatch.delenv(name, raising=False)
    try:
        devices = Accelerated(torch.device("cpu"))
        monkeypatch.setattr(devices._accelerator, "wait_for_everyone", broken)
        with pytest.raises(
            InputError, match=r"another process .* has ended .*: \[.*Connection reset by peer$"
        ) as caught:
            devices.wait()
        assert "--resume" in caught.value.hint
    finally:
        state.AcceleratorState._reset_state(reset_partial_state=True)


def test_a_process_by_itself_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TOGETHER:
        monkeypatch.delenv(name, raising=False)
    devices = devices_of(torch.device("cpu"))
    assert isinstance(devices, Alone)
    assert devices.total([1.0, 2.0]) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("changed", "expected"), [({}, 2), ({"WORLD_SIZE": "1"}, 1), ({"WORLD_SIZE": "many"}, 1), ({"MASTER_ADDR": ""}, 1)]
)
def test_only_a_launcher_makes_several(monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], expected: int) -> None:
    for name, value in (TOGETHER | changed).items():
        monkeypatch.setenv(name, value)
    assert launched() == expected


def test_without_accelerate_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = None
    for name, value in TOGETHER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "accelerate", nothing)
    monkeypatch.delitem(sys.modules, "llmopt.models.distill.training.accelerated", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        devices_of(torch.device("cpu"))
    assert caught.value.hint == "pip install 'llmopt[distill]'"
