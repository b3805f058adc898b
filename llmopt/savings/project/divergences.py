"""Where prompts of one template part too early for the provider's cache, and what it is worth to mend that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from llmopt.cost.call_columns import NO_TIME, CallColumns
from llmopt.savings.project.prefixes.divergence import Template
from llmopt.savings.project.prefixes.rules import PrefixRules
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.result import Divergence

if TYPE_CHECKING:
    from llmopt.savings.project.coalitions import Coalitions

_CACHED = ("input_uncached", "input_cache_read", "input_cache_write_5m", "input_cache_write_1h")
"""Buckets that a provider's cache may hold."""
_MOST = 5
"""Templates that are replayed with what differs moved; those with most prompts."""


def divergences(
    columns: CallColumns,
    requests: Requests,
    templates: Sequence[Template],
    coalitions: Coalitions,
    rules: PrefixRules,
) -> tuple[Divergence, ...]:
    """Return the places that are worth mending, dearest first.

    Args:
        columns: the calls.
        requests: their chains.
        templates: as found in the prompts.
        coalitions: replays the log with prompts moved.
        rules: say from how many tokens on a prefix is cached.
    """
    found = []
    for template in templates[:_MOST]:
        seen = _seen(columns, requests, template, rules)
        if seen is None:
            continue
        usd = coalitions.moved(template.model, template.moved)
        if usd > 0:
            found.append(_divergence(template, seen, usd))
    return tuple(sorted(found, key=lambda one: (-one.saved_usd, one.first)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The calls of one template."""

    calls: int
    tokens: int
    """Of all their prompts."""
    needed: int


def _seen(columns: CallColumns, requests: Requests, template: Template, rules: PrefixRules) -> _Seen | None:
    """Add up the calls of a template; None where there are none, or no rule for their model is known."""
    kinds = {number for number, kind in enumerate(columns.kinds) if kind.model == template.model}
    needed = [rule.minimum_tokens for number in kinds if (rule := rules.of(columns.kinds[number])) is not None]
    asked = {number for number, chain in enumerate(requests.chain) if chain in template.moved}
    calls = [
        call
        for call, (request, kind, at_us) in enumerate(zip(columns.request, columns.kind, columns.at_us, strict=True))
        if request in asked and kind in kinds and at_us != NO_TIME
    ]
    if not calls or not needed:
        return None
    buckets = [columns.usage[name] for name in _CACHED if name in columns.usage]
    return _Seen(len(calls), sum(bucket[call] for bucket in buckets for call in calls), min(needed))


def _divergence(template: Template, seen: _Seen, usd: Decimal) -> Divergence:
    tokens = seen.tokens // seen.calls
    return Divergence(
        model=template.model,
        shared_tokens=tokens * template.at_bytes // max(1, template.all_bytes),
        needed_tokens=seen.needed,
        calls=seen.calls,
        text=template.text,
        saved_usd=usd,
        first=template.first,
    )
