"""Measured durations and rates in sentences: few digits, a unit that fits, and never an exponent."""

from __future__ import annotations

import math

_RATES = ((1, "s"), (60, "min"), (3600, "h"), (86_400, "day"))
"""Seconds, and the unit of so many of them."""


def duration(value_s: float | None) -> str:
    """Return seconds in the unit that reads best: `850 us`, `12.3 ms`, `1.5 s`, `12 min`."""
    if value_s is None or not math.isfinite(value_s):
        return "unknown"
    size = abs(value_s)
    if size >= 600:
        return f"{significant(value_s / 60)} min"
    if size >= 1:
        return f"{significant(value_s)} s"
    if size >= 1e-3 or size == 0:
        return f"{significant(value_s * 1e3)} ms"
    return f"{significant(value_s * 1e6)} us"


def per_s(rate: float) -> str:
    """Return a rate: `16/s`, `123.4/s`; `7.2/min`, `3/h` or `4.32/day` where it is low."""
    number, unit = _rate(rate)
    return f"{number}/{unit}"


def requests_per_s(rate: float) -> str:
    """Return a rate of requests: `16 requests/s`."""
    number, unit = _rate(rate)
    return f"{number} requests/{unit}"


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many digits, whole ones never cut, and no zeros at the end: `0.0123`, `1.5`, `1,234`."""
    if not value:
        return "0"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def _rate(rate: float) -> tuple[str, str]:
    size, unit = next(((size, unit) for size, unit in _RATES if rate * size >= 1), _RATES[-1])
    return significant(rate * size, 4), unit
