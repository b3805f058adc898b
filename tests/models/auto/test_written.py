"""The last comparison is of the result, what runs today and the strongest FP32, each measured once."""

from __future__ import annotations

import pytest

from llmopt.models.auto.written import ROUNDS, final_speedup
from tests.models.extras import library

library("torch", "semantic")

from tests.models.auto.fakes import Fake, taking  # noqa: E402

REQUESTS = [[1, 2, 3], [1, 2]]


def test_both_baselines_are_told() -> None:
    result, base, strongest = Fake(0.25), Fake(1.0), Fake(0.5)
    found = final_speedup(result, ("torch", base), ("fast", strongest), REQUESTS, threads=2, times=taking)
    assert (found.value, found.low, found.high) == pytest.approx((4, 4, 4))
    assert (found.base, found.strongest) == ("torch", "fast")
    assert found.against_strongest.value == pytest.approx(2)
    assert (found.latency_p50_s, found.base_latency_p50_s) == (0.25, 1.0)
    assert (found.batch_size, found.seq_len, found.threads, found.rounds) == (2, 3, 2, ROUNDS)


def test_where_nothing_is_stronger_both_are_the_same() -> None:
    result, base = Fake(0.5), Fake(1.0)
    found = final_speedup(result, ("torch", base), ("torch", base), REQUESTS, threads=1, times=taking)
    assert found.value == found.against_strongest.value == pytest.approx(2)


def test_a_model_is_as_fast_as_itself() -> None:
    base = Fake(1.0)
    found = final_speedup(base, ("torch", base), ("torch", base), REQUESTS, threads=1, times=taking)
    assert (found.value, found.against_strongest.value, found.latency_p50_s) == (1, 1, 1)
