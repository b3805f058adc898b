"""Savings multiplied as a brochure does: each step is taken off what the one before left over.

It is right only where no two steps save the same dollar. A replay of a log says what is left where they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.money import EXACT, MICRO
from llmopt.errors import UsageError
from llmopt.savings.project.result import Arithmetic, Step

_MOST = Decimal(10) ** 15
"""Dollars beyond this are a slip of the hand."""


def multiplied(baseline_usd: Decimal, steps: Sequence[tuple[str, Decimal]]) -> Arithmetic:
    """Return what is left of a bill: `baseline * (1 - saved) * (1 - saved) ...`.

    Args:
        baseline_usd: the bill; 0 or more.
        steps: (name, share that it is said to save, 0 to 1).

    Raises:
        UsageError: an amount that is none, or a share that is not from 0 to 1.
    """
    if not baseline_usd.is_finite() or not 0 <= baseline_usd <= _MOST:
        raise UsageError(f"a baseline of {baseline_usd} is no bill", "dollars, 0 or more, such as 1000000")
    left = baseline_usd
    taken = []
    for name, saved in steps:
        if not saved.is_finite() or not 0 <= saved <= 1:
            raise UsageError(f"{name}: {saved} is not a share from 0 to 1", "such as 0.3, for 30 %")
        after = EXACT.multiply(left, EXACT.subtract(Decimal(1), saved))
        taken.append(Step(name, saved, left, after))
        left = after
    less = EXACT.subtract(baseline_usd, left)
    ratio = EXACT.divide(less, baseline_usd).quantize(MICRO, context=EXACT) if baseline_usd else Decimal(0)
    return Arithmetic(baseline_usd, left, less, ratio, tuple(taken))
