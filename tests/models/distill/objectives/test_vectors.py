"""What an encoder learns: vectors, who is like whom, and the states of tokens where both are built alike."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import UsageError
from tests.models.distill.objectives.models import InMemory, batch, items, narrow, student_of, teacher_of, value
from tests.models.extras import library

torch = library("torch", "models")
module: Any = importlib.import_module("llmopt.models.distill.objectives.vectors")
states: Any = importlib.import_module("llmopt.models.distill.objectives.states")
encoder: Any = importlib.import_module("llmopt.models.encoder")
losses: Any = importlib.import_module("llmopt.models.distill.losses")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return teacher_of(tmp_path_factory.mktemp("teacher"), "embed")


def test_the_loss_is_the_sum_of_its_parts(teacher: Any) -> None:
    student = student_of(teacher)
    objective = module.Vectors(teacher, student, tokens=100)
    texts = batch(objective, items(teacher, student))
    assert [(column.name, column.shape, column.width) for column in objective.columns] == [
        ("vectors", "text", 8),
        ("states", "token", 8),
    ]
    found = objective.loss(student.model, texts)
    own = encoder.sentence_vectors(student.model, texts.ids, texts.mask, "mean")
    there = student.model(input_ids=texts.ids, attention_mask=texts.mask).last_hidden_state[texts.mask.bool()]
    assert value(found["cosine"]) == pytest.approx(value(losses.cosine_loss(own, texts.targets["vectors"])))
    assert value(found["similarity"]) == pytest.approx(value(losses.similarity_loss(own, texts.targets["vectors"])))
    assert value(found["states"]) == pytest.approx(value(losses.hidden_cosine_loss(there, texts.targets["states"])))
    assert value(found["total"]) == pytest.approx(
        value(found["cosine"] + 0.1 * found["similarity"] + found["states"]), rel=1e-6
    )
    assert objective.prepare(InMemory(objective, items(teacher, student))) == ()


def test_a_copy_of_the_teacher_has_nothing_to_learn(teacher: Any) -> None:
    student = student_of(teacher, noise=0.0)
    weights = module.VectorWeights(neighbours=1.0, relations=1.0, heads=2)
    objective = module.Vectors(teacher, student, tokens=100, weights=weights)
    found = objective.loss(student.model, batch(objective, items(teacher, student)))
    assert set(found) == {"cosine", "similarity", "neighbours", "states", "relations", "total"}
    assert all(abs(value(part)) < 1e-5 for part in found.values())


def test_the_vectors_are_those_of_the_teachers_pooling(teacher: Any, tmp_path: Path) -> None:
    objective = module.Vectors(teacher, student_of(teacher), tokens=100)
    texts = items(teacher, student_of(teacher))
    targets = batch(objective, texts)
    wanted = encoder.sentence_vectors(teacher.model, targets.ids, targets.mask, "mean")
    assert torch.allclose(targets.targets["vectors"], wanted, atol=1e-6)
    assert len(targets.targets["states"]) == targets.tokens


def test_a_weight_of_nothing_leaves_a_part_out(teacher: Any) -> None:
    student = student_of(teacher)
    objective = module.Vectors(teacher, student, tokens=100, weights=module.VectorWeights(similarity=0.0, states=0.0))
    assert [column.name for column in objective.columns] == ["vectors"]
    assert set(objective.loss(student.model, batch(objective, items(teacher, student)))) == {"cosine", "total"}


@pytest.mark.parametrize("changed", [{"own_tokens": True}, {"max_tokens": 4}, {"layers": 0}])
def test_states_are_compared_between_models_built_alike_only(teacher: Any, changed: dict[str, Any]) -> None:
    model = copy.deepcopy(teacher.model)
    if changed.pop("layers", None) == 0:
        model.config.num_hidden_layers = 0
    objective = module.Vectors(teacher, student_of(teacher, model=model, **changed), tokens=100)
    assert [column.name for column in objective.columns] == ["vectors"]


def test_states_that_take_too_much_room_are_left_out_and_it_is_said(teacher: Any) -> None:
    student = student_of(teacher)
    objective = module.Vectors(teacher, student, tokens=states.STATES_BYTES // 16 + 1)
    assert [column.name for column in objective.columns] == ["vectors"]
    (said,) = objective.prepare(InMemory(objective, items(teacher, student)))
    assert said == (
        "the teacher's vectors of all tokens would take 4.0 GB, more than 4 GB: the student learned without them"
    )
    assert "states" in {
        column.name for column in module.Vectors(teacher, student, tokens=states.STATES_BYTES // 16).columns
    }


def test_a_narrower_student_learns_the_main_directions(teacher: Any) -> None:
    student = student_of(teacher, model=narrow(teacher, 4))
    texts = items(teacher, student)
    objective = module.Vectors(teacher, student, tokens=100)
    (said,) = objective.prepare(InMemory(objective, texts))
    assert said.startswith(
        "the student's vectors have 4 numbers, the teacher's 8: it learned those directions that hold"
    )
    targets = batch(objective, texts)
    projected = objective._projection(targets.targets["vectors"])
    values = torch.linalg.svdvals(targets.targets["vectors"].double())
    held = value(values[:4].square().sum() / values.square().sum())
    assert projected.shape == (12, 4)
    assert value(projected.double().square().sum() / 12) == pytest.approx(held, rel=1e-5)
    assert f"{held:.1%}" in said
    again = module.Vectors(teacher, student, tokens=100)
    again.prepare(InMemory(again, texts))
    assert torch.equal(again._projection(targets.targets["vectors"]), projected)
    assert value(objective.loss(student.model, targets)["total"]) > 0


def test_a_narrower_student_may_learn_relations(teacher: Any) -> None:
    student = student_of(teacher, model=narrow(teacher, 4))
    weights = module.VectorWeights(relations=0.5, heads=2)
    objective = module.Vectors(teacher, student, tokens=100, weights=weights)
    objective.prepare(InMemory(objective, items(teacher, student)))
    found = objective.loss(student.model, batch(objective, items(teacher, student)))
    assert set(found) == {"cosine", "similarity", "relations", "total"}
    assert value(found["relations"]) > 0


def test_what_makes_no_sense_is_refused(teacher: Any) -> None:
    with pytest.raises(UsageError, match="vectors have 16 numbers, the teacher's 8"):
        module.Vectors(teacher, student_of(teacher, model=narrow(teacher, 16)), tokens=1)
    with pytest.raises(UsageError, match="3 heads do not divide"):
        module.Vectors(teacher, student_of(teacher), tokens=1, weights=module.VectorWeights(relations=1.0, heads=3))
    with pytest.raises(UsageError, match="the same tokens"):
        module.Vectors(
            teacher, student_of(teacher, own_tokens=True), tokens=1, weights=module.VectorWeights(relations=1.0)
        )
