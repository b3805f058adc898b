"""The policy: within its limits, nobody starves, everyone once, the same again."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.batching.forming import chosen, full, window
from llmopt.serving.batching.settings import BatchSettings

LENGTHS = st.lists(st.integers(1, 600), min_size=1, max_size=200)
SETTINGS = st.builds(
    BatchSettings,
    max_batch_size=st.integers(1, 64),
    max_batch_tokens=st.none() | st.integers(1, 4096),
)


@given(LENGTHS, SETTINGS)
def test_a_batch_keeps_its_limits_and_holds_the_oldest(lengths: list[int], settings: BatchSettings) -> None:
    batch = chosen(lengths, settings)
    assert batch[0] == 0
    assert all(a < b for a, b in pairwise(batch))
    assert len(batch) <= settings.max_batch_size
    if settings.max_batch_tokens is not None and len(batch) > 1:
        assert len(batch) * max(lengths[i] for i in batch) <= settings.max_batch_tokens


@given(LENGTHS, SETTINGS)
def test_it_decides_the_same_again_and_by_the_window_alone(lengths: list[int], settings: BatchSettings) -> None:
    assert chosen(lengths, settings) == chosen(tuple(lengths), settings)
    assert chosen(lengths, settings) == chosen(lengths[: window(settings)], settings)


@given(LENGTHS, SETTINGS)
def test_every_request_runs_once_and_before_as_many_batches_as_were_ahead(
    lengths: list[int], settings: BatchSettings
) -> None:
    queue = list(range(len(lengths)))
    ran: list[int] = []
    batches = 0
    while queue:
        positions = set(chosen([lengths[i] for i in queue], settings))
        batch = [i for position, i in enumerate(queue) if position in positions]
        queue = [i for position, i in enumerate(queue) if position not in positions]
        assert all(i >= batches for i in batch)  # so many were ahead of it, one a batch at least
        ran += batch
        batches += 1
    assert sorted(ran) == list(range(len(lengths)))


@given(st.integers(1, 50), st.integers(1, 100), SETTINGS)
def test_equal_lengths_run_in_order(length: int, count: int, settings: BatchSettings) -> None:
    batch = chosen([length] * count, settings)
    assert batch == list(range(len(batch)))


def test_without_a_budget_the_oldest_run_whatever_their_length() -> None:
    assert chosen([5, 500, 1], BatchSettings(2)) == [0, 1]
    assert chosen([], BatchSettings(2)) == []
    assert chosen([], BatchSettings(2, 0.0, 100)) == []


def test_a_few_of_about_one_length_run_together() -> None:
    assert chosen([40, 50, 45, 60], BatchSettings(32, 0.0, 1024)) == [0, 1, 2, 3]


def test_a_short_one_does_not_run_with_one_that_is_many_times_as_long() -> None:
    assert chosen([400, 10], BatchSettings(32, 0.0, 1024)) == [0]
    assert chosen([10, 400, 12, 11], BatchSettings(32, 0.0, 1024)) == [0, 2, 3]


def test_one_above_the_budget_runs_alone() -> None:
    assert chosen([2000, 1, 1999], BatchSettings(32, 0.0, 1024)) == [0]


def test_lengths_of_zero_do_no_harm() -> None:
    assert 0 in chosen([0, 0, 3], BatchSettings(32, 0.0, 4))


def saturated(lengths: list[int], settings: BatchSettings, callers: int) -> float:
    """Return padded tokens per useful token where so many callers each wait for an answer before they ask again."""
    queue, rest = lengths[:callers], lengths[callers:]
    padded = 0
    while queue:
        batch = chosen(queue, settings)
        padded += len(batch) * max(queue[i] for i in batch)
        taken = set(batch)
        queue = [length for i, length in enumerate(queue) if i not in taken] + rest[: len(batch)]
        del rest[: len(batch)]
    return padded / sum(lengths)


@pytest.mark.parametrize("callers", [64, 256])
@pytest.mark.parametrize("kind", ["log-normal", "uniform", "two lengths"])
def test_padding_stays_low_on_mixed_lengths(kind: str, callers: int) -> None:
    draw = random.Random(5)
    lengths = {
        "log-normal": [min(512, max(1, round(draw.lognormvariate(3.6, 1.0)))) for _ in range(2000)],
        "uniform": [draw.randint(1, 512) for _ in range(2000)],
        "two lengths": [draw.randint(8, 24) if draw.random() < 0.8 else draw.randint(200, 400) for _ in range(2000)],
    }[kind]
    assert saturated(lengths, BatchSettings(32, 0.0, 1024), callers) <= 1.2
    assert saturated(lengths, BatchSettings(32), callers) > 1.8


@given(LENGTHS, SETTINGS)
def test_full_means_that_one_more_would_not_fit(lengths: list[int], settings: BatchSettings) -> None:
    if full(lengths, settings):
        more = [*lengths, 1]
        assert len(chosen(more, settings)) < len(more)


def test_it_is_not_full_while_there_is_room() -> None:
    assert not full([], BatchSettings(2))
    assert not full([9], BatchSettings(2))
    assert full([9, 9], BatchSettings(2))
    assert not full([9], BatchSettings(4, 0.0, 18))
    assert full([9], BatchSettings(4, 0.0, 17))
