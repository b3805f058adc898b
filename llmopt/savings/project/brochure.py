"""What a brochure would claim: the share that each lever saves alone, multiplied as if no two shared a call."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.savings.project.result import Brochure
from llmopt.savings.project.shapley import STEP

RATIO = Decimal("0.000001")
"""Ratios are rounded to the millionth."""


def brochure(baseline_usd: Decimal, optimized_usd: Decimal, alone_usd: Sequence[Decimal]) -> Brochure:
    """Return `baseline * prod(1 - alone / baseline)`, and how far it is below what the replay gives.

    Args:
        baseline_usd: what the log costs.
        optimized_usd: what it costs with all levers on, replayed.
        alone_usd: what each lever saves with no other on.
    """
    claimed = baseline_usd
    for usd in alone_usd if baseline_usd else ():
        left = EXACT.divide(EXACT.subtract(baseline_usd, usd), baseline_usd)
        claimed = EXACT.multiply(claimed, left)
    claimed = claimed.quantize(STEP, context=EXACT)
    return Brochure(
        optimized_usd=claimed,
        savings_ratio=ratio(EXACT.subtract(baseline_usd, claimed), baseline_usd),
        gap_usd=EXACT.subtract(optimized_usd, claimed),
    )


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """Return a part of a whole, to the millionth; 0 where the whole is 0."""
    return EXACT.divide(part, whole).quantize(RATIO, context=EXACT) if whole else Decimal(0)
