"""The losses of classifiers: closed forms, gradients, and batches with few labels or none."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import UsageError
from tests.models.extras import library

torch = library("torch", "models")
classes = pytest.importorskip("llmopt.models.distill.losses.classes")

NUMBERS = st.floats(-20, 20, width=32)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4)


def made(*shape: int, seed: int = 0) -> Any:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_soft_and_hard_part_are_worked_out_by_hand() -> None:
    # the teacher is sure of 3/4 at temperature 2, the student of nothing
    teacher, student = torch.tensor([[9.0, 1.0]]).log(), torch.zeros(1, 2)
    soft = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    hard = math.log(2)
    result = classes.kd_loss(student, teacher, torch.tensor([0]), temperature=2.0, soft_weight=0.9)
    assert result.item() == pytest.approx(0.9 * soft + 0.1 * hard, rel=1e-6)


def test_it_equals_the_usual_recipe_of_torch() -> None:
    student, teacher = made(5, 3), made(5, 3, seed=1)
    labels = torch.tensor([0, 1, 2, 0, 1])
    functional = torch.nn.functional
    soft = functional.kl_div(
        functional.log_softmax(student / 3, 1), functional.softmax(teacher / 3, 1), reduction="batchmean"
    )
    expected = 0.9 * 9 * soft + 0.1 * functional.cross_entropy(student, labels)
    torch.testing.assert_close(classes.kd_loss(student, teacher, labels), expected)


def test_rows_without_a_label_count_in_the_soft_part_only() -> None:
    student, teacher = made(4, 3), made(4, 3, seed=1)
    labels = torch.tensor([-100, 2, -100, -100])
    soft = classes.kd_loss(student, teacher)
    hard = torch.nn.functional.cross_entropy(student[1:2], labels[1:2])
    torch.testing.assert_close(classes.kd_loss(student, teacher, labels), 0.9 * soft + 0.1 * hard)


def test_without_any_label_the_soft_part_has_all_of_the_weight() -> None:
    student, teacher = made(4, 3), made(4, 3, seed=1)
    none = torch.full((4,), -100)
    soft = classes.kd_loss(student, teacher, soft_weight=1.0)
    torch.testing.assert_close(classes.kd_loss(student, teacher, none, soft_weight=0.3), soft)
    torch.testing.assert_close(classes.kd_loss(student, teacher, soft_weight=0.3), soft)


def test_without_label_and_soft_weight_nothing_is_learned() -> None:
    student = made(4, 3).requires_grad_()
    result = classes.kd_loss(student, made(4, 3, seed=1), soft_weight=0.0)
    result.backward()
    assert result.item() == 0
    assert not student.grad.any()


def test_half_precision_is_computed_in_float32() -> None:
    student, teacher = made(4, 3).bfloat16(), made(4, 3, seed=1).bfloat16()
    result = classes.kd_loss(student, teacher)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, classes.kd_loss(student.float(), teacher.float()))


@settings(max_examples=50, deadline=None)
@given(ROWS, st.floats(0.5, 20))
def test_it_is_never_negative_and_zero_for_the_teacher_itself(
    rows: list[tuple[float, ...]], temperature: float
) -> None:
    both = torch.tensor(rows, dtype=torch.float64)
    student, teacher = both[:, :3], both[:, 3:]
    for loss in (classes.kd_loss, classes.multi_label_kd_loss):
        assert loss(student, teacher, temperature=temperature).item() >= -1e-9
        assert loss(teacher, teacher, temperature=temperature).item() == pytest.approx(0, abs=1e-9)
        assert loss(teacher + 0, teacher, temperature=temperature).isfinite()


def test_a_constant_added_to_all_logits_changes_nothing() -> None:
    student, teacher = made(4, 3), made(4, 3, seed=1)
    torch.testing.assert_close(classes.kd_loss(student + 5, teacher - 2), classes.kd_loss(student, teacher))


def test_at_high_temperature_it_is_half_the_squared_difference_of_centred_logits() -> None:
    # Hinton, Vinyals and Dean, section 2.1, with the mean over classes instead of their sum for each
    student, teacher = made(4, 3), made(4, 3, seed=1)
    centred = [logits - logits.mean(1, keepdim=True) for logits in (student, teacher)]
    expected = (centred[0] - centred[1]).square().mean(1).mean() / 2
    torch.testing.assert_close(classes.kd_loss(student, teacher, temperature=1e4), expected, rtol=1e-3, atol=0)


def test_gradients_are_right() -> None:
    student, teacher = made(3, 4).requires_grad_(), made(3, 4, seed=1)
    labels = torch.tensor([1, -100, 3])
    targets = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda it: classes.kd_loss(it, teacher, labels), student)
    assert torch.autograd.gradcheck(lambda it: classes.multi_label_kd_loss(it, teacher, targets), student)


def test_many_labels_are_worked_out_by_hand() -> None:
    # the teacher says 3/4 (its logit ln 9 halved), the student 1/2; the class applies
    student, teacher, targets = torch.zeros(1, 1), torch.tensor([[9.0]]).log(), torch.ones(1, 1)
    soft = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    result = classes.multi_label_kd_loss(student, teacher, targets, temperature=2.0, soft_weight=0.9)
    assert result.item() == pytest.approx(0.9 * soft + 0.1 * math.log(2), rel=1e-6)


def test_many_labels_without_targets_are_the_soft_part() -> None:
    student, teacher = made(2, 3).requires_grad_(), made(2, 3, seed=1)
    soft = classes.multi_label_kd_loss(student, teacher, soft_weight=1.0)
    torch.testing.assert_close(classes.multi_label_kd_loss(student, teacher), soft)
    assert classes.multi_label_kd_loss(student, teacher, soft_weight=0.0).item() == 0
    whole = torch.ones(2, 3, dtype=torch.int64)
    assert classes.multi_label_kd_loss(student, teacher, whole).isfinite()


@pytest.mark.parametrize("name", ["kd_loss", "multi_label_kd_loss"])
def test_what_does_not_fit_is_refused(name: str) -> None:
    loss = getattr(classes, name)
    with pytest.raises(UsageError, match="student gives"):
        loss(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(UsageError, match="soft weight"):
        loss(torch.zeros(2, 3), torch.zeros(2, 3), soft_weight=1.5)
    with pytest.raises(UsageError, match="temperature"):
        loss(torch.zeros(2, 3), torch.zeros(2, 3), temperature=0)
    with pytest.raises(UsageError, match=r"student gives.*\(2, 2\)"):
        classes.multi_label_kd_loss(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 2))


def test_a_class_that_both_models_are_kept_from_adds_nothing() -> None:
    out = -math.inf
    teacher, student = torch.tensor([[1.0, 2.0, out]]), torch.tensor([[0.5, 0.0, out]], requires_grad=True)
    loss = classes.kd_loss(student, teacher)
    assert loss.item() == pytest.approx(classes.kd_loss(student[:, :2], teacher[:, :2]).item())
    loss.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_a_class_for_each_row_is_demanded() -> None:
    with pytest.raises(UsageError, match=r"logits of \(3,\) rows, classes of \(2,\)"):
        classes.kd_loss(made(3, 4), made(3, 4), torch.tensor([0, 1]))
