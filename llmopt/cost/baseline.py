"""Compare a priced log with an earlier one, group by group: what changed, and whether tokens or prices did it.

With `C` the cost and `T` the tokens (read and written) of a group, before (0) and now (1):

    token effect = C0 * (T1 - T0) / T0     more or fewer tokens, at what a token of the group cost before
    price effect = (C1 - C0) - token effect    what a token of the group costs now against before

The two add up to the difference exactly, since the second is defined as the rest. The price effect so covers
everything that moves the cost of an average token: list prices, the share of output, the share of cached input.
A group that is new or gone, or had no tokens, is all token effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from llmopt.core.money import EXACT
from llmopt.cost.result import CostReport
from llmopt.errors import InputError, UsageError

SCHEMA = "llmopt.cost/1"
Key = tuple[str | None, ...]
Amount = tuple[Decimal, int]
"""Dollars and tokens."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The part of an earlier report that a comparison needs."""

    by: tuple[str, ...]
    groups: dict[Key, Amount]
    days: float | None
    """Length of its period; None when unknown."""


@dataclass(frozen=True, slots=True)
class Change:
    """One group before and now."""

    key: dict[str, str | None]
    before_usd: Decimal
    now_usd: Decimal
    before_tokens: int
    now_tokens: int
    difference_usd: Decimal
    token_effect_usd: Decimal
    price_effect_usd: Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """A priced log against an earlier one; the total is the sum of the groups."""

    total: Change
    changes: tuple[Change, ...]
    """Largest difference first, whichever its sign."""
    before_days: float | None
    now_days: float | None


class _Group(msgspec.Struct):
    key: dict[str, str | None]
    cost_usd: str
    input_tokens: int
    output_tokens: int


class _Period(msgspec.Struct):
    start: datetime | None = None
    end: datetime | None = None


class _Document(msgspec.Struct):
    schema: str
    by: tuple[str, ...]
    groups: list[_Group]
    period: _Period


def read_baseline(path: Path) -> Baseline:
    """Read what `llmopt cost --format json` wrote.

    Raises:
        InputError: the file cannot be read, or is no such report.
    """
    hint = "write one with: llmopt cost LOGS --format json -o FILE"
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
        groups = {
            tuple(group.key[name] for name in document.by): (_money(group.cost_usd), _tokens(group))
            for group in document.groups
        }
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", hint) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidOperation, KeyError) as error:
        raise InputError(f"{path}: not a cost report in JSON: {error}", hint) from error
    if document.schema != SCHEMA:
        raise InputError(f"{path}: schema is {document.schema!r}, not {SCHEMA!r}", hint)
    return Baseline(document.by, groups, _days(document.period.start, document.period.end))


def compare(report: CostReport, baseline: Baseline) -> Comparison:
    """Return how `report` differs from `baseline`.

    Raises:
        UsageError: the two are grouped by different things.
    """
    if report.by != baseline.by:
        theirs = ",".join(baseline.by)
        raise UsageError(
            f"the baseline is grouped by {theirs}, this log by {','.join(report.by)}", f"use --by {theirs}"
        )
    now = {
        tuple(group.key[name] for name in report.by): (
            group.totals.cost_usd,
            group.totals.input_tokens + group.totals.output_tokens,
        )
        for group in report.groups
    }
    keys = {**baseline.groups, **now}
    nothing: Amount = (Decimal(0), 0)
    changes = [
        _change(dict(zip(report.by, key, strict=True)), baseline.groups.get(key, nothing), now.get(key, nothing))
        for key in keys
    ]
    changes.sort(key=lambda change: (-abs(change.difference_usd), [value or "" for value in change.key.values()]))
    return Comparison(_sum(changes), tuple(changes), baseline.days, _days(report.period.start, report.period.end))


def _change(key: dict[str, str | None], before: Amount, now: Amount) -> Change:
    difference = EXACT.subtract(now[0], before[0])
    tokens = difference
    if before[1] and now[1]:
        tokens = EXACT.divide(EXACT.multiply(before[0], Decimal(now[1] - before[1])), Decimal(before[1]))
        tokens = tokens.quantize(Decimal("1e-12"), context=EXACT)
    return Change(key, before[0], now[0], before[1], now[1], difference, tokens, EXACT.subtract(difference, tokens))


def _sum(changes: list[Change]) -> Change:
    def money(name: str) -> Decimal:
        return sum((getattr(change, name) for change in changes), Decimal(0))

    return Change(
        {},
        money("before_usd"),
        money("now_usd"),
        sum(change.before_tokens for change in changes),
        sum(change.now_tokens for change in changes),
        money("difference_usd"),
        money("token_effect_usd"),
        money("price_effect_usd"),
    )


def _money(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite():
        raise InvalidOperation(f"{text!r} is no amount")
    return amount


def _tokens(group: _Group) -> int:
    return group.input_tokens + group.output_tokens


def _days(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds() / 86_400
