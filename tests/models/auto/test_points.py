"""A drop is held against a gate with caution; the frontier holds what nothing beats; the fastest within is chosen."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.auto.points import Drop, Point, drop_of, fastest_within, least_drop, on_frontier
from tests.models.auto.values import a_quality

drops = st.none() | st.builds(Drop, st.floats(0, 1), st.floats(0, 0.1), st.sampled_from([0, 30, 700]))
many = st.lists(st.builds(Point, st.just(0), st.integers(0, 9), st.floats(0.1, 9), drops), max_size=20)


def point(speed: float, drop: float | None) -> Point:
    return Point(0, 0, speed, None if drop is None else Drop(drop))


def test_float32_needs_no_caution() -> None:
    assert drop_of(a_quality(0.0, width=0.01), "float32") == Drop(0.0)
    assert Drop(0.02).within(0.02)
    assert not Drop(0.021).within(0.02)


def test_no_change_among_few_texts_is_no_proof() -> None:
    few, enough = (drop_of(a_quality(0.0, inputs=inputs)) for inputs in (30, 100))
    assert not few.within(0.02)
    assert enough.within(0.02)


def test_of_700_texts_half_of_what_the_gate_allows_is_safe_and_most_of_it_is_not() -> None:
    """Fourteen are allowed: the same number is seen again or more in half of all cases."""
    assert drop_of(a_quality(6 / 700, inputs=700)).within(0.02)
    assert not drop_of(a_quality(11 / 700, inputs=700)).within(0.02)
    assert not drop_of(a_quality(14 / 700, inputs=700)).within(0.02)
    assert drop_of(a_quality(11 / 700, inputs=700), "bfloat16").within(0.02)
    assert not drop_of(a_quality(14 / 700, inputs=700), "bfloat16").within(0.02)


def test_other_drops_are_held_with_their_standard_error() -> None:
    ratio = a_quality(0.0, width=0.01, task="generate")
    assert drop_of(ratio).within(0.0119)
    assert not drop_of(ratio).within(0.0118)
    labelled = a_quality(0.0, width=0.01, task="classify", accuracy_before=0.9)
    assert not drop_of(labelled).texts
    assert drop_of(replace(labelled, accuracy_before=None)).texts == 500


def test_language_models_are_seen_by_the_token() -> None:
    quality = a_quality(0.0, task="generate", inputs=10)
    assert drop_of(quality).within(0.02)
    assert not drop_of(replace(quality, tokens=30)).within(0.02)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2_000), st.floats(0, 1))
def test_what_is_within_a_gate_is_within_a_wider_one(value: float, error: float, texts: int, gate: float) -> None:
    drop = Drop(value, error, texts)
    assert not drop.within(gate) or drop.within(min(gate + 0.1, 1.0))
    assert not drop.within(gate) or value <= gate
    assert drop.less(0.5).value == value / 2


def test_as_many_other_texts_are_within_the_gate_too() -> None:
    """Worlds of twenty variants, the faster the worse, on both sides of the gate: the fastest that passes is taken.

    The same texts decide over all of them, and nearly the same texts change with each, so luck is shared.
    """
    rng = random.Random(6)
    held = taken = lost = 0
    for _ in range(400):
        texts, gate = rng.choice([150, 400, 750]), rng.choice([0.02, 0.05])
        rates = sorted(rng.uniform(0, 2.5 * gate) for _ in range(20))
        choosing, held_out = ([rng.random() for _ in range(texts)] for _ in range(2))
        passing = [
            rate for rate in rates if Drop(sum(luck < rate for luck in choosing) / texts, texts=texts).within(gate)
        ]
        if passing:
            taken += 1
            held += sum(luck < passing[-1] for luck in held_out) <= gate * texts
            lost += passing[-1] < gate / 5
    assert taken >= 360
    assert held >= 0.93 * taken
    assert lost < 0.25 * taken, "caution may not end in variants that hardly lose anything"


def test_the_frontier_by_hand() -> None:
    points = [point(1, 0), point(2, 0.01), point(1.5, 0.02), point(3, 0.4), point(2, 0.01), point(9, None)]
    assert on_frontier(points) == (True, True, False, True, True, False)


@given(many)
def test_whatever_is_not_on_the_frontier_is_beaten_by_what_is(points: list[Point]) -> None:
    flags = on_frontier(points)
    front = [one for one, flag in zip(points, flags, strict=True) if flag]
    for one, flag in zip(points, flags, strict=True):
        if flag or one.drop is None:
            continue
        assert any(
            other.drop is not None and other.speed >= one.speed and other.drop.value <= one.drop.value
            for other in front
        )


@given(many, st.floats(0, 1))
def test_the_choice_is_the_fastest_within_the_gate(points: list[Point], gate: float) -> None:
    at = fastest_within(points, gate)
    passing = [one.speed for one in points if one.drop is not None and one.drop.within(gate)]
    assert (points[at].speed if at is not None else None) == max(passing, default=None)


@given(many)
def test_the_least_drop_is_that_of_the_fastest_of_equals(points: list[Point]) -> None:
    at = least_drop(points)
    known = [(one.drop.value, -one.speed) for one in points if one.drop is not None]
    if at is None:
        assert not known
        return
    drop = points[at].drop
    assert drop is not None
    assert (drop.value, -points[at].speed) == min(known)
