"""Arrivals: at random at a rate, or as a log has them; lengths with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from llmopt.bench.arrivals import Workload, poisson, replayed, workload
from llmopt.cost.result import Rejected
from llmopt.cost.traffic import Request, Traffic
from llmopt.errors import InputError, UsageError

START = datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)


def log(*requests: tuple[float | None, int | None], aggregated: int = 0) -> Traffic:
    """Return the traffic of (seconds, input tokens)."""
    found = tuple(
        Request(None if at is None else START + timedelta(seconds=at), tokens, 1, "m") for at, tokens in requests
    )
    untimed = sum(at is None for at, _ in requests)
    without = sum(tokens is None for _, tokens in requests)
    return Traffic(found, ("app.jsonl",), untimed, without, aggregated, 0, 0, 0, ())


def test_poisson_arrivals_have_exponential_gaps_and_the_rate() -> None:
    times = poisson(50.0, 20_000, seed=1)
    gaps = np.diff(times)
    assert (gaps >= 0).all()
    assert float(gaps.mean()) == pytest.approx(1 / 50, rel=0.03)
    assert float(gaps.std()) == pytest.approx(1 / 50, rel=0.05)
    assert times.tolist() == poisson(50.0, 20_000, seed=1).tolist()
    assert times.tolist() != poisson(50.0, 20_000, seed=2).tolist()


def test_a_replayed_log_keeps_its_pattern_at_any_rate() -> None:
    assert replayed([7.0, 5.0, 9.0]).tolist() == [0.0, 2.0, 4.0]
    assert replayed([5.0, 7.0, 9.0], rate_per_s=2.0).tolist() == [0.0, 0.5, 1.0]
    assert replayed([5.0, 5.0], rate_per_s=2.0).tolist() == [0.0, 0.0]


def test_a_short_log_is_repeated_end_to_end() -> None:
    expected = Workload((10, 20, 30), pattern_s=(0.0, 1.0, 4.0), paired=True)
    arrivals, lengths = expected.drawn(7)
    assert lengths.tolist() == [10, 20, 30, 10, 20, 30, 10]
    assert arrivals.tolist() == pytest.approx([0.0, 0.5, 2.0, 3.0, 3.5, 5.0, 6.0])


def test_another_seed_starts_elsewhere_in_the_log() -> None:
    expected = Workload(tuple(range(1, 101)), pattern_s=tuple(float(n) for n in range(100)), paired=True)
    starts = {int(expected.drawn(5, seed)[1][0]) for seed in range(20)}
    assert len(starts) > 10
    arrivals, lengths = expected.drawn(150, seed=4)
    assert arrivals[0] == 0
    assert (np.diff(arrivals) > 0).all()
    assert set(lengths.tolist()) == set(range(1, 101))


def test_lengths_are_drawn_as_often_as_they_are_there() -> None:
    _, lengths = Workload((10, 10, 10, 500)).drawn(8_000, seed=5)
    assert float((lengths == 500).mean()) == pytest.approx(0.25, abs=0.02)
    assert Workload((10, 500)).mean_tokens == 255
    assert Workload((64, 64)).same_length
    assert not Workload((64, 65)).same_length


def test_the_log_gives_rate_pattern_and_lengths() -> None:
    found = workload(seq_len=9, arrivals=log((0.0, 100), (0.5, 200), (2.0, 300)))
    assert found.pattern_s == pytest.approx((0.0, 0.5, 2.0))
    assert found.rate_per_s == pytest.approx(1.0)
    assert (found.lengths, found.paired) == ((100, 200, 300), True)
    assert found.notes == ()


def test_the_users_rate_and_lengths_come_first() -> None:
    found = workload(arrivals=log((0.0, 100), (2.0, 300)), lengths=log((None, 7), (None, 8)), rate_per_s=40.0)
    assert (found.rate_per_s, found.lengths, found.paired) == (40.0, (7, 8), False)


def test_without_logs_all_requests_are_alike() -> None:
    found = workload(seq_len=128, rate_per_s=3.0)
    assert (found.lengths, found.rate_per_s, found.pattern_s) == ((128,), 3.0, ())


def test_a_log_without_tokens_leaves_the_lengths_to_the_sweep() -> None:
    found = workload(seq_len=32, arrivals=log((0.0, None), (2.0, 300)))
    assert (found.lengths, found.paired) == ((32,), False)


def test_what_is_left_out_is_said() -> None:
    found = workload(arrivals=log((0.0, 5), (2.0, 5), (None, 5), aggregated=2), lengths=log((0.0, 5), (0.0, None)))
    assert found.notes == (
        "app.jsonl: without a time, left out: 1 request",
        "app.jsonl: sums of many, left out: 2 requests",
        "app.jsonl: without input tokens, left out: 1 request",
    )


def test_longer_requests_are_cut_to_what_the_model_takes() -> None:
    found = workload(lengths=log((0.0, 900), (0.0, 10), (0.0, 600)), max_tokens=512)
    assert found.lengths == (512, 10, 512)
    assert found.notes == ("longer than the 512 tokens that the model takes, cut to them: 2 requests",)


def test_times_in_whole_seconds_are_spread_within_them() -> None:
    whole = replace(log(*((float(n // 10), 5) for n in range(100))))
    moved = tuple(replace(request, at=(request.at or START).replace(microsecond=0)) for request in whole.requests)
    found = workload(arrivals=replace(whole, requests=moved))
    assert len(set(found.pattern_s)) == 100
    assert found.pattern_s[-1] < 10
    assert "whole seconds" in found.notes[0]


@pytest.mark.parametrize(
    ("traffic", "reason"),
    [
        (log((None, 5), (None, 6)), "none of its requests has a time"),
        (log((1.0, 5)), "one of its requests has a time"),
        (log((1.0, 5), (1.0, 5)), "all of its requests have the same time"),
    ],
)
def test_a_log_without_times_cannot_be_replayed(traffic: Traffic, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        workload(arrivals=traffic)
    assert "--arrivals" in caught.value.hint


def test_a_log_without_tokens_has_no_lengths() -> None:
    with pytest.raises(InputError, match="no request has a count of input tokens") as caught:
        workload(lengths=log((1.0, None), (2.0, 0)))
    assert "--lengths" in caught.value.hint


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_is_above_0(rate: float) -> None:
    with pytest.raises(UsageError, match="more than 0"):
        workload(seq_len=1, rate_per_s=rate)


def test_lines_that_cannot_be_read_are_told_once() -> None:
    damaged = replace(log((0.0, 5), (2.0, 5)), rejected=(Rejected("not JSON", 3, "app.jsonl:2"),))
    found = workload(arrivals=damaged, lengths=damaged)
    assert found.notes == ("app.jsonl: not readable, left out: 3 lines",)
