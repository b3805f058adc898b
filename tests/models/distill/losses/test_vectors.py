"""The losses of encoders: closed forms, gradients, and batches too small to compare anything."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import UsageError
from tests.models.extras import library

torch = library("torch", "models")
vectors = pytest.importorskip("llmopt.models.distill.losses.vectors")


def made(*shape: int, seed: int = 0) -> Any:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_cosines_are_worked_out_by_hand() -> None:
    student = torch.tensor([[3.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    teacher = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    expected = (0 + 1 + 1 - math.sqrt(0.5)) / 3
    assert vectors.cosine_loss(student, teacher).item() == pytest.approx(expected, rel=1e-6)


def test_similarities_of_pairs_are_worked_out_by_hand() -> None:
    # the student's two texts are at a right angle, the teacher's at 60 degrees
    student = torch.tensor([[1.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    teacher = torch.tensor([[1.0, 0.0], [0.5, math.sqrt(0.75)]])
    assert vectors.similarity_loss(student, teacher).item() == pytest.approx(0.25, rel=1e-6)


def test_neighbours_are_worked_out_by_hand() -> None:
    # the teacher's first text is at 60 and 90 degrees from the others, which are at 30; the student's all at 90
    student, half = torch.eye(3, dtype=torch.float64), math.sqrt(0.75)
    teacher = torch.tensor([[1.0, 0.0], [0.5, half], [0.0, 1.0]], dtype=torch.float64)
    expected = 0.0
    for cosines in ((0.5, 0.0), (0.5, half), (0.0, half)):
        total = sum(math.exp(cosine / 0.5) for cosine in cosines)
        shares = [math.exp(cosine / 0.5) / total for cosine in cosines]
        expected += sum(share * math.log(share / 0.5) for share in shares) / 3
    assert vectors.neighbour_loss(student, teacher, temperature=0.5).item() == pytest.approx(expected, rel=1e-9)


def test_relations_are_worked_out_by_hand() -> None:
    # one head of width 1: products 0, 0 and 0, ln 3; the teacher's are all 0
    student = torch.tensor([[[0.0], [math.sqrt(math.log(3))]]], dtype=torch.float64)
    teacher, mask = torch.zeros(1, 2, 1, dtype=torch.float64), torch.ones(1, 2, dtype=torch.int64)
    expected = (0 + 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)) / 2
    assert vectors.relation_loss(student, teacher, mask, heads=1).item() == pytest.approx(expected, rel=1e-9)


def test_padding_changes_no_relation() -> None:
    student, teacher = made(1, 3, 4), made(1, 3, 8, seed=1)
    whole = vectors.relation_loss(student, teacher, torch.ones(1, 3), heads=2)
    grown = [torch.nn.functional.pad(states, (0, 0, 0, 2), value=7.0) for states in (student, teacher)]
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    torch.testing.assert_close(vectors.relation_loss(*grown, mask, heads=2), whole)


def test_the_teacher_itself_loses_nothing_and_a_turned_one_only_the_cosine() -> None:
    teacher, mask = made(5, 4), torch.ones(5, 1)
    turned = teacher @ torch.linalg.qr(made(4, 4, seed=1)).Q
    for loss in (vectors.similarity_loss, vectors.neighbour_loss):
        assert loss(turned, teacher).item() == pytest.approx(0, abs=1e-12)
    assert vectors.cosine_loss(turned, teacher).item() > 0.1
    assert vectors.cosine_loss(3 * teacher, teacher).item() == pytest.approx(0, abs=1e-12)
    assert vectors.relation_loss(turned[:, None], teacher[:, None], mask, heads=2).item() == pytest.approx(0, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_losses_are_finite_and_never_negative(texts: int, width: int, other: int, seed: int) -> None:
    student, teacher = made(texts, width, seed=seed).requires_grad_(), made(texts, other, seed=seed + 1)
    for loss in (vectors.similarity_loss, vectors.neighbour_loss):
        result = loss(student, teacher)
        result.backward()
        assert result.item() >= -1e-12
        assert result.item() == 0 or texts > 1
    assert student.grad.isfinite().all()


def test_gradients_are_right() -> None:
    student, teacher = made(4, 3).requires_grad_(), made(4, 5, seed=1)
    check = torch.autograd.gradcheck
    assert check(lambda it: vectors.cosine_loss(it, teacher[:, :3]), student)
    assert check(lambda it: vectors.similarity_loss(it, teacher), student)
    assert check(lambda it: vectors.neighbour_loss(it, teacher, temperature=0.2), student)
    states, others = made(2, 3, 4).requires_grad_(), made(2, 3, 6, seed=1)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    assert check(lambda it: vectors.relation_loss(it, others, mask, heads=2), states)


def test_what_does_not_fit_is_refused() -> None:
    two, three = torch.zeros(2, 3), torch.zeros(3, 3)
    with pytest.raises(UsageError, match="student gives"):
        vectors.cosine_loss(two, three)
    for loss in (vectors.similarity_loss, vectors.neighbour_loss):
        with pytest.raises(UsageError, match="2 vectors of the student, 3"):
            loss(two, three)
    with pytest.raises(UsageError, match="temperature"):
        vectors.neighbour_loss(two, two, temperature=0)
    states, mask = torch.zeros(1, 2, 6), torch.ones(1, 2)
    for student, heads in ((states, 4), (states, 0)):
        with pytest.raises(UsageError, match=f"6 cannot be cut into {heads} heads"):
            vectors.relation_loss(student, states, mask, heads=heads)
    for student, wrong in ((states[:, :1], mask), (states, mask[:, :1])):
        with pytest.raises(UsageError, match="other texts"):
            vectors.relation_loss(student, states, wrong, heads=2)
