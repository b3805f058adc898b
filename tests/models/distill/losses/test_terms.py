"""What all losses share: wide numbers, means of nothing, and checks."""

from __future__ import annotations

import pytest

from llmopt.errors import UsageError
from tests.models.extras import library

torch = library("torch", "models")
terms = pytest.importorskip("llmopt.models.distill.losses.terms")


def test_half_precision_is_widened_and_double_kept() -> None:
    assert terms.wide(torch.ones(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert terms.wide(torch.ones(1, dtype=torch.float64)).dtype == torch.float64


def test_the_mean_of_nothing_is_zero_with_a_gradient() -> None:
    values = torch.ones(0, requires_grad=True)
    result = terms.mean(values * 2)
    result.backward()
    assert result.item() == 0
    assert values.grad is not None


def test_a_divergence_is_worked_out_by_hand() -> None:
    # at temperature 2 the logits ln 9 and 0 are ln 3 and 0: 3/4 and 1/4; the student's are even
    teacher, student = torch.tensor([[9.0, 1.0]]).log(), torch.zeros(1, 2)
    expected = 4 * (0.75 * torch.tensor(1.5).log() + 0.25 * torch.tensor(0.5).log())
    torch.testing.assert_close(terms.divergences(student, teacher, 2.0), expected[None])


def test_a_class_that_the_teacher_rules_out_costs_nothing() -> None:
    teacher, student = torch.tensor([[0.0, -torch.inf]]), torch.zeros(1, 2)
    torch.testing.assert_close(terms.divergences(student, teacher, 1.0), torch.tensor([2.0]).log())


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_that_makes_no_sense_is_refused(temperature: float) -> None:
    with pytest.raises(UsageError, match="temperature"):
        terms.divergences(torch.zeros(1, 2), torch.zeros(1, 2), temperature)


def test_other_shapes_are_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match=r"\(2, 1\).*\(2, 3\)"):
        terms.divergences(torch.zeros(2, 1), torch.zeros(2, 3), 1.0)
    with pytest.raises(UsageError, match="1 vectors of the student, 2"):
        terms.check_rows(torch.zeros(1, 3), torch.zeros(2, 3))


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_weight_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="soft weight"):
        terms.check_share(share)
