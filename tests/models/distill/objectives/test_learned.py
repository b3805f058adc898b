"""Each objective as it is used: the teacher's answers go to disk and come back, and a student learns from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.objectives.choose import objective_of
from llmopt.models.distill.targets.answered import answered
from llmopt.models.distill.training.train import train
from llmopt.models.distill.training.values import TrainingData
from tests.models.distill.objectives.models import InMemory, items, student_of, teacher_of
from tests.models.extras import library

torch = library("torch", "models")


@pytest.mark.parametrize("task", ["embed", "classify", "generate", "fill"])
def test_a_student_learns_from_what_is_on_disk(tmp_path: Path, task: str) -> None:
    teacher = teacher_of(tmp_path / "teacher", task)
    student = student_of(teacher, noise=0.05)
    config = DistillConfig(epochs=12, batch_size=4, temperature=1.0, soft_weight=1.0, lr=3e-3)
    texts = items(teacher, student)
    objective = objective_of(teacher, student, config, tokens=sum(len(item.teacher_ids) for item in texts))
    for name in ("answers", "training"):
        (tmp_path / name).mkdir()
    targets = answered(teacher, objective, texts, tmp_path / "answers", made="", over=lambda: False)
    expected = InMemory(objective, texts).rows([3, 1])
    found = targets.rows([3, 1])
    assert {name: rows.shape for name, rows in found.items()} == {name: rows.shape for name, rows in expected.items()}
    for name in expected.keys() - {"top_ids"}:  # two that are about as likely may change places
        assert torch.allclose(found[name].double(), expected[name].double(), atol=2e-2), name
    assert objective.prepare(targets) == ()
    data = TrainingData(texts, targets)
    trained = train(student, objective, data, data, config, tmp_path / "training", made="")
    assert trained.checks[-1].loss < 0.7 * trained.checks[0].loss
