"""What a projection says beyond dollars, by a look at the single calls: the cache's curves, and where prompts part."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from llmopt.core import money
from llmopt.core.money import EXACT
from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.break_even import break_even
from llmopt.savings.project.coalitions import Coalitions
from llmopt.savings.project.divergences import divergences
from llmopt.savings.project.plan import CacheLever
from llmopt.savings.project.prefixes.rules import PrefixRules
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.result import BreakEven, Projection

_NONE = frozenset[str]()


def with_curves(found: Projection, columns: CallColumns, requests: Requests, coalitions: Coalitions) -> Projection:
    """Return a projection with its curves and divergences.

    Args:
        found: without them.
        columns: the calls.
        requests: what is known of what they ask.
        coalitions: what the log costs with any levers on.
    """
    parting = divergences(columns, requests, requests.templates, coalitions, PrefixRules.load())
    return replace(found, break_even=_break_even(found, columns, coalitions), divergences=parting)


def _break_even(found: Projection, columns: CallColumns, coalitions: Coalitions) -> BreakEven | None:
    """Return the curves of the cache, with what it may cost beside the other levers."""
    # Where the cache is off in the user's plan, the coalitions have it at its usual settings.
    lever, asked = found.plan.cache or CacheLever(), coalitions.asked
    if asked is None:
        return None
    curves = break_even(columns, asked, lever, found.plan.seed, known=_alone(coalitions))
    if curves is None:
        return None
    own = next((one for one in found.replay.levers if one.name == "cache"), None)
    saved = max(point.saved_usd for point in curves.by_ttl)
    if own is not None:
        saved = EXACT.add(own.last_in_usd, own.own_usd)
    return replace(curves, least_usd_per_month=money.monthly(saved, found.first, found.last))


def _alone(coalitions: Coalitions) -> tuple[int, Decimal]:
    """Return how many calls the cache answers, and what they cost without any other lever."""
    only = frozenset({"cache"})
    saved = EXACT.subtract(coalitions.cost(_NONE), coalitions.cost(only))
    return coalitions.changed("cache", only), EXACT.add(saved, coalitions.own("cache", only))
