"""The lines of checks that do not hold: too little saved, and what a strict run does not let pass."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.report.figures import plural
from llmopt.report.project_words import label
from llmopt.report.text import percent
from llmopt.savings.project.result import Arithmetic, Projection


def too_little(results: Sequence[Projection]) -> tuple[str, ...]:
    """Return a line for each plan that saves less than it has to."""
    several = len(results) > 1
    lines = []
    for result in results:
        least, found = result.min_savings, result.replay.savings_ratio
        if least is None or (result.replay.baseline_usd and found >= least):
            continue
        who = f"the plan {result.name!r}" if several else "the plan"
        wanted = f"--min-savings {_exact_percent(least)}"
        if not result.replay.baseline_usd:
            lines.append(f"what {who} saves is not known: no call has a price above $0 ({wanted})")
        else:
            lines.append(f"{who} saves {_told_apart(found, least)} of the bill, under {wanted}")
    return tuple(lines)


def too_little_of(result: Arithmetic, least: Decimal | None) -> tuple[str, ...]:
    """Return a line where the multiplied savings are less than they have to be."""
    if least is None or result.savings_ratio >= least:
        return ()
    found = _told_apart(result.savings_ratio, least)
    return (f"the steps save {found} of the bill, under --min-savings {_exact_percent(least)}",)


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
