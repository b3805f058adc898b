"""The interval of a speed-up, and what holds against the bounds of a user."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.comparing.checks import failures, unsure
from llmopt.bench.comparing.ratios import PROCESS_ERROR, widened
from llmopt.bench.comparing.result import Memory, ModelResult
from llmopt.core.ratio import Ratio
from llmopt.core.target import TargetFacts
from tests.bench.comparing.contenders import quality


def model(
    name: str = "m", drop: float | None = None, speedup: float | None = 2.0, *, base: bool = False
) -> ModelResult:
    low, high = (None, None) if speedup is None else (speedup - 0.1, speedup + 0.1)
    return ModelResult(
        name="m",
        is_base=base,
        facts=TargetFacts("m", "embed", "cpu", "A CPU"),
        latency_p50_s=0.1,
        latency_p95_s=None,
        throughput_per_s=10.0,
        tokens_per_s=None,
        size_bytes=None,
        peak_memory_bytes=None,
        speedup=speedup,
        speedup_low=low,
        speedup_high=high,
        memory=Memory(None, None, None, None),
        shapes=(),
        quality=None if drop is None else quality(drop),
        reason="too large" if speedup is None else "",
    )


def test_the_base_is_held_against_nothing() -> None:
    assert failures([model(base=True, speedup=1.0)], 3.0, 0.0) == ()
    assert unsure([model(base=True, speedup=1.0)], 1.05) == ()


@pytest.mark.parametrize(
    ("least", "fails", "doubtful"), [(1.5, 0, 0), (1.95, 0, 1), (2.0, 0, 1), (2.05, 1, 1), (3, 1, 0)]
)
def test_the_point_counts_and_a_bound_inside_the_interval_is_told(least: float, fails: int, doubtful: int) -> None:
    assert len(failures([model()], least, None)) == fails
    assert len(unsure([model()], least)) == doubtful


@pytest.mark.parametrize(("most", "fails"), [(0.1, 0), (0.04, 0), (0.03, 0), (0.02, 1), (0.0, 1)])
def test_a_quality_drop(most: float, fails: int) -> None:
    assert len(failures([model(drop=0.03)], None, most)) == fails


def test_what_could_not_be_measured_does_not_hold() -> None:
    slow, unknown = failures([model(speedup=None)], 1.5, 0.1)
    assert slow == "m: no speed-up could be measured, 1.5 was asked for: too large"
    assert "its quality could not be measured" in unknown
    assert failures([model(speedup=None)], None, None) == ()


def test_memory_that_is_not_told_is_not_zero() -> None:
    memory = Memory(None, None, None, None)
    assert (memory.peak_bytes, memory.above_libraries_bytes) == (None, None)
    assert Memory(50, None, 40, None).above_libraries_bytes == 0


@given(st.floats(0.01, 100), st.floats(1, 3), st.floats(1, 3))
def test_an_interval_with_the_error_between_processes_is_wider_and_holds_the_value(
    value: float, below: float, above: float
) -> None:
    found = widened(Ratio(value, value / below, value * above))
    assert found.value == value
    least = math.exp(1.9 * PROCESS_ERROR)
    assert found.low <= min(value / below, value / least) * (1 + 1e-9)
    assert found.high >= max(value * above, value * least) * (1 - 1e-9)
