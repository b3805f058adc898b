"""The checklist: every lever, on or off, with what it is worth on this log or what it would take to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.savings.project.costs import Costs
from llmopt.savings.project.plan import (
    LEVERS,
    BatchLever,
    CacheLever,
    CompressionLever,
    Plan,
    PromptCacheLever,
)
from llmopt.savings.project.result import Check
from llmopt.savings.project.shapley import Share

_SOME_PROMPTS = 200
"""Distinct prompts that are compressed to see what compression would be worth."""
MOST_PROMPTS = 30_000
"""Distinct prompts that are put to the provider's prompt cache unasked; more take too long."""
_TURN_ON = {
    "cache": "--ttl 24h",
    "prompt_cache": "--prompt-cache auto",
    "compression": f"--compress safe; measured on up to {_SOME_PROMPTS} prompts",
    "batch": "at most, if every call could wait; --batch tag=NAME or --batch night=22-6",
}
_NEEDED = {
    "routing": "--route default, or a policy of your own: --route rules.toml",
    "swap": "needs models: --swap OLD=NEW,...",
    "self_host": "needs a measured machine: --self-host bench.json --price-per-hour N",
}
_BLIND = {
    "cache": "needs calls with their prompts, or hashes of them, and times",
    "routing": "needs calls with their prompts",
    "compression": "needs calls with their prompts",
    "prompt_cache": "needs calls with their prompts and times",
    "batch": "needs calls with times, or a tag: --batch tag=NAME",
}
_TOO_MANY = f"{_TURN_ON['prompt_cache']}; not tried unasked on more than {MOST_PROMPTS:,} distinct prompts"
_NOTHING_SEEN = "needs calls that it can look at"


def widened(plan: Plan) -> Plan:
    """Return a plan with the levers on, too, that can be measured without being asked for, at their usual settings."""
    return replace(
        plan,
        cache=plan.cache or CacheLever(),
        prompt_cache=plan.prompt_cache or PromptCacheLever(),
        compression=plan.compression or CompressionLever(sample=_SOME_PROMPTS),
        batch=plan.batch or BatchLever(hours=(0, 24)),
    )


def checklist(
    asked: Plan, costs: Costs, worth: Mapping[str, Share], calls: int, unmeasured: Mapping[str, str]
) -> tuple[Check, ...]:
    """Return a line for each lever, in the order in which a request meets them.

    Args:
        asked: the plan of the costs, with further levers than the user's, of which each is measured alone.
        costs: of the log.
        worth: of the levers that are on in the user's plan.
        calls: of the log.
        unmeasured: levers that are off and were not tried -> why.
    """
    return tuple(_check(lever, asked, costs, worth, calls, unmeasured) for lever in LEVERS)


def _check(
    lever: str, asked: Plan, costs: Costs, worth: Mapping[str, Share], calls: int, unmeasured: Mapping[str, str]
) -> Check:
    if lever in worth:
        return _on(lever, costs, worth[lever], calls)
    if lever in unmeasured:
        return Check(lever, on=False, potential_usd=None, say=unmeasured[lever])
    return _off(lever, asked, costs, calls)


def _on(lever: str, costs: Costs, worth: Share, calls: int) -> Check:
    if costs.unseen(lever) >= calls:
        return Check(lever, on=True, potential_usd=None, say=_BLIND.get(lever, _NOTHING_SEEN))
    return Check(lever, on=True, potential_usd=worth.saved_usd, say="")


def _off(lever: str, asked: Plan, costs: Costs, calls: int) -> Check:
    if lever not in asked.on:
        return Check(lever, on=False, potential_usd=None, say=_NEEDED.get(lever, _TURN_ON.get(lever, "")))
    if lever == "prompt_cache" and costs.too_many_prompts:
        return Check(lever, on=False, potential_usd=None, say=_TOO_MANY)
    if costs.unseen(lever) >= calls:
        return Check(lever, on=False, potential_usd=None, say=_BLIND.get(lever, _NOTHING_SEEN))
    none = frozenset[str]()
    usd: Decimal = EXACT.subtract(costs.cost(none), costs.cost(frozenset({lever})))
    return Check(lever, on=False, potential_usd=usd, say=_TURN_ON[lever])
