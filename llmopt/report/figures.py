"""Measured floats as exact cells, and durations, rates and factors in sentences."""

from __future__ import annotations

import math
from decimal import Decimal

from llmopt.report.text import figures, number, percent


def cell(value: float | None) -> Decimal | None:
    """Return a measured figure for a table; None where there is none, or none that is finite."""
    return None if value is None or not math.isfinite(value) else Decimal(repr(float(value)))


def duration(value_s: float | None) -> str:
    """Return seconds in the unit that reads best: `850 us`, `12.3 ms`, `1.5 s`, `12 min`."""
    if value_s is None or not math.isfinite(value_s):
        return "unknown"
    size = abs(value_s)
    if size >= 600:
        return f"{_short(value_s / 60)} min"
    if size >= 1:
        return f"{_short(value_s)} s"
    if size >= 1e-3 or size == 0:
        return f"{_short(value_s * 1e3)} ms"
    return f"{_short(value_s * 1e6)} us"


def per_s(rate: float) -> str:
    """Return a rate of requests: `16/s`, `123.4/s`."""
    return f"{_trimmed(number(_decimal(rate)))}/s"


def share(fraction: float) -> str:
    """Return a fraction as a percentage: `5.1%`."""
    return percent(_decimal(fraction))


def signed(fraction: float) -> str:
    """Return a change as a percentage with its sign: `+5.1%`."""
    return f"{'+' if fraction >= 0 else ''}{share(fraction)}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _short(value: float) -> str:
    """Return three digits, and no zeros at the end of a fraction."""
    return _trimmed(figures(_decimal(value)))


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))
