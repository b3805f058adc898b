"""Both models are asked in turn with the same tokens, or with as much text where their tokens differ."""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

from tests.models.distill.proof.pairs import samples_of, student_of, teacher_of, vocabulary_of
from tests.models.extras import library, save_tokenizer

library("torch", "semantic")
library("transformers", "semantic")

from llmopt.models.distill.proof import speed  # noqa: E402
from llmopt.models.distill.proof.opened import timed as opened  # noqa: E402

TEXTS = [sample.text for sample in samples_of(20)]


class Clock:
    """Time that passes only in calls of a model: 3 s for the teacher's, 1 s for the student's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        self.asked: list[list[list[int]]] = []
        costs = iter((3.0, 1.0))

        def timed(*arguments: Any, **settings: Any) -> Any:
            model: Any = opened(*arguments, **settings)
            cost_s = next(costs)

            def predict(requests: list[list[int]]) -> None:
                self.asked.append(requests)
                self.now_s += cost_s

            model.predict = predict
            return model

        monkeypatch.setattr(speed, "timed", timed)

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("task", "length"), [("embed", 128), ("classify", 128), ("fill", 128), ("generate", 32)])
def test_the_ratio_is_that_of_the_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, length: int
) -> None:
    teacher = teacher_of(tmp_path / "model", task)
    clock, settled = Clock(monkeypatch), []
    found = speed.latency(teacher, student_of(teacher), TEXTS, clock=clock, settle=lambda: settled.append(1))
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == pytest.approx((3, 3, 3))
    assert (found.teacher_p50_s, found.student_p50_s) == (3, 1)
    assert (found.batch_size, found.seq_len) == (8, length)
    assert {len(ids) for batch in clock.asked for ids in batch} == {length}
    assert all(batch == clock.asked[0] for batch in clock.asked)
    assert len(settled) == 2 * found.rounds


def test_a_student_that_reads_less_sets_the_length_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "model", "embed")
    student = student_of(teacher)
    student.model.config.max_position_embeddings = 40
    clock = Clock(monkeypatch)
    assert speed.latency(teacher, student, TEXTS, clock=clock, settle=lambda: None).seq_len == 40
    assert {len(ids) for batch in clock.asked for ids in batch} == {40}


def test_other_tokens_are_asked_with_as_much_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "model", "embed")
    home = tmp_path / "own"
    home.mkdir()
    # words of letters: a few times as many tokens
    save_tokenizer(home, " ".join([*ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]))
    other = teacher_of(tmp_path / "big", "embed")
    student = student_of(other)
    model = student.model
    model.resize_token_embeddings(80)
    student = student_of(other, model=model, own_tokens=True, home=home, vocabulary=vocabulary_of(home, model, 512))
    clock = Clock(monkeypatch)
    found = speed.latency(teacher, student, TEXTS, clock=clock, settle=lambda: None)
    lengths = sorted({len(ids) for batch in clock.asked for ids in batch})
    assert found.seq_len == lengths[0] == 128
    letters = sum(len(ids) for ids in student.vocabulary.encode(TEXTS))
    words = sum(len(ids) for ids in teacher.vocabulary.encode(TEXTS))
    assert lengths[1] == round(128 * letters / words)


def test_a_generation_leaves_room_in_models_that_read_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "model", "generate", max_tokens=10)
    student = student_of(teacher)
    clock = Clock(monkeypatch)
    assert speed.latency(teacher, student, TEXTS, clock=clock, settle=lambda: None).seq_len == 59
