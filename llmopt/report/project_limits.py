"""The lines of checks that do not hold: too little saved, and what a strict run does not let pass."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.check import Check, failures
from llmopt.core.money import EXACT
from llmopt.report.figures import plural
from llmopt.report.project_words import label
from llmopt.report.text import percent
from llmopt.savings.project.result import Arithmetic, Projection

MIN_SAVINGS = "--min-savings"


def too_little(results: Sequence[Projection]) -> tuple[str, ...]:
    """Return a line for each plan that saves less than it has to."""
    return failures(savings(results))


def savings(results: Sequence[Projection]) -> tuple[Check, ...]:
    """Return whether each plan saves what it has to, of those that have to."""
    several = len(results) > 1
    return tuple(
        _saved(result, result.min_savings, several=several) for result in results if result.min_savings is not None
    )


def _saved(result: Projection, least: Decimal, *, several: bool) -> Check:
    who, of = (f"the plan {result.name!r}", result.name) if several else ("the plan", "")
    limit, found = _exact_percent(least), result.replay.savings_ratio
    if not result.replay.baseline_usd:
        why = f"what {who} saves is not known: no call has a price above $0 ({MIN_SAVINGS} {limit})"
        return Check(MIN_SAVINGS, limit, "", of, failures=(why,))
    return _enough(who, found, least, of)


def _enough(who: str, found: Decimal, least: Decimal, of: str = "") -> Check:
    told, limit, verb = _told_apart(found, least), _exact_percent(least), "save" if who.endswith("steps") else "saves"
    failed = () if found >= least else (f"{who} {verb} {told} of the bill, under {MIN_SAVINGS} {limit}",)
    return Check(MIN_SAVINGS, limit, told, of, failures=failed)


def too_little_of(result: Arithmetic, least: Decimal | None) -> tuple[str, ...]:
    """Return a line where the multiplied savings are less than they have to be."""
    return failures(savings_of(result, least))


def savings_of(result: Arithmetic, least: Decimal | None) -> tuple[Check, ...]:
    """Return whether the multiplied savings are what they have to be; nothing where they need not be anything."""
    return () if least is None else (_enough("the steps", result.savings_ratio, least),)


def unknown(results: Sequence[Projection]) -> tuple[str, ...]:
    """Return a line for everything that a strict run does not let pass, each once."""
    lines = []
    for result in results:
        lines += [f"{plural(one.records, 'record')} not replayed: {one.reason}" for one in result.left_out]
        lines += [
            f"{plural(one.count, 'record')} rejected: {one.reason}, first at {one.first}" for one in result.rejected
        ]
        lines += [
            f"{label(one.name)}: could not look at {plural(one.unseen, 'call')}"
            for one in result.replay.levers
            if one.unseen
        ]
        lines += [f"warning: {warning}" for warning in result.warnings]
    return tuple(f"{line} (--strict)" for line in dict.fromkeys(lines))


def _exact_percent(value: Decimal) -> str:
    return f"{format((value * 100).normalize(EXACT), 'f')}%"


def _told_apart(found: Decimal, least: Decimal) -> str:
    """Return a share with as many digits as show that it is below the limit."""
    return percent(found) if percent(found) != percent(least) else _exact_percent(found)
