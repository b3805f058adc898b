"""Estimators against recorded counts: `data/estimates.json` holds short texts and what their tokenizers counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError
from llmopt.tokens.estimate.estimator import estimator, names
from llmopt.tokens.exact.vocabulary import encoding
from llmopt.tokens.families import family_of

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "estimates.json").read_text(encoding="utf-8")
)
"""Counts by ctok 1.3.0 (Claude 3 and later) and the tokenizer.json files named in `estimators.json`."""
MEASURED = sorted(RECORDED[0]["counts"])
anything = st.text(st.characters(exclude_categories=()), max_size=400)


def errors(name: str) -> list[float]:
    """Relative errors on the texts that are no shorter than 40 tokens."""
    found = []
    for row in RECORDED:
        true = row["counts"][name]
        if true >= 40:
            found.append(abs(estimator(name).estimate(row["text"], row["o200k_base"]).tokens - true) / true)
    return sorted(found)


def test_there_is_an_estimator_for_every_family() -> None:
    models = ["claude-2.1", "claude-3-opus", "claude-opus-4-7", "gemini-2.5-pro", "llama-3.1-8b", "llama-2-7b"]
    models += ["mistral-nemo", "qwen3-8b", "deepseek-chat", "command-r", "grok-4", "amazon.nova-pro"]
    wanted = {family.estimator for model in models if (family := family_of(model))}
    assert wanted == set(names())


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        estimator("klingon")
    assert "klingon" in caught.value.message
    assert "claude-3" in caught.value.hint


@pytest.mark.parametrize("name", MEASURED)
def test_recorded_texts_are_estimated_well(name: str) -> None:
    found = errors(name)
    assert found[len(found) // 2] < 0.06
    assert found[int(0.9 * len(found))] < 0.16


@pytest.mark.parametrize("name", MEASURED)
def test_recorded_texts_lie_within_their_intervals(name: str) -> None:
    inside = 0
    for row in RECORDED:
        count = estimator(name).estimate(row["text"], row["o200k_base"])
        inside += count.low <= row["counts"][name] <= count.high
    assert inside >= 0.86 * len(RECORDED)


def test_the_pooled_interval_covers_most_tokenizers() -> None:
    inside = [
        count.low <= true <= count.high
        for row in RECORDED
        for count in [estimator("other").estimate(row["text"], row["o200k_base"])]
        for true in row["counts"].values()
    ]
    assert sum(inside) >= 0.9 * len(inside)


@pytest.mark.parametrize("name", names())
def test_nothing_is_nothing(name: str) -> None:
    count = estimator(name).estimate("", 0)
    assert (count.tokens, count.low, count.high) == (0, 0, 0)
    assert count.method == "estimated"
    assert count.tokenizer == f"{name} (from o200k_base)"


@given(anything.filter(bool), st.sampled_from(names()), st.floats(0.2, 4))
def test_any_text_has_an_interval(text: str, name: str, bytes_a_token: float) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    count = estimator(name).estimate(text, max(1, round(size / bytes_a_token)))
    assert 1 <= count.low <= count.tokens <= count.high
    assert count.high <= 12 * size + 60


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("unit", ["a", " ", "\n", "é", "中", "😀", "-", "0", "\ud800", "\x00", "aB3+", "\t\n"])
def test_degenerate_texts_stay_sane(name: str, unit: str) -> None:
    text = unit * 4_000
    tokens = len(encoding("o200k_base").encode_ordinary(text.encode("utf-8", "replace").decode("utf-8")))
    count = estimator(name).estimate(text, tokens)
    assert count.tokens <= 2 * len(text.encode("utf-8", "surrogatepass"))
    assert 1 <= count.low <= count.tokens <= count.high


@pytest.mark.parametrize("name", MEASURED)
def test_longer_texts_have_narrower_intervals(name: str) -> None:
    row = next(row for row in RECORDED if row["about"] == "english prose")
    short = estimator(name).estimate(row["text"], row["o200k_base"])
    long = estimator(name).estimate(row["text"] * 50, row["o200k_base"] * 50)
    assert (long.high - long.low) / long.tokens < (short.high - short.low) / short.tokens


def test_more_text_is_more_tokens() -> None:
    for row in RECORDED:
        once = estimator("claude-3").estimate(row["text"], row["o200k_base"])
        twice = estimator("claude-3").estimate(row["text"] + "\n" + row["text"], 2 * row["o200k_base"] + 1)
        assert twice.tokens >= 1.5 * once.tokens


def test_features_can_be_measured_once_for_several_estimators() -> None:
    row = RECORDED[0]
    for alike in (("claude-3", "claude-4.7"), ("gemini", "qwen", "other")):
        known = estimator(alike[0]).measure(row["text"], row["o200k_base"])
        for name in alike:
            fresh = estimator(name).estimate(row["text"], row["o200k_base"])
            assert estimator(name).from_features(known, row["o200k_base"]) == fresh
