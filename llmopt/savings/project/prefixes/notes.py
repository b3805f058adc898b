"""What to know of the replay of provider prompt caches, in words: unknown and unsure rules, short prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress

from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.savings.project.prefixes.rules import PrefixRule, PrefixRules

_READ = "input_cache_read"
_CACHED = ("input_uncached", _READ, "input_cache_write_5m", "input_cache_write_1h")
"""Buckets that a provider's cache may hold."""
_UNSURE = {"reported": "as others report it", "derived": "taken from its family"}


def caching_notes(columns: CallColumns, answered_by: Mapping[Kind, int], rules: PrefixRules) -> Iterator[str]:
    """Yield notes.

    Args:
        columns: the calls.
        answered_by: kind, as all levers leave it -> how many calls.
        rules: of prompt caching.
    """
    unknown: Counter[str] = Counter()
    unsure: Counter[tuple[str, str]] = Counter()
    for kind, calls in answered_by.items():
        rule = rules.of(kind)
        if rule is None and kind.price is not None and kind.price.rates.input_cache_read is not None:
            unknown[kind.model or ""] += calls
        elif rule is not None and rule.confidence in _UNSURE:
            unsure[rule.confidence, kind.model or ""] += calls
    for model, calls in sorted(unknown.items()):
        yield f"no rule of prompt caching is known for {model} ({_calls(calls)}): nothing changes there"
    for (confidence, model), calls in sorted(unsure.items()):
        yield f"the rule of prompt caching for {model} is {_UNSURE[confidence]}: {_calls(calls)}"
    yield from _of_the_log(columns, rules)


def _of_the_log(columns: CallColumns, rules: PrefixRules) -> Iterator[str]:
    for (model, rule), seen in sorted(_seen(columns, rules).items(), key=lambda item: item[0][0]):
        if seen.short:
            minimum = f"({rule.minimum_tokens:,} tokens)"
            are = "is" if seen.short == 1 else "are"
            yield f"{seen.short:,} of {_calls(seen.calls)} of {model} {are} shorter than what is cached there {minimum}"
        if rule.automatic and seen.calls > seen.short:
            yield f"{model} caches without being asked, and {_as_logged(seen)}"


@dataclass(slots=True)
class _Seen:
    """Calls of one model, as logged."""

    calls: int = 0
    short: int = 0
    """Their prompts are shorter than what is cached."""
    read: int = 0
    """They read from the cache."""


def _as_logged(seen: _Seen) -> str:
    if not seen.read:
        return "no call of the log reads from it: the log may leave cached tokens out"
    readers = "1 reads" if seen.read == 1 else f"{seen.read:,} read"
    return f"of {_calls(seen.calls)} {readers} from it as logged: the saving is what the replay reads beyond that"


def _seen(columns: CallColumns, rules: PrefixRules) -> dict[tuple[str, PrefixRule], _Seen]:
    """Return what the log says of (model, rule)."""
    by_kind = [rules.of(kind) for kind in columns.kinds]
    least = [rule.minimum_tokens if rule else 0 for rule in by_kind]
    calls, short, read = Counter(columns.kind), Counter[int](), Counter[int]()
    buckets = [columns.usage[name] for name in _CACHED if name in columns.usage]
    if buckets:
        totals = map(sum, zip(*buckets, strict=True))
        short.update(kind for kind, total in zip(columns.kind, totals, strict=True) if total < least[kind])
    read.update(compress(columns.kind, columns.usage.get(_READ, ())))
    found: dict[tuple[str, PrefixRule], _Seen] = {}
    for number, count in calls.items():
        rule = by_kind[number]
        if rule is not None:
            seen = found.setdefault((columns.kinds[number].model or "", rule), _Seen())
            seen.calls, seen.short, seen.read = seen.calls + count, seen.short + short[number], seen.read + read[number]
    return found


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"
