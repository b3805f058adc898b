"""The student that a user asks for, whichever way."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.students.build import build_student
from llmopt.models.distill.students.fresh import try_out
from llmopt.models.distill.values import Teacher
from tests.models.distill.students.teachers import (
    answers,
    save_model,
    storages,
    teacher_of,
    torch,
    write_json,
)
from tests.models.extras import save_bert


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return teacher_of(tmp_path_factory.mktemp("teacher"), "bert_embed")


def test_layers_keep_the_teachers_words_as_they_are(teacher: Teacher) -> None:
    student = build_student(teacher, "layers=half", seed=0)
    assert student.origin == "layers 0, 3 of the teacher"
    assert student.frozen == ("embeddings.word_embeddings.weight",)
    assert set(student.frozen) <= {name for name, _ in student.model.named_parameters()}
    assert (student.home, student.own_tokens, student.fill, student.max_tokens) == (teacher.home, False, 0, 24)
    assert student.learning_rate == 1e-3
    assert student.warnings == ()
    assert student.layout == teacher.layout
    assert not storages(student.model) & storages(teacher.model)
    texts = ["the team reads it", "a report of the team " * 20]
    assert student.vocabulary.encode(texts) == teacher.vocabulary.encode(texts)


@pytest.mark.parametrize(("kind", "rate"), [("bert", 3e-4), ("gpt2", 5e-4), ("bert_fill", 5e-4)])
def test_learning_rates_by_task(kind: str, rate: float, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, kind)
    student = build_student(teacher, "layers=1", seed=0)
    assert student.learning_rate == rate
    assert student.frozen == ()
    assert answers(student.model).shape == answers(teacher.model).shape


def test_a_static_table(teacher: Teacher) -> None:
    student = build_student(teacher, "static", seed=0)
    assert student.learning_rate == 1e-2
    assert student.layout.pooling == "mean"
    assert "embeddings.LayerNorm.weight" in student.frozen
    assert student.max_tokens == 24


def test_no_static_table_to_classify(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        build_student(teacher_of(tmp_path, "bert"), "static", seed=0)


def test_a_narrower_config(teacher: Teacher, tmp_path: Path) -> None:
    path = write_json(tmp_path / "small.json", hidden_size=8, num_attention_heads=2, max_position_embeddings=10)
    student = build_student(teacher, str(path), seed=0)
    assert student.origin == "small.json, 100 % of its weights cut from the teacher's"
    assert (student.learning_rate, student.frozen, student.max_tokens) == (1e-3, (), 10)
    assert len(student.vocabulary.encode(["the team reads it " * 9])[0]) == 10


def test_a_checkpoint(teacher: Teacher, tmp_path: Path) -> None:
    folder = save_model(tmp_path / "student", "bert_embed", num_hidden_layers=2)
    student = build_student(teacher, str(folder), seed=0)
    assert (student.learning_rate, student.origin, student.own_tokens) == (3e-4, str(folder), False)


def test_a_checkpoint_with_tokens_of_its_own(teacher: Teacher, tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "student", words="the a of one two three four five six")
    student = build_student(teacher, str(folder), seed=0)
    assert student.own_tokens
    assert student.home == folder
    assert student.vocabulary.encode(["one two"]) != teacher.vocabulary.encode(["one two"])


def test_a_student_that_is_not_smaller_is_told(teacher: Teacher) -> None:
    student = build_student(teacher, "layers=4", seed=0)
    assert "not smaller than the teacher" in student.warnings[0]


def test_too_many_layers(teacher: Teacher) -> None:
    with pytest.raises(UsageError, match="the teacher has 4 layers"):
        build_student(teacher, "layers=5", seed=0)


def test_numbers_that_are_not_finite_are_told(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert_embed")
    with torch.no_grad():
        teacher.model.encoder.layer[0].output.dense.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        build_student(teacher, "layers=1", seed=0)


def test_a_student_that_does_not_work_is_told(teacher: Teacher) -> None:
    model = build_student(teacher, "layers=1", seed=0).model
    model.embeddings.word_embeddings = torch.nn.Embedding(5, 3)
    with pytest.raises(InputError, match="no student can be made"):
        try_out(model, "layers=1", 5)
