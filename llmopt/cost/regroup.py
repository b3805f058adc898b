"""The same report by fewer groups, so that one reading of a log serves two tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from functools import reduce
from typing import Any

from llmopt.core.money import EXACT
from llmopt.cost.result import CostReport, Group, Totals


def regrouped(report: CostReport, by: Sequence[str]) -> CostReport:
    """Return what `by=` would have given, from a report by these groups and more.

    Args:
        report: grouped by all of `by`, in any order, and by others.
        by: names of groups.

    Raises:
        ValueError: the report is not grouped by one of them.
    """
    wanted = tuple(dict.fromkeys(by))
    missing = [name for name in wanted if name not in report.by]
    if missing:
        raise ValueError(f"the report is grouped by {', '.join(report.by)}, not by {missing[0]}")
    if wanted == report.by:
        return report
    found: dict[tuple[str | None, ...], list[Totals]] = {}
    for group in report.groups:
        found.setdefault(tuple(group.key[name] for name in wanted), []).append(group.totals)
    groups = (Group(dict(zip(wanted, key, strict=True)), added(totals)) for key, totals in found.items())
    return replace(report, by=wanted, groups=tuple(in_order(groups)))


def added(totals: Iterable[Totals]) -> Totals:
    """Add up totals field by field; a cost that no log reports stays unknown."""
    every = list(totals)
    return Totals(**{field.name: _sum(getattr(one, field.name) for one in every) for field in fields(Totals)})


def in_order(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield groups as reports have them: dearest first."""
    yield from sorted(groups, key=lambda found: (-found.totals.cost_usd, [part or "" for part in found.key.values()]))


def _sum(values: Iterable[Any]) -> Any:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if isinstance(known[0], Decimal):
        return reduce(EXACT.add, known)
    return reduce(lambda one, other: one + other, known)
