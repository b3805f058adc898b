"""Figures of models in words: every float has one, signs and directions are right, unknown is never a number."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.ratio import Ratio
from llmopt.report.model_words import (
    accuracy,
    change,
    count,
    drop_phrase,
    inputs_phrase,
    lost,
    plain_or_none,
    quality_rows,
    significant_4,
    size,
    speed_phrase,
    times,
    two_or_none,
    unit_or_none,
)
from tests.report.quantize_reports import BETTER, EMBED, LANGUAGE, OTHER_TOKENS


@given(st.floats())
def test_every_float_has_words(value: float) -> None:
    for word in (times, lost, accuracy, significant_4, plain_or_none):
        text = word(value)
        assert text
        assert "nan" not in text
        assert "inf" not in text
    assert speed_phrase(Ratio(value, value, value), "x")
    assert drop_phrase(replace(BETTER, drop=value, drop_low=value, drop_high=value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0%"),
        (-1e-12, "0%"),
        (0.00004, "0.004%"),
        (1e12, "1.0e+14%"),
        (0.015625, "1.56%"),
        (-0.003, "-0.3%"),
        (math.nan, "unknown"),
    ],
)
def test_shares(value: float, text: str) -> None:
    assert lost(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.9, "0.90x"), (1.0, "1.00x"), (12.34, "12.3x"), (math.inf, "unknown")])
def test_ratios(value: float, text: str) -> None:
    assert times(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (22_713_216, "22.7M"), (7_241_732_096, "7.24B"), (10**16, "10,000T")],
)
def test_counts(number: int, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Ratio(2.0, 1.9, 2.1), "2.00x as fast as x (1.90x to 2.10x)"),
        (Ratio(0.5, 0.4, 0.6), "slower than x: 0.50x (0.40x to 0.60x)"),
        (Ratio(1.02, 0.97, 1.07), "about as fast as x: 1.02x (0.97x to 1.07x)"),
        (Ratio(1.0, 1.0, 1.0), "about as fast as x: 1.00x (1.00x to 1.00x)"),
    ],
)
def test_speeds(ratio: Ratio, said: str) -> None:
    assert speed_phrase(ratio, "x") == said


def test_sizes_and_their_change() -> None:
    assert (size(0), size(90_852_864)) == ("0 B", "90.9 MB")
    assert (change(100, 25), change(100, 103), change(100, 100), change(0, 5)) == ("-75%", "+3%", "0%", None)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (EMBED, "1.56% of nearest neighbours changed (0.59% to 2.73%, 512 texts)"),
        (BETTER, "0.3 points of accuracy gained (-0.05 to 0.65, 2,000 texts)"),
        (replace(BETTER, drop=0.003), "0.3 points of accuracy lost (-0.65 to 0.05, 2,000 texts)"),
        (
            replace(BETTER, drop_metric="labels changed", drop=0.01),
            "1% of labels changed (-0.65% to 0.05%, 2,000 texts)",
        ),
        (LANGUAGE, "perplexity 1.82% higher (1.41% to 2.26%, 40 texts of 8,431 tokens)"),
        (replace(LANGUAGE, drop=-0.01, inputs=1), "perplexity 1% lower (-2.26% to -1.41%, 1 text of 8,431 tokens)"),
        (OTHER_TOKENS, "bits per byte 2.1% fewer (1.2% to 3%, 40 texts of 8,431 tokens)"),
    ],
)
def test_drops(found: object, said: str) -> None:
    assert isinstance(found, type(EMBED))
    assert drop_phrase(found) == said


def test_only_what_is_known_has_a_row() -> None:
    assert [name for name, _ in quality_rows(LANGUAGE)] == [
        "perplexity gained",
        "most likely next token unchanged",
        "perplexity",
        "KL divergence",
    ]
    rows = dict(quality_rows(BETTER))
    assert (rows["same label"], rows["accuracy"]) == ("99.2%", "91.05% -> 91.35%")
    assert rows["total variation distance"] == "0.0042"
    bare = replace(EMBED, cosine=None, cosine_p5=None, rank_correlation=None, top1_agreement=None, topk_agreement=None)
    assert len(quality_rows(bare)) == 1
    assert dict(quality_rows(EMBED))["10 nearest texts in common"] == "96.2%"


def test_what_is_not_known_is_left_out() -> None:
    assert two_or_none(None, None, lost) is None
    assert two_or_none(0.5, None, lost) == "50%"
    assert unit_or_none(None, "nats") is None
    assert plain_or_none(None) is None
    assert inputs_phrase(replace(LANGUAGE, tokens=0), "prompt") == "40 prompts"


def test_a_model_that_fills_has_words_of_its_own() -> None:
    fill = replace(LANGUAGE, task="fill")
    assert inputs_phrase(fill) == "40 texts of 8,431 masked tokens"
    assert dict(quality_rows(fill))["most likely token unchanged"] == "95.4%"
    assert inputs_phrase(EMBED) == "512 texts"
