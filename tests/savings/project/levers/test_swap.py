"""Ratios of tokenizers where nothing is known of the texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.levers.swap import DEN, PER_O200K, SAME, Shift, Shifts, tokenizer_of

typical = Shifts().between
MODELS = ("gpt-4o", "gpt-4", "claude-sonnet-4-5", "claude-opus-4-7", "gemini-2.5-pro", "deepseek-chat", "my-model")


@pytest.mark.parametrize(
    ("old", "new"),
    [("gpt-4o", "gpt-4o-mini"), ("gpt-4o", "gpt-oss-120b"), ("claude-3-opus", "claude-sonnet-4-5"), ("mine", "Mine")],
)
def test_one_tokenizer_changes_nothing(old: str, new: str) -> None:
    shift = typical(old, new)
    assert shift == SAME
    assert not shift.changes


def test_claude_has_more_tokens_than_openai() -> None:
    shift = typical("gpt-4o", "claude-sonnet-4-5")
    assert shift.low == 1100
    assert shift.high == 1740
    assert shift.low < shift.num < shift.high


def test_there_and_back_is_about_the_same() -> None:
    there, back = typical("gpt-4o", "claude-opus-4-7"), typical("claude-opus-4-7", "gpt-4o")
    assert abs(there.num * back.num / DEN**2 - 1) < 0.002
    assert back.low == round(DEN * 1000 / max(PER_O200K["claude-4.7"]))


@pytest.mark.parametrize(("old", "new"), [("gpt-4o", "my-model"), ("my-model", "gpt-4o"), ("my-model", "yours")])
def test_a_tokenizer_that_nobody_knows_is_a_wide_range(old: str, new: str) -> None:
    shift = typical(old, new)
    assert shift.high >= 1.5 * shift.low
    assert shift.low <= shift.num <= shift.high


def test_no_model_is_an_unknown_one() -> None:
    assert typical(None, "gpt-4o") == typical("my-model", "gpt-4o") != SAME
    assert tokenizer_of(None) == tokenizer_of("my-model") == ""


def test_what_was_measured_is_believed() -> None:
    measured = Shift(1111, 1000, 1100, 1120)
    shifts = Shifts({("o200k_base", "claude-3"): measured})
    assert shifts.between("gpt-4o", "claude-sonnet-4-5") is measured
    assert shifts.between("gpt-4", "claude-sonnet-4-5") != measured
    assert shifts.measures("gpt-4o", "claude-sonnet-4-5")
    assert not shifts.measures("gpt-4", "claude-sonnet-4-5")
    assert not shifts.measures(None, "claude-sonnet-4-5")


@given(st.sampled_from(MODELS), st.sampled_from(MODELS))
def test_the_range_holds_the_typical_ratio(old: str, new: str) -> None:
    shift = typical(old, new)
    assert 0 < shift.low <= shift.num <= shift.high
