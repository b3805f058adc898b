from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.report import Check
from tests.models.extras import library

torch = library("torch", "models")
from llmopt.models.distill.training import snapshot  # noqa: E402
from llmopt.models.distill.training.snapshot import (  # noqa: E402
    FILE,
    Snapshots,
    State,
    refuse_other,
    used_before,
    weights_in,
)

CONFIG = DistillConfig(lr=1e-3)
WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}
MOMENTS = {"step.a": torch.tensor(3.0), "exp_avg.a": torch.zeros(2, 3), "exp_avg_sq.a": torch.ones(2, 3)}
SHAPES = {name: value.shape for name, value in WEIGHTS.items()}
STATE = State(
    used=7,
    precision="float32",
    teacher_s=0.1,
    step=3,
    training_s=1 / 3,
    best_step=3,
    best_loss=0.25,
    checks=(Check(0, 0.0, 0.1, 0.5), Check(3, 0.3, 0.2, 0.25)),
)


def saved(folder: Path, made: str = "a of b") -> Snapshots:
    snapshots = Snapshots(folder, made, CONFIG)
    snapshots.save_best(3, WEIGHTS)
    snapshots.save(STATE, WEIGHTS, MOMENTS)
    return snapshots


def test_what_was_saved_is_found(tmp_path: Path) -> None:
    found = saved(tmp_path).found(SHAPES)
    assert found is not None
    state, tensors = found
    assert state == STATE
    assert weights_in(tensors).keys() == WEIGHTS.keys()
    assert all(torch.equal(tensors[name], value) for name, value in MOMENTS.items())
    assert torch.equal(Snapshots(tmp_path, "a of b", CONFIG).best(3)["a"], WEIGHTS["a"])
    assert used_before(tmp_path) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-3.safetensors", FILE]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert Snapshots(tmp_path, "a of b", CONFIG).found(SHAPES) is None
    assert used_before(tmp_path / "none") is None
    refuse_other(tmp_path / "none", CONFIG, "a of b")


def test_a_better_one_is_kept_until_a_snapshot_names_it(tmp_path: Path) -> None:
    snapshots = saved(tmp_path)
    snapshots.save_best(8, WEIGHTS)
    assert snapshots.found(SHAPES) is not None
    snapshots.save(msgspec.structs.replace(STATE, step=8, best_step=8), WEIGHTS, MOMENTS)
    assert sorted(path.name for path in tmp_path.glob("best-*")) == ["best-8.safetensors"]


def test_clearing_leaves_what_is_not_of_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    (tmp_path / "snapshot.new").write_text("x", encoding="utf-8")
    saved(tmp_path).clear()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", [FILE, "best-3.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "gone", "flipped", "other"])
def test_a_damaged_snapshot_is_not_gone_on_from(tmp_path: Path, name: str, damage: str) -> None:
    snapshots, path = saved(tmp_path), tmp_path / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "flipped":
        held = bytearray(path.read_bytes())
        held[-1] ^= 1  # in the last tensor
        path.write_bytes(held)
    elif damage == "gone":
        path.unlink()
    else:
        library("safetensors.torch", "models").save_file({"weight.c": torch.ones(1)}, path)
    assert snapshots.found(SHAPES) is None


def test_a_snapshot_of_another_version_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = saved(tmp_path)
    monkeypatch.setattr(snapshot, "_VERSION", 2)
    assert snapshots.found(SHAPES) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lr": 3e-4}, "--lr is 0.0003, and was 0.001 in the run that was stopped"),
        ({"lr": None}, "--lr is left out, and was 0.001"),
        ({"batch_size": 8}, "--batch-size is 8, and was 64"),
        ({"max_time_s": 60.0}, "--max-time is 60.0, and was left out"),
        ({"soft_weight": 0.5}, "--soft-weight is 0.5, and was 0.9"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    saved(tmp_path)
    other = DistillConfig(**({"lr": 1e-3} | changed))
    with pytest.raises(UsageError, match=said):
        Snapshots(tmp_path, "a of b", other).found(SHAPES)
    with pytest.raises(UsageError, match=said):
        refuse_other(tmp_path, other)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("a of b", "a of c", "is another one$"),
        ('{"texts": 1, "teacher": 2}', '{"texts": 3, "teacher": 2}', "is another one: texts differ$"),
        ('{"texts": 1}', '{"teacher": 2}', "is another one: teacher, texts differ$"),
    ],
)
def test_another_teacher_or_other_texts_are_refused(tmp_path: Path, before: str, now: str, said: str) -> None:
    saved(tmp_path, before)
    refuse_other(tmp_path, CONFIG)
    with pytest.raises(UsageError, match=said):
        refuse_other(tmp_path, CONFIG, now)


def test_settings_that_change_nothing_in_the_weights_may_differ(tmp_path: Path) -> None:
    saved(tmp_path)
    refuse_other(tmp_path, DistillConfig(lr=1e-3, resume=True, min_quality=0.9, device="cpu"), "a of b")


def test_best_weights_that_are_gone_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"best-3\.safetensors: cannot be read"):
        Snapshots(tmp_path, "a of b", CONFIG).best(3)


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="snapshot"):
        Snapshots(tmp_path / "none", "a of b", CONFIG).save(STATE, WEIGHTS, MOMENTS)


def test_a_full_disk_is_told_and_leaves_the_old_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = saved(tmp_path)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        snapshots.save(msgspec.structs.replace(STATE, step=9), WEIGHTS, MOMENTS)
    found = snapshots.found(SHAPES)
    assert found is not None
    assert found[0].step == 3
