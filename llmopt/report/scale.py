"""From the values of an axis to places on it, and the round values to write beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEPS = (1.0, 2.0, 5.0)
"""Round values are these times a power of ten."""
_SAME = 0.01
"""Values that differ by less than this share are one on a linear scale."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values lie between two round ends."""

    low: float
    high: float
    log: bool

    def at(self, value: float) -> float:
        """Return the place of a value, 0 at the low end and 1 at the high one."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def has(self, value: float) -> bool:
        """Whether a value can be placed at all."""
        return math.isfinite(value) and (value > 0 or not self.log)

    def ticks(self, most: int) -> tuple[float, ...]:
        """Return at most so many round values (2 or more), the ends among them where they fit."""
        if not self.log:
            step = _round_step((self.high - self.low) / max(most - 1, 1))
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            found = tuple(number * step for number in range(first, last + 1))
            return found if len(found) > 1 else (self.low, self.high)
        fine = _between(self.low, self.high)
        decades = tuple(value for value in fine if math.isclose(math.log10(value) % 1, 0, abs_tol=1e-9))
        if len(fine) <= most:
            return fine
        return decades[:: math.ceil(len(decades) / most)] if len(decades) > 1 else (fine[0], fine[-1])


def scale_of(values: Iterable[float], *, log: bool) -> Scale:
    """Return the scale that all finite values fit on; a linear one begins at 0 where they are not far from it."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(finite), max(finite)) if finite else (1.0, 1.0)
    if log:
        ends = _between(_down(low), _up(high))
        return Scale(ends[0], ends[-1] if len(ends) > 1 else ends[0] * 10, log=True)
    if 0 <= low <= high / 2 or high - low <= _SAME * max(abs(low), abs(high)):
        low, high = min(low, 0.0), max(high, 0.0)
    step = _round_step((high - low) / 5 or 1.0)
    return Scale(math.floor(low / step) * step, math.ceil(high / step) * step or step, log=False)


def value_text(value: float) -> str:
    """Return a round value for people: `0.05`, `20`, `1,000`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next((step * power for step in STEPS if step * power >= least * (1 - 1e-9)), 10 * power)


def _between(low: float, high: float) -> tuple[float, ...]:
    """Return the round values from one to another, both round and above 0."""
    first, last = math.floor(math.log10(low) + 1e-9), math.floor(math.log10(high) + 1e-9)
    found = [step * 10.0**power for power in range(first, last + 1) for step in STEPS]
    return tuple(value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9))


def _down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in STEPS if step * power <= value * (1 + 1e-9))


def _up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min((step * power for step in (*STEPS, 10.0) if step * power >= value * (1 - 1e-9)), default=10 * power)
