"""What each of several levers is worth where they share the same calls: Shapley values, exactly.

The saving of a set of levers is a game; a lever's Shapley value is the mean of what it adds over every order in which
the levers may be turned on (L. S. Shapley, "A value for n-person games", 1953). The values add up to the whole saving.
With n levers all 2**n sets are asked for, so nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from math import factorial

from llmopt.core.money import EXACT

Cost = Callable[[frozenset[str]], Decimal]
"""What the log costs with these levers on, in dollars."""
STEP = Decimal("1e-12")
"""Dollars are rounded to this in the end."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one lever is worth, three ways; dollars, below 0 where it costs more than it saves."""

    saved_usd: Decimal
    """Shapley value."""
    alone_usd: Decimal
    """With no other lever on."""
    last_in_usd: Decimal
    """Turned on last, after all others."""


def shares(cost: Cost, levers: Sequence[str]) -> dict[str, Share]:
    """Return lever -> its share of the saving; the Shapley values add up to the saving to the last digit.

    Args:
        cost: asked once for every set of `levers`.
        levers: all that are on.
    """
    costs = {
        frozenset(some): cost(frozenset(some)) for size in range(len(levers) + 1) for some in combinations(levers, size)
    }
    none, every = frozenset[str](), frozenset(levers)
    values = {lever: _value(costs, lever, levers) for lever in levers}
    return {
        lever: Share(
            saved_usd=value,
            alone_usd=_less(costs[none], costs[none | {lever}]),
            last_in_usd=_less(costs[every - {lever}], costs[every]),
        )
        for lever, value in _settled(values, _less(costs[none], costs[every])).items()
    }


def _value(costs: dict[frozenset[str], Decimal], lever: str, levers: Sequence[str]) -> Decimal:
    """Return the mean of what a lever adds, over all orders."""
    others = [other for other in levers if other != lever]
    total = Decimal(0)
    for size in range(len(others) + 1):
        orders = Decimal(factorial(size) * factorial(len(others) - size))
        for some in combinations(others, size):
            before = frozenset(some)
            total = EXACT.add(total, EXACT.multiply(orders, EXACT.subtract(costs[before], costs[before | {lever}])))
    return EXACT.divide(total, Decimal(factorial(len(levers)))).quantize(STEP, context=EXACT)


def _settled(values: dict[str, Decimal], whole: Decimal) -> dict[str, Decimal]:
    """Give what rounding left over to the largest value, so that they add up."""
    if not values:
        return values
    total = Decimal(0)
    for value in values.values():
        total = EXACT.add(total, value)
    # Of equal ones the first by name, so that the order of the levers does not matter.
    largest = max(sorted(values), key=lambda lever: abs(values[lever]))
    return {**values, largest: EXACT.add(values[largest], EXACT.subtract(whole, total))}


def _less(before: Decimal, after: Decimal) -> Decimal:
    return EXACT.subtract(before, after)
