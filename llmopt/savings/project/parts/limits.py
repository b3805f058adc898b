"""Which levers a log that is replayed in parts can tell of: those for which no part has to know of another.

A response cache without a bound, routing, swaps, compression and the batch tier look at one question at a time. Room
for answers, a provider's cache of prompts and own machines are shared by all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmopt.cost.partial import Cut
from llmopt.cost.partial import cut_of as plain_cut_of
from llmopt.cost.spec.load import Spec
from llmopt.errors import UsageError
from llmopt.savings.project.checklist import widened
from llmopt.savings.project.plan import Plan

_WHY = "all calls share it, in the order of time, so parts of a log cannot be replayed apart"
_LEVERS = {
    "prompt_cache": f"the provider's prompt cache (prompt_cache): {_WHY}",
    "self_host": f"own machines (self_host): {_WHY}",
}
_NEXT = "leave it out of this plan, or run it without --engine spark, on some days with --since and --until"
UNMEASURED: Mapping[str, str] = {
    "prompt_cache": "not measured in parts of a log: --prompt-cache auto, without --engine spark",
}
"""Levers that a single machine tries unasked, and parts of a log do not -> what to say."""
NOT_DRAWN = "in parts of a log, the curves of a cache and the places where prompts part are not worked out"


def check(plan: Plan) -> None:
    """Refuse a plan with a lever that does not partition.

    Raises:
        UsageError: it has one; names the lever, and the next step.
    """
    whose = f"plan {plan.name!r}: " if plan.where else ""
    if plan.cache is not None and plan.cache.size_bytes is not None:
        raise UsageError(f"{whose}a response cache with a bounded room (cache.size): {_WHY}", _NEXT)
    for lever, why in _LEVERS.items():
        if getattr(plan, lever) is not None:
            raise UsageError(f"{whose}{why}", _NEXT)


def asked_of(plan: Plan) -> Plan:
    """Return a plan with the levers on, too, that can be measured without being asked for, as far as they partition."""
    return replace(widened(plan), prompt_cache=None)


def cut_of(specs: Sequence[Spec]) -> Cut:
    """Return how a log of these formats may be cut, so that no two parts hold records of one response.

    Formats that log a response several times, or sums of many, are read by one task: which record counts, and what it
    says of the request, is only known with all of them at hand.
    """
    if any(spec.dedupe or spec.aggregate for spec in specs):
        return "together"
    return plain_cut_of(specs)
