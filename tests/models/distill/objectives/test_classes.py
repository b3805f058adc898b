"""What a classifier learns: the teacher's logits, and labels where there are any and each text has one."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import UsageError
from tests.models.distill.objectives.models import InMemory, batch, items, narrow, student_of, teacher_of, value
from tests.models.extras import library

torch = library("torch", "models")
module: Any = importlib.import_module("llmopt.models.distill.objectives.classes")
losses: Any = importlib.import_module("llmopt.models.distill.losses")
WEIGHTS = {"temperature": 2.0, "soft_weight": 0.75}


@pytest.fixture
def teacher(tmp_path: Path) -> Any:
    return teacher_of(tmp_path, "classify")


def test_it_learns_logits_and_labels(teacher: Any) -> None:
    student = student_of(teacher)
    objective = module.Classes(teacher, student, **WEIGHTS)
    texts = batch(objective, items(teacher, student))
    own = student.model(input_ids=texts.ids, attention_mask=texts.mask).logits
    wanted = teacher.model(input_ids=texts.ids, attention_mask=texts.mask).logits
    found = objective.loss(student.model, texts)
    assert torch.allclose(texts.targets["logits"], wanted, atol=1e-6)
    assert value(found["total"]) == pytest.approx(value(losses.kd_loss(own, wanted, texts.labels, **WEIGHTS)), rel=1e-5)
    assert objective.prepare(InMemory(objective, items(teacher, student))) == ()


def test_several_labels_are_learned_from_the_teacher_alone(teacher: Any) -> None:
    teacher.model.config.problem_type = module.SEVERAL
    student = student_of(teacher)
    objective = module.Classes(teacher, student, **WEIGHTS)
    texts = batch(objective, items(teacher, student))
    own = student.model(input_ids=texts.ids, attention_mask=texts.mask).logits
    expected = losses.multi_label_kd_loss(own, texts.targets["logits"], temperature=2.0)
    assert value(objective.loss(student.model, texts)["total"]) == pytest.approx(value(expected), rel=1e-5)
    (said,) = objective.prepare(InMemory(objective, items(teacher, student)))
    assert said.endswith("learned from the teacher's answers alone")


def test_another_number_of_classes_is_refused(teacher: Any) -> None:
    with pytest.raises(UsageError, match="3 classes, the teacher 2"):
        module.Classes(teacher, student_of(teacher, model=narrow(teacher, 8, num_labels=3)), **WEIGHTS)
