"""Masked language models: perplexity, divergence and agreement at covered places are those of the definition."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest

from llmopt.core.target import TargetFacts
from llmopt.errors import InputError
from llmopt.models.quality.data import Sample
from tests.models.extras import library

torch = library("torch", "semantic")
fillers: Any = importlib.import_module("llmopt.models.quality.fillers")
KNOWN = 12


class Fills:
    """A model whose logits at a place depend on the token there alone."""

    def __init__(self, seed: int, known: int = KNOWN) -> None:
        self.facts = TargetFacts("fills", "fill", "cpu", "test")
        self.known_tokens = known
        self.table = torch.randn(KNOWN, known, generator=torch.Generator().manual_seed(seed))
        self.asked: list[list[int]] = []

    def place_logits(self, requests: list[list[int]], places: list[list[int]]) -> list[Any]:
        self.asked += requests
        return [self.table[torch.tensor(ids)[at]] for ids, at in zip(requests, places, strict=True)]


def covered(*texts: tuple[list[int], list[int], list[int]]) -> list[Any]:
    return [
        fillers.Covered(ids, places, tokens, Sample(f"text {at}")) for at, (ids, places, tokens) in enumerate(texts)
    ]


TEXTS = covered(([1, 2, 3, 4], [1, 3], [5, 6]), ([7, 8], [0], [9]), ([1, 1, 1, 1, 1, 2], [0, 4, 5], [3, 2, 11]))


def test_figures_are_those_of_the_definition() -> None:
    one, other = Fills(1), Fills(2)
    found = fillers.compared(one, other, TEXTS, 2)
    nats, divergence, same = [0.0, 0.0], 0.0, 0
    for text in TEXTS:
        for at, token in zip(text.places, text.tokens, strict=True):
            p, q = (model.table[text.ids[at]].double().softmax(0).tolist() for model in (one, other))
            nats = [nats[0] - math.log(p[token]), nats[1] - math.log(q[token])]
            divergence += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
            same += p.index(max(p)) == q.index(max(q))
    assert (found.task, found.inputs, found.tokens, found.drop_metric) == ("fill", 3, 6, "perplexity gained")
    assert found.perplexity_before == pytest.approx(math.exp(nats[0] / 6))
    assert found.perplexity_after == pytest.approx(math.exp(nats[1] / 6))
    assert found.drop == pytest.approx(math.exp((nats[1] - nats[0]) / 6) - 1)
    assert found.kl_nats == pytest.approx(divergence / 6, abs=1e-6)
    assert found.top1_agreement == same / 6
    assert found.drop_low < found.drop < found.drop_high


def test_a_model_equals_itself() -> None:
    found = fillers.compared(Fills(1), Fills(1), TEXTS, 1)
    assert (found.drop, found.drop_low, found.drop_high, found.kl_nats, found.top1_agreement) == (0, 0, 0, 0, 1)


def test_texts_without_a_covered_token_are_left_out_and_told() -> None:
    model = Fills(1)
    found = fillers.compared(model, Fills(2), [*TEXTS, *covered(([1, 2], [], []))], 8)
    assert found.inputs == 3
    assert found.warnings[0] == "1 text too short to cover a token: left out"
    assert [1, 2] not in model.asked
    with pytest.raises(InputError, match="1 text with a covered token: at least 2 are needed"):
        fillers.compared(model, Fills(2), covered(([1], [0], [1]), ([1], [], [])), 8)


def test_of_tokens_that_only_one_model_knows_nothing_is_said() -> None:
    one, wide = Fills(1), Fills(1, KNOWN + 4)
    wide.table[:, :KNOWN] = one.table
    assert fillers.compared(one, wide, TEXTS, 8).drop == pytest.approx(0, abs=1e-6)


def test_an_answer_that_is_not_finite_names_its_text() -> None:
    broken = Fills(2)
    broken.table[7] = math.nan
    with pytest.raises(InputError, match="what it computes for the text 'text 1' is not finite"):
        fillers.compared(Fills(1), broken, TEXTS, 8)
