"""Neighbours, ranks and cosines are those of slow loops, in whatever blocks; ties and collapsed models are seen."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.extras import library

torch = library("torch", "semantic")
vectors: Any = importlib.import_module("llmopt.models.quality.vectors")

Rows = list[list[float]]


def unit(rows: Any) -> Any:
    return torch.nn.functional.normalize(rows, dim=1)


def made(texts: int, size: int, noise: float, seed: int = 0) -> tuple[Any, Any]:
    torch.manual_seed(seed)
    before = unit(torch.randn(texts, size))
    return before, unit(before + noise * torch.randn(texts, size))


def similarities(rows: Any) -> Rows:
    listed = rows.double().tolist()
    return [[math.fsum(map(float.__mul__, one, other)) for other in listed] for one in listed]


def ranks(values: list[float]) -> list[float]:
    return [sum(other < one for other in values) + (values.count(one) + 1) / 2 for one in values]


def pearson(one: list[float], other: list[float]) -> float:
    middles = [math.fsum(values) / len(values) for values in (one, other)]
    left, right = ([value - middle for value in values] for values, middle in zip((one, other), middles, strict=True))
    return math.fsum(map(float.__mul__, left, right)) / math.sqrt(
        math.fsum(x * x for x in left) * math.fsum(x * x for x in right)
    )


def slow(before: Any, after: Any) -> tuple[int, float, float]:
    """Return kept neighbours, share of the k nearest that is kept, and the mean rank correlation."""
    mine, theirs = similarities(before), similarities(after)
    texts = len(mine)
    k = min(10, texts - 1)
    kept, overlap, correlation = 0, 0, 0.0
    for at in range(texts):
        others = [other for other in range(texts) if other != at]
        near, far = (sorted(others, key=lambda o: -rows[at][o])[:k] for rows in (mine, theirs))
        kept += near[0] == far[0]
        overlap += len({*near} & {*far})
        correlation += pearson(*(ranks([rows[at][o] for o in others]) for rows in (mine, theirs)))
    return kept, overlap / (texts * k), correlation / texts


@pytest.mark.parametrize("block", [2_000_000, 100, 1])
@pytest.mark.parametrize(("texts", "size", "noise"), [(3, 4, 0.5), (7, 3, 0.3), (40, 8, 0.1), (61, 16, 0.05)])
def test_it_says_what_slow_loops_say(
    monkeypatch: pytest.MonkeyPatch, block: int, texts: int, size: int, noise: float
) -> None:
    monkeypatch.setattr(vectors, "_BLOCK", block)
    before, after = made(texts, size, noise)
    found = vectors.alike(before, after)
    kept, topk, correlation = slow(before, after)
    assert (found.texts, found.unchanged, found.k) == (texts, kept, min(10, texts - 1))
    assert found.topk == pytest.approx(topk)
    assert found.rank_correlation == pytest.approx(correlation, abs=1e-5)
    mine = similarities(before)
    pairs = [mine[one][other] for one in range(texts) for other in range(one)]
    assert found.crowding == pytest.approx(math.fsum(pairs) / len(pairs), abs=1e-6)
    cosines = sorted(math.fsum(map(float.__mul__, *pair)) for pair in zip(before.tolist(), after.tolist(), strict=True))
    assert found.cosine == pytest.approx(math.fsum(cosines) / texts, abs=1e-6)
    assert found.cosine_p5 == pytest.approx(cosines[int(0.05 * texts)], abs=1e-6)


def test_the_same_vectors_are_alike_in_every_way() -> None:
    before, _ = made(50, 8, 0)
    found = vectors.alike(before, before * 3)
    assert (found.unchanged, found.topk, found.undecided) == (50, 1, 0)
    assert (found.rank_correlation, found.cosine) == (pytest.approx(1), pytest.approx(1))


def test_turned_vectors_have_other_cosines_and_the_same_neighbours() -> None:
    before, _ = made(50, 8, 0)
    turned = before @ torch.linalg.qr(torch.randn(8, 8))[0]
    found = vectors.alike(before, turned)
    assert (found.unchanged, found.topk) == (50, 1)
    assert found.cosine < 0.9


def test_sizes_may_differ() -> None:
    before, after = made(30, 8, 0)
    found = vectors.alike(before, torch.cat([after, torch.zeros(30, 5)], dim=1))
    assert (found.cosine, found.cosine_p5) == (None, None)
    assert (found.unchanged, found.topk, found.rank_correlation) == (30, 1, pytest.approx(1))


def test_neighbours_that_the_reference_does_not_tell_apart_may_change_places() -> None:
    before = unit(torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.8, -0.6], [-1.0, 0.1]]))
    after = unit(torch.tensor([[1.0, 0.0], [0.8, 0.61], [0.8, -0.6], [-1.0, 0.1]]))
    found = vectors.alike(before, after)
    assert (found.unchanged, found.undecided) == (4, 1)
    assert vectors.alike(after, before).unchanged == 3


@pytest.mark.parametrize("noise", [0.0, 1e-8])
def test_a_model_that_puts_all_texts_at_one_place_keeps_no_neighbour(noise: float) -> None:
    before, _ = made(40, 8, 0)
    found = vectors.alike(before, torch.ones(40, 8) + noise * torch.randn(40, 8))
    assert found.unchanged == 0
    assert abs(found.rank_correlation) < 0.2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=4, max_size=12))
def test_ranks_of_ties_are_the_mean_of_theirs(rows: list[list[int]]) -> None:
    block, other = (torch.tensor(half, dtype=torch.float32) for half in (rows[::2], rows[1::2] or rows[::2]))
    height = min(len(block), len(other))
    pair = [part[:height].clone() for part in (block, other)]
    for part in pair:
        part[:, 2] = -torch.inf
    found = vectors.rank_correlations(*pair).tolist()
    for row in range(height):
        one, second = (part[row, [0, 1, 3, 4, 5]].tolist() for part in pair)
        flat = len(set(one)) == 1 or len(set(second)) == 1
        assert found[row] == pytest.approx(0 if flat else pearson(ranks(one), ranks(second)), abs=1e-6)


def test_of_many_texts_some_are_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = made(300, 8, 0.1)
    whole = vectors.alike(before, after)
    monkeypatch.setattr(vectors, "MOST_RANKED", 60)
    monkeypatch.setattr(vectors, "_BLOCK", 7 * 300)
    part = vectors.alike(before, after)
    assert part.rank_correlation == pytest.approx(whole.rank_correlation, abs=0.05)
    assert part.rank_correlation != whole.rank_correlation
    assert (part.unchanged, part.topk) == (whole.unchanged, whole.topk)
