"""Durations and rates in sentences."""

from __future__ import annotations

import pytest

from llmopt.core.quantity import duration, per_s, requests_per_s, significant


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1896.4, "1,896/s"), (100.2, "100.2/s"), (1.0, "1/s"), (0.12, "7.2/min"), (0.0011, "3.96/h"), (5e-5, "4.32/day")],
)
def test_rates_have_the_unit_in_which_they_are_1_or_more(rate: float, text: str) -> None:
    assert per_s(rate) == text
    assert requests_per_s(rate) == text.replace("/", " requests/")


def test_a_rate_below_one_a_day() -> None:
    assert per_s(1e-6) == "0.0864/day"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00085, "850 us"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (720, "12 min"), (0.0, "0 ms"), (-0.002, "-2 ms")],
)
def test_durations_have_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_durations_that_are_not_known() -> None:
    assert duration(None) == duration(float("inf")) == "unknown"


@pytest.mark.parametrize(
    ("value", "text"),
    [(88_361.7, "88,362"), (1234.0, "1,234"), (1.5, "1.5"), (0.012345, "0.0123"), (999.96, "1,000"), (0.0, "0")],
)
def test_whole_digits_are_never_cut_and_there_is_no_exponent(value: float, text: str) -> None:
    assert significant(value) == text
    assert significant(-value) == (f"-{text}" if value else text)
