"""Layers are kept by what they cost in quality for the work they do."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.models.auto.values import a_quality
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.sensitivity import (  # noqa: E402
    Sensitivity,
    answer_error,
    order,
    remaining,
    sensitivities,
)

layers = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**6)), max_size=30).map(
    lambda rows: [Sensitivity(f"layer {at}", error, work) for at, (error, work) in enumerate(rows)]
)


def test_the_most_error_for_the_work_comes_first() -> None:
    found = [Sensitivity("small", 0.1, 100), Sensitivity("large", 0.2, 400), Sensitivity("bad", 0.9, 400)]
    assert order(found) == ("bad", "small", "large")
    left = remaining(found)
    assert [round(share, 3) for share in left] == [1, 0.25, 0.167, 0]


def test_a_layer_does_not_move_shares_so_errors_are_continuous() -> None:
    assert answer_error(a_quality(0.0, cosine=0.999)) == 1 - 0.999
    assert answer_error(a_quality(0.0, cosine=1.0000001)) == 0
    assert answer_error(a_quality(0.0, task="classify", score_error=0.1)) == 0.1**2
    assert answer_error(a_quality(0.0, task="generate", kl_nats=0.3)) == 0.3
    assert answer_error(a_quality(-0.1, task="generate")) == 0


def test_each_layer_is_measured_alone() -> None:
    cosines = {"a": 0.9, "b": 0.99}
    found = sensitivities([("a", 3), ("b", 5)], lambda name: a_quality(cosine=cosines[name]))
    assert [(layer.name, round(layer.error, 6), layer.work) for layer in found] == [("a", 0.1, 3), ("b", 0.01, 5)]


def test_layers_that_there_is_no_time_for_count_as_exact() -> None:
    left = iter([True, False])
    works = [("a", 1), ("b", 1), ("c", 1)]
    found = sensitivities(works, lambda name: a_quality(cosine=0.9), lambda: next(left))
    assert [round(layer.error, 3) for layer in found] == [0.1, 0, 0]
    assert order(found)[0] == "a"


@given(layers)
def test_all_layers_are_ordered_and_the_rest_falls_to_nothing(found: list[Sensitivity]) -> None:
    assert sorted(order(found)) == sorted(layer.name for layer in found)
    left = remaining(found)
    assert len(left) == len(found) + 1
    assert all(one >= other for one, other in pairwise(left))
    assert left[0] == 1 if found else left == (1.0,)
    assert not found or left[-1] == 0
