"""The benchmark of classifiers: its task is drawn as it says, and its differences are paired."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
classify = pytest.importorskip("benchmarks.distill_classify")


def sentences() -> Iterator[tuple[str, str]]:
    for package in (*classify.PACKAGES, "elsewhere"):
        for number in range(12):
            yield package, f"Sentence {number} of {package} is long enough {'to be told apart ' * 4}."
        yield package, "Too short."


def trained(right: list[bool], speed: float = 2.5) -> Any:
    ratio = SimpleNamespace(value=speed, low=speed, high=speed)
    report = SimpleNamespace(
        speed=SimpleNamespace(ratio=ratio),
        kept=ratio,
        quality=SimpleNamespace(agreement=1.0),
        data=SimpleNamespace(labelled=1, train=2),
        training=SimpleNamespace(steps=1, best_step=1, ended="epochs", training_s=1.0),
        student_size=SimpleNamespace(parameters=1),
    )
    return classify.Trained(report, right)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(classify.distill_data, "sentences", sentences)
    for name, number in (("HELD_OUT", 3), ("LABELLED", 2), ("UNLABELLED", 4)):
        monkeypatch.setattr(classify, name, number)
    return classify.written(tmp_path)


def test_few_sentences_have_a_label_and_none_is_in_two_parts(task: Any) -> None:
    transfer, labelled, held_out = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in (task.transfer, task.labelled, task.held_out)
    )
    packages = len(classify.PACKAGES)
    assert [len(rows) for rows in (transfer, labelled, held_out)] == [6 * packages, 2 * packages, 3 * packages]
    assert [row for row in transfer if "label" in row] == labelled
    assert task.share == pytest.approx(1 / 3)
    assert not {row["text"] for row in transfer} & set(task.texts)
    assert all(f"of {row['label']} is" in row["text"] for row in (*labelled, *held_out))
    assert task.packages.count("torch") == 3


def test_a_package_that_is_not_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify.distill_data, "sentences", lambda: iter([]))
    with pytest.raises(SystemExit, match="huggingface_hub: 0 sentences here"):
        classify.written(tmp_path)


def test_the_gain_is_paired_and_equal_students_gain_nothing() -> None:
    half = [True, False] * 100
    gain, low, high = classify.gained([(trained(half), trained(half))] * 3)
    assert (gain, low, high) == (0, 0, 0)
    gain, low, high = classify.gained([(trained([True] * 200), trained(half))] * 3)
    assert gain == 0.5
    assert 0.4 < low < 0.5 < high < 0.6


@pytest.mark.parametrize(
    ("soft", "speed", "missed"),
    [
        ([True] * 96 + [False] * 4, 2.5, set()),
        ([True] * 96 + [False] * 4, 1.5, {"fast_enough"}),
        ([True] * 90 + [False] * 10, 2.5, {"kept"}),
        ([True] * 50 + [False] * 50, 2.5, {"kept", "better_than_labels_alone"}),
    ],
)
def test_a_goal_that_is_missed_is_told(
    task: Any, capsys: pytest.CaptureFixture[str], soft: list[bool], speed: float, missed: set[str]
) -> None:
    hard = trained([True] * 50 + [False] * 50)
    result = classify.figures([True] * 100, [(trained(soft, speed), hard)] * 3, task)
    assert {name for name, met in result["goals"].items() if met is False} == missed
    assert result["met"] == (not missed)
    classify.show(result)
    assert capsys.readouterr().out.count("labels alone") == 4


def test_batches_hold_each_text_once_in_a_round() -> None:
    made = classify.batches(70, classify.random.Random(0))
    assert sorted(at for _ in range(3) for at in next(made)) == list(range(70))


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [classify.learning_rate(step / 100) for step in range(101)]
    assert rates[0] < 0.05
    assert max(rates) == rates[6] > 0.9
    assert rates[-1] == pytest.approx(0, abs=1e-9)
