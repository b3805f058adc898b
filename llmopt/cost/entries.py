"""Turn rows of the statement that adds records up into ledger entries."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmopt.core.ledger import Entry, Key
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.plan import Plan
from llmopt.cost.query import Records
from llmopt.cost.spec.expr import Const
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome
from llmopt.cost.spec.values import from_micros
from llmopt.cost.totals import KEY_COLUMNS, unpacked


def tier_of(row: tuple[Any, ...], found: Records, plan: Plan) -> str | None:
    """Return the tier of a row's records; None for a word that is none."""
    _, fmt, outcome, *_ = unpacked(whole(row[0]), len(found.formats), plan.keying)
    if fmt < 0 or outcome not in (Outcome.OK, Outcome.NO_USAGE):
        return "default"
    return tier_named(row[3], found.formats[fmt])


def tier_named(word: object, spec: Spec) -> str | None:
    """Return the tier that a format means by a word, or by its constant; None for a word that is none."""
    given = spec.fields.get("tier")
    word = given.value if isinstance(given, Const) and given.value else word
    return spec.tier_map.get(str(word).lower()) if word else "default"


def repeats(rows: list[tuple[Any, ...]]) -> bool:
    """Is any watched request id there twice?"""
    seen: set[object] = set()
    count = 0
    for row in rows:
        ids = row[-1]
        if isinstance(ids, list):
            seen.update(ids)
            count += len(ids)
    return len(seen) < count


def entry_of(row: tuple[Any, ...], found: Records, plan: Plan) -> tuple[Spec | None, int, Key, Entry]:
    """Turn a row of the statement into a ledger entry."""
    _, fmt, outcome, epoch, minute, band = unpacked(whole(row[0]), len(found.formats), plan.keying)
    spec = found.formats[fmt] if fmt >= 0 else None
    keying = plan.keying
    start = KEY_COLUMNS + len(plan.by)
    values = row[start:]
    key = Key(
        format=spec.name if spec else "",
        outcome=outcome,
        model=_text(row[1]),
        provider=_text(row[2]) or _constant(spec, "provider"),
        tier=tier_of(row, found, plan) or "default",
        epoch=None if epoch < 0 else keying.epoch_start(epoch),
        minute=keying.minutes[minute - 1] if minute else 0,
        band=keying.thresholds[band - 1] if band else 0,
        groups=tuple(_text(value) for value in row[KEY_COLUMNS:start]),
    )
    counts = {bucket: whole(value) for bucket, value in zip(BUCKETS, values[2:12], strict=True)}
    ok = outcome == Outcome.OK
    entry = Entry(
        records=whole(values[0]),
        requests=whole(values[1]),
        usage=Usage(**counts) if ok else Usage(),
        reported_usd=values[12] if isinstance(values[12], Decimal) else None,
        first=from_micros(values[13]),
        last=from_micros(values[14]),
        untimed=whole(values[15]),
        naive=whole(values[16]),
    )
    return spec, outcome, key, entry


def _constant(spec: Spec | None, name: str) -> str | None:
    value = spec.fields.get(name) if spec else None
    return str(value.value) if isinstance(value, Const) and value.value is not None else None


def whole(value: object) -> int:
    """Return a number of the statement, which gives sums as decimals and nothing as null."""
    return int(value) if isinstance(value, (int, Decimal, float)) else 0


def _text(value: object) -> str | None:
    return None if value is None else str(value)
