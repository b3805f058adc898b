"""What a speed-up does to a monthly bill, in exact dollars, rounded to cents.

At equal load, machines that are so many times faster are needed so many times less.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from llmopt.core.money import EXACT
from llmopt.core.ratio import Ratio
from llmopt.models.quantizing.report import CostImpact

_CENT = Decimal("0.01")


def impact(price_per_month: Decimal, speedup: Ratio) -> CostImpact:
    """Return the bill at a speed-up and at both ends of its interval.

    Args:
        price_per_month: dollars now.
        speedup: how many times faster, above 0.
    """
    after = _share(price_per_month, speedup.value)
    return CostImpact(
        price_per_month=price_per_month,
        at_speedup=after,
        at_speedup_low=_share(price_per_month, speedup.high),
        at_speedup_high=_share(price_per_month, speedup.low),
        saved_per_month=price_per_month - after,
    )


def _share(price: Decimal, speedup: float) -> Decimal:
    return EXACT.divide(price, Decimal(repr(speedup))).quantize(_CENT, ROUND_HALF_UP, EXACT)
