"""Measured floats as exact cells, and shares and counts in sentences (durations and rates: `llmopt.core.quantity`)."""

from __future__ import annotations

import math
from decimal import Decimal

from llmopt.core.stats import samples_needed
from llmopt.report.table import Cell
from llmopt.report.text import milliseconds, percent


def cell(value: float | None) -> Decimal | None:
    """Return a measured figure for a table; None where there is none, or none that is finite."""
    return None if value is None or not math.isfinite(value) else Decimal(repr(float(value)))


def half_width(low: float | None, high: float | None, value: float | None) -> Cell:
    """Return half the width of an interval, relative to the value that it is of; None where one is not known."""
    return None if low is None or high is None or not value else cell((high - low) / 2 / value)


MAX_OF_N = f"max of n: the longest of so many; a p99 needs {samples_needed(0.99)} of them."


def p99_or_max(p99_s: float | None, max_s: float | None, samples: int) -> Cell:
    """Return the p99, or `max of n` where there are too few samples for one."""
    most = cell(max_s)
    if p99_s is not None or most is None:
        return cell(p99_s)
    return f"max of {samples:,}: {milliseconds(most)}"


def share(fraction: float) -> str:
    """Return a fraction as a percentage: `5.1%`."""
    return percent(_decimal(fraction))


def signed(fraction: float) -> str:
    """Return a change as a percentage with its sign: `+5.1%`."""
    return f"{'+' if fraction >= 0 else ''}{share(fraction)}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))
