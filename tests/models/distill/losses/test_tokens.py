"""The losses of language models: closed forms, gradients, the bound of the likeliest tokens, and DistilBERT's sum."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import UsageError
from tests.models.extras import library

torch = library("torch", "models")
tokens = pytest.importorskip("llmopt.models.distill.losses.tokens")


def made(*shape: int, seed: int = 0) -> Any:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def likeliest(logits: Any, k: int, temperature: float) -> tuple[Any, Any]:
    found = torch.log_softmax(logits / temperature, 1).topk(k, dim=1)
    return found.values, found.indices


def test_tokens_are_worked_out_by_hand() -> None:
    teacher, student = torch.tensor([[9.0, 1.0], [1.0, 1.0]]).log(), torch.zeros(2, 2)
    expected = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    assert tokens.token_kd_loss(student, teacher, temperature=2.0).item() == pytest.approx(expected, rel=1e-6)


def test_the_likeliest_and_the_rest_are_worked_out_by_hand() -> None:
    # 1/2 and 1/4 are kept, 1/4 is the rest; the student gives all four tokens 1/4
    values, ids = torch.tensor([[0.5, 0.25]]).log(), torch.tensor([[2, 0]], dtype=torch.int32)
    expected = 0.5 * math.log(0.5 / 0.25) + 0.25 * math.log(0.25 / 0.25) + 0.25 * math.log(0.25 / 0.5)
    assert tokens.top_kd_loss(torch.zeros(1, 4), values, ids).item() == pytest.approx(expected, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(1, 8), st.floats(0.5, 8))
def test_the_likeliest_are_a_bound_from_below_that_grows(seed: int, k: int, temperature: float) -> None:
    student, teacher = 3 * made(3, 8, seed=seed), 3 * made(3, 8, seed=seed + 1)
    whole = tokens.token_kd_loss(student, teacher, temperature=temperature).item()
    some, more = (
        tokens.top_kd_loss(student, *likeliest(teacher, kept, temperature), temperature=temperature).item()
        for kept in (k, min(8, k + 1))
    )
    assert -1e-9 <= some <= more + 1e-9 <= whole + 2e-9


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_all_tokens_kept_are_the_whole_divergence(temperature: float) -> None:
    student, teacher = made(3, 8), made(3, 8, seed=1)
    kept = likeliest(teacher, 8, temperature)
    expected = tokens.token_kd_loss(student, teacher, temperature=temperature)
    torch.testing.assert_close(tokens.top_kd_loss(student, *kept, temperature=temperature), expected)


def test_a_student_that_splits_the_rest_as_the_teacher_meets_the_bound() -> None:
    teacher = torch.tensor([[0.5, 0.2, 0.2, 0.1]], dtype=torch.float64)
    student = torch.tensor([[0.2, 0.2, 0.4, 0.2]], dtype=torch.float64)  # the last two as 2 to 1
    kept = likeliest(teacher.log(), 2, 1.0)[0], torch.tensor([[0, 1]])
    found = tokens.top_kd_loss(student.log(), *kept)
    torch.testing.assert_close(found, tokens.token_kd_loss(student.log(), teacher.log()))


def test_values_kept_in_half_precision_stay_finite_where_the_student_is_sure() -> None:
    student = torch.tensor([[60.0, 0.0, 0.0]], requires_grad=True)
    values = torch.tensor([[0.0004, -9.0]], dtype=torch.float16)  # rounded, the probabilities exceed 1
    result = tokens.top_kd_loss(student, values, torch.tensor([[0, 1]]))
    result.backward()
    assert result.isfinite()
    assert student.grad.isfinite().all()


def test_the_next_token_is_worked_out_by_hand() -> None:
    # the second text has one token, which nothing foretells; of the first two count
    logits = torch.zeros(2, 3, 4)
    logits[0, 1, 3] = math.log(3)  # 3 of 6
    ids, mask = torch.tensor([[0, 1, 3], [2, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    expected = (math.log(4) + math.log(2)) / 2
    assert tokens.causal_lm_loss(logits, ids, mask).item() == pytest.approx(expected, rel=1e-6)


def test_it_does_not_matter_on_which_side_a_text_is_padded() -> None:
    logits, ids = made(1, 3, 5), torch.tensor([[4, 2, 1]])
    whole = tokens.causal_lm_loss(logits, ids, torch.ones(1, 3))
    before = torch.nn.functional.pad(logits, (0, 0, 2, 0)), torch.nn.functional.pad(ids, (2, 0))
    behind = torch.nn.functional.pad(logits, (0, 0, 0, 2)), torch.nn.functional.pad(ids, (0, 2))
    torch.testing.assert_close(tokens.causal_lm_loss(*before, torch.tensor([[0, 0, 1, 1, 1]])), whole)
    torch.testing.assert_close(tokens.causal_lm_loss(*behind, torch.tensor([[1, 1, 1, 0, 0]])), whole)


def test_only_masked_words_count() -> None:
    logits = torch.tensor([[0.0, 0.0], [5.0, -5.0]])
    assert tokens.masked_lm_loss(logits, torch.tensor([1, -100])).item() == pytest.approx(math.log(2), rel=1e-6)


def test_nothing_masked_is_zero_with_a_gradient() -> None:
    logits = made(2, 3).requires_grad_()
    empty = logits[:0]
    total = tokens.masked_lm_loss(logits, torch.tensor([-100, -100])) + tokens.token_kd_loss(empty, empty.detach())
    total = total + tokens.causal_lm_loss(logits[:, None], torch.ones(2, 1, dtype=torch.int64), torch.ones(2, 1))
    total.backward()
    assert total.item() == 0
    assert not logits.grad.any()


def test_states_are_compared_by_cosine() -> None:
    student, teacher = torch.tensor([[1.0, 0.0], [0.0, 4.0]]), torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    expected = (1 - math.sqrt(0.5)) / 2
    assert tokens.hidden_cosine_loss(student, teacher).item() == pytest.approx(expected, rel=1e-6)


def test_the_triple_loss_is_the_published_sum() -> None:
    # loss_ce, loss_mlm and loss_cos as the training code of DistilBERT has them: torch's own three losses
    student, teacher, hidden, others = made(4, 6), made(4, 6, seed=1), made(4, 3, seed=2), made(4, 3, seed=3)
    wanted = torch.tensor([-100, 5, -100, 0])
    spread = torch.nn.KLDivLoss(reduction="batchmean")(
        torch.log_softmax(student / 2, -1), torch.softmax(teacher / 2, -1)
    )
    words = torch.nn.CrossEntropyLoss(ignore_index=-100)(student, wanted)
    states = torch.nn.CosineEmbeddingLoss()(hidden, others, torch.ones(4))
    expected = 5.0 * 4 * spread + 2.0 * words + 1.0 * states
    torch.testing.assert_close(tokens.triple_loss(student, teacher, wanted, hidden, others), expected)


def test_gradients_are_right() -> None:
    student, teacher, check = made(3, 6).requires_grad_(), made(3, 6, seed=1), torch.autograd.gradcheck
    values, ids = likeliest(teacher, 2, 2.0)
    wanted, hidden = torch.tensor([1, -100, 4]), made(3, 4, seed=2).requires_grad_()
    others, text = made(3, 4, seed=3), torch.tensor([[1, 2, 0]])
    assert check(lambda it: tokens.token_kd_loss(it, teacher, temperature=2.0), student)
    assert check(lambda it: tokens.top_kd_loss(it, values, ids, temperature=2.0), student)
    assert check(lambda it: tokens.causal_lm_loss(it[None], text, torch.ones(1, 3)), student)
    assert check(lambda it: tokens.masked_lm_loss(it, wanted), student)
    assert check(lambda it: tokens.hidden_cosine_loss(it, others), hidden)
    assert check(lambda it, states: tokens.triple_loss(it, teacher, wanted, states, others), (student, hidden))


def test_what_does_not_fit_is_refused() -> None:
    logits, values, ids = torch.zeros(2, 5), torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64)
    for wrong in ((logits[:1], values, ids), (logits, values[:, :2], ids)):
        with pytest.raises(UsageError, match="other tokens"):
            tokens.top_kd_loss(*wrong)
    with pytest.raises(UsageError, match="temperature"):
        tokens.top_kd_loss(logits, values, ids, temperature=0)
    with pytest.raises(UsageError, match="student gives"):
        tokens.token_kd_loss(logits, logits[:, :4])
    with pytest.raises(UsageError, match="other texts"):
        tokens.causal_lm_loss(torch.zeros(1, 2, 5), torch.zeros(1, 3, dtype=torch.int64), torch.ones(1, 3))
