"""What is asked in memory answers as the checkpoint does that is opened from disk, and is not changed by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmopt.errors import UsageError
from tests.models.distill.proof.pairs import samples_of, student_of, teacher_of
from tests.models.extras import library

torch = library("torch", "semantic")
library("transformers", "semantic")

from llmopt.models.checkpoint import open_model  # noqa: E402
from llmopt.models.distill.proof.opened import STUDENT, Filler, answering, as_loaded, timed  # noqa: E402

TEXTS = [sample.text for sample in samples_of(6)]


@pytest.mark.parametrize("task", ["embed", "classify"])
def test_a_teacher_answers_as_when_opened(tmp_path: Path, task: str) -> None:
    teacher = teacher_of(tmp_path / "model", task)
    model, opened = as_loaded(teacher, teacher), open_model(tmp_path / "model", device="cpu")
    requests = model.encode(TEXTS)
    assert requests == opened.encode(TEXTS)
    for one, other in zip(model.predict(requests), opened.predict(requests), strict=True):
        assert one.tolist() == other.tolist()
    told, known = model.facts, opened.facts
    assert replace(told, name="", attention="", versions=()) == replace(known, name="", attention="", versions=())


def test_a_generator_leaves_the_settings_of_the_student_as_they_are(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "model", "generate")
    student = student_of(teacher)
    student.model.generation_config.temperature = 0.7
    model = as_loaded(student, teacher, new_tokens=8)
    assert (model.facts.name, model.facts.new_tokens, model.facts.max_tokens) == (STUDENT, 8, 56)
    assert [len(row) for row in model.predict(model.encode(TEXTS))] == [8] * len(TEXTS)
    assert student.model.generation_config.temperature == 0.7
    (logits,) = model.token_logits([[1, 2, 3]])
    assert torch.equal(logits, student.model(input_ids=torch.tensor([[1, 2, 3]])).logits[0])


def test_a_filler_gives_logits_at_places_and_the_likeliest_tokens(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "model", "fill")
    model = timed(teacher, teacher)
    assert isinstance(model, Filler)
    requests = [[2, 6, 7, 8, 3], [2, 9, 3]]
    with torch.no_grad():
        wanted = [teacher.model(input_ids=torch.tensor([ids])).logits[0] for ids in requests]
    logits = model.place_logits(requests, [[1, 3], [0]])
    assert torch.allclose(logits[0], wanted[0][[1, 3]], atol=1e-5)
    assert torch.allclose(logits[1], wanted[1][[0]], atol=1e-5)
    assert model.predict(requests) == [rows.argmax(1).tolist() for rows in wanted]
    with pytest.raises(UsageError, match="made to fill"):
        as_loaded(teacher, teacher)


def test_dropout_is_off_while_a_model_answers_and_then_as_it_was(tmp_path: Path) -> None:
    student = student_of(teacher_of(tmp_path / "model", "embed"))
    for mode in (True, False):
        student.model.train(mode)
        with answering(student.model):
            assert not student.model.training
        assert student.model.training is mode
