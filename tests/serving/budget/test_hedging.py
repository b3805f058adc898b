"""A second attempt after a quantile: when it starts, which answer wins, and that it cannot run away."""

from __future__ import annotations

import asyncio
import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.budget import LatencyBudget, Outcome, StageFailed
from llmopt.serving.budget.history import LEAST, History
from tests.serving.virtual import near, run


class Server:
    """Answers after the next of its times; an error where that is negative."""

    def __init__(self, *times_s: float) -> None:
        self.times_s = deque(times_s)
        self.calls = 0
        self.cancelled = 0

    async def __call__(self) -> int:
        self.calls += 1
        own = self.calls
        time_s = self.times_s.popleft()
        try:
            await asyncio.sleep(abs(time_s))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if time_s < 0:
            raise ValueError(f"call {own}")
        return own


def hedged(server: Server, *, history: int = 256, quantile: float = 0.95) -> LatencyBudget:
    budget = LatencyBudget(10.0, history=history)
    budget.stage(name="ask", hedge=quantile)(server)
    return budget


async def several(budget: LatencyBudget, times: int) -> list[Outcome]:
    return [await budget.run() for _ in range(times)]


def test_a_slow_attempt_is_hedged_and_the_first_answer_wins() -> None:
    server = Server(*[0.1] * LEAST, 5.0, 0.2)
    last = run(several(hedged(server), LEAST + 1))[-1]
    assert (last.value, last.took_s) == (LEAST + 2, near(0.3))
    assert (last.report["ask"].attempts, last.report["ask"].hedged) == (2, True)
    assert (server.calls, server.cancelled) == (LEAST + 2, 1)


def test_the_first_attempt_may_still_win() -> None:
    server = Server(*[0.1] * LEAST, 0.15, 5.0)
    last = run(several(hedged(server), LEAST + 1))[-1]
    assert (last.value, last.took_s, server.cancelled) == (LEAST + 1, near(0.15), 1)


def test_nothing_is_hedged_before_enough_was_seen() -> None:
    server = Server(*[0.1] * (LEAST - 1), 5.0)
    last = run(several(hedged(server), LEAST))[-1]
    assert (last.report["ask"].attempts, last.took_s) == (1, near(5))


def test_an_attempt_that_fails_leaves_the_other_one() -> None:
    server = Server(*[0.1] * LEAST, -0.2, 0.5)
    last = run(several(hedged(server), LEAST + 1))[-1]
    assert (last.value, last.took_s) == (LEAST + 2, near(0.6))


def test_both_attempts_may_fail() -> None:
    server = Server(*[0.1] * LEAST, -0.2, -0.5)
    with pytest.raises(StageFailed, match=f"call {LEAST + 1}"):
        run(several(hedged(server), LEAST + 1))


def test_an_early_failure_is_not_tried_again() -> None:
    server = Server(*[0.1] * LEAST, -0.05)
    with pytest.raises(StageFailed):
        run(several(hedged(server), LEAST + 1))
    assert server.calls == LEAST + 1


def test_a_time_out_cancels_both() -> None:
    server = Server(*[0.1] * LEAST, 99.0, 99.0)
    with pytest.raises(TimeoutError):
        run(several(hedged(server), LEAST + 1))
    assert server.cancelled == 2


def test_hedging_stays_within_its_share_when_everything_is_slow() -> None:
    server = Server(*[0.1] * 100, *[1.0] * 1000)
    done = run(several(hedged(server, history=100), 200))
    assert sum(each.report["ask"].hedged for each in done) <= 2 * 0.05 * 100 + 1


def test_runs_that_become_slow_together_are_not_all_hedged() -> None:
    server = Server(*[0.1] * 256, *[5.0] * 2000)
    budget = hedged(server)

    async def main() -> int:
        await several(budget, 256)
        done = await asyncio.gather(*(budget.run() for _ in range(1000)))
        return sum(each.report["ask"].hedged for each in done)

    assert 0 < run(main()) <= 2 * 0.05 * 256


def test_hedges_do_not_pull_the_quantile_down() -> None:
    rng = random.Random(0)
    server = Server(*(rng.expovariate(10) for _ in range(6000)))
    done = run(several(hedged(server), 4000))[1000:]
    share = sum(each.report["ask"].hedged for each in done) / len(done)
    assert 0.02 < share < 0.08


@given(st.lists(st.floats(0, 10), max_size=60), st.floats(0.5, 0.99), st.integers(1, 50))
def test_the_threshold_is_a_time_that_was_seen(times_s: list[float], quantile: float, length: int) -> None:
    history = History(quantile, length)
    assert not history.pay(), "nothing was saved"
    for each in times_s:
        history.add(each)
    kept, after_s = times_s[-length:], history.hedge_after_s()
    if len(kept) < LEAST:
        assert after_s is None
    else:
        assert after_s in kept
        assert sum(each <= after_s for each in kept) >= quantile * len(kept) - 1e-6
