from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.extras import library

library("torch", "models")
from llmopt.models.distill.training.schedule import WARM_UP, progress, rate  # noqa: E402


def test_the_rate_rises_to_its_highest_and_falls_to_nothing() -> None:
    middle = WARM_UP + (1 - WARM_UP) / 2
    assert rate(0) == 0.01
    assert rate(WARM_UP / 2) == pytest.approx(0.505)
    assert rate(WARM_UP) == 1
    assert rate(middle) == pytest.approx(0.5)
    assert rate(1) == rate(2) == 0


@given(st.floats(0, 1), st.floats(0, 1))
def test_it_falls_all_the_way_after_the_warm_up(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= rate(high) <= 1
    assert low < WARM_UP or rate(low) >= rate(high)


@pytest.mark.parametrize(
    ("done", "epochs", "elapsed_s", "limit_s", "expected"),
    [
        (1.5, 3, 0.0, None, 0.5),
        (1.5, None, 30.0, 120.0, 0.25),
        (1.5, 3, 30.0, 120.0, 0.5),
        (0.3, 3, 90.0, 120.0, 0.75),
        (0.3, None, 0.0, None, 0.0),
        (3.0, 3, 500.0, 120.0, 1.0),
    ],
)
def test_a_run_is_as_far_as_its_epochs_or_its_time(
    done: float, epochs: int | None, elapsed_s: float, limit_s: float | None, expected: float
) -> None:
    assert math.isclose(progress(done, epochs, elapsed_s, limit_s), expected)
