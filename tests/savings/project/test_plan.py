"""Plans as values: what is on, and what makes no sense."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from llmopt.errors import UsageError
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    CompressionLever,
    OwnCost,
    Plan,
    PromptCacheLever,
    SelfHostLever,
    SwapLever,
)


def test_levers_are_named_in_the_order_in_which_a_request_meets_them() -> None:
    assert Plan().on == ()
    assert Plan(prompt_cache=PromptCacheLever(), swap=SwapLever(), cache=CacheLever()).on == (
        "cache",
        "swap",
        "prompt_cache",
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: OwnCost(Decimal(-1)),
        lambda: OwnCost(usd_per_call=Decimal("NaN")),
        lambda: OwnCost(2.5),  # type: ignore[arg-type]
        lambda: CacheLever(0.0),
        lambda: CacheLever(float("inf")),
        lambda: CacheLever(size_bytes=0),
        lambda: CompressionLever(sample=0),
        lambda: PromptCacheLever(-1.0),
        lambda: BatchLever(hours=(24, 6)),
        lambda: BatchLever(hours=(6, 6)),
        lambda: SelfHostLever(usd_per_hour=Decimal(-1)),
        lambda: SelfHostLever(utilization=Decimal(0)),
        lambda: SelfHostLever(utilization=Decimal(60)),
        lambda: Plan(growth_per_month=Decimal(-2)),
        lambda: Plan(growth_per_month=Decimal(11)),
        lambda: Plan(min_savings=Decimal(20)),
        lambda: Plan(min_savings=0.2),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.hint
