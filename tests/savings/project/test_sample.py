"""The sample is of the keys, and not of the order in which they come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.sample import Bounds, Sample


def numbers(keys: list[int], bounds: Bounds, seed: int = 0, size: int = 10) -> list[int]:
    sample = Sample(bounds, seed)
    for key in keys:
        sample.see(b"%d" % key, key, "gpt-4o", {"prompt": "x" * (key % size)})
    assert len(sample) == len(sample.by_rank())
    return [item.number for item in sample.by_rank()]


@given(st.integers(0, 60), st.integers(1, 40), st.integers(30, 900), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(count: int, most: int, most_bytes: int, rng: random.Random) -> None:
    keys = list(range(count))
    bounds = Bounds(most, most_bytes)
    first = numbers(keys, bounds)
    rng.shuffle(keys)
    assert numbers(keys, bounds) == first
    assert len(first) <= most


@given(st.integers(1, 60), st.integers(1, 2000))
def test_a_bound_of_bytes_keeps_the_lowest_ranks_until_it_is_reached(count: int, most_bytes: int) -> None:
    keys = list(range(count))
    everything = numbers(keys, Bounds(count, 10**9))
    kept = numbers(keys, Bounds(count, most_bytes))
    assert kept == everything[: len(kept)]
    sizes = [len('{"prompt": ""}') + number % 10 for number in kept]
    assert sum(sizes) >= most_bytes or kept == everything
    assert sum(sizes[:-1]) < most_bytes


def test_another_seed_is_another_sample() -> None:
    keys = list(range(500))
    assert numbers(keys, Bounds(50, 10**9), 1) != numbers(keys, Bounds(50, 10**9), 2)
    assert numbers(keys, Bounds(50, 10**9), -1) != numbers(keys, Bounds(50, 10**9), 1)


def test_a_sample_is_fair() -> None:
    found = [number for seed in range(200) for number in numbers(list(range(20)), Bounds(5, 10**9), seed)]
    assert all(25 < found.count(number) < 80 for number in range(20))  # 50 expected


@pytest.mark.parametrize("text", ["xin chào", "\ud800", "\U0001f600", "a\x00b"])
def test_bodies_come_back_as_they_were(text: str) -> None:
    sample = Sample(Bounds(1, 10), 0)
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0.5, "n": None}
    sample.see(b"key", 3, None, body)
    (item,) = sample.by_rank()
    assert item.body == body
    assert item.number == 3
    assert item.model is None


def test_what_is_no_json_is_left_out() -> None:
    sample = Sample(Bounds(5, 1000), 0)
    sample.see(b"key", 0, None, {"prompt": {(1, 2): 3}})
    assert sample.by_rank() == []
