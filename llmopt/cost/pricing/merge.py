"""Lay new data over a price file without touching what it says of the past.

A refresh may add rows, models and names. It never changes or drops a row: where the new data disagrees about
today, a row dated on the day of the refresh is added; where it disagrees about the past, the file stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import msgspec

from llmopt.cost.pricing.schema import ModelData, PriceFile, RowData

Key = tuple[str, date | None, tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Addition:
    """What one refresh added to one model."""

    provider: str
    model: str
    rows: tuple[RowData, ...]
    new_model: bool


def merge_file(old: PriceFile | None, new: PriceFile, as_of: date) -> tuple[PriceFile, tuple[Addition, ...]]:
    """Return `old` with what `new` adds, and the list of additions.

    Args:
        old: the file as it stands; None when there is none.
        new: the same provider in the new data.
        as_of: the day from which a price that changed without a date is taken to hold.
    """
    models = dict(old.models) if old else {}
    additions: list[Addition] = []
    for model_id, fresh in new.models.items():
        known = models.get(model_id)
        models[model_id] = fresh if known is None else _merge_model(known, fresh, as_of)
        added = tuple(row for row in models[model_id].rows if known is None or row not in known.rows)
        if added:
            additions.append(Addition(new.provider, model_id, added, known is None))
    merged = msgspec.structs.replace(new, models={model_id: models[model_id] for model_id in sorted(models)})
    if old is not None:
        merged.tier_rules = old.tier_rules
        if msgspec.structs.replace(merged, checked=old.checked) == old:
            merged = old
    return merged, tuple(additions)


def _merge_model(old: ModelData, new: ModelData, as_of: date) -> ModelData:
    rows = list(old.rows)
    keys = {_key(row) for row in rows}
    rows += [row for row in new.rows if row.effective_from is not None and _key(row) not in keys]
    tiers = {row.tier for row in old.rows}
    rows += [row for row in new.rows if row.tier not in tiers and row.effective_from is None]
    for tier in sorted({row.tier for row in new.rows}):
        rows += _caught_up(rows, new.rows, tier, as_of)
    return msgspec.structs.replace(
        new,
        aliases=_union(old.aliases, new.aliases),
        starts_with=_union(old.starts_with, new.starts_with),
        contains=_union(old.contains, new.contains),
        ends_with=_union(old.ends_with, new.ends_with),
        regex=_union(old.regex, new.regex),
        rows=tuple(sorted(rows, key=_order)),
    )


def _caught_up(rows: list[RowData], fresh: Iterable[RowData], tier: str, as_of: date) -> list[RowData]:
    """Return rows dated `as_of` when the price of today is no longer what the new data says."""
    ours, theirs = _held(rows, tier, as_of), _held(fresh, tier, as_of)
    if not theirs or {_content(row) for row in ours} == {_content(row) for row in theirs}:
        return []
    if any(row.effective_from == as_of for row in ours):
        return []
    return [msgspec.structs.replace(row, effective_from=as_of) for row in theirs]


def _held(rows: Iterable[RowData], tier: str, day: date) -> list[RowData]:
    """Return the rows of `tier` that hold on `day`: those of the newest first day, all windows."""
    past = [row for row in rows if row.tier == tier and (row.effective_from or date.min) <= day]
    newest = max((row.effective_from or date.min for row in past), default=date.min)
    return [row for row in past if (row.effective_from or date.min) == newest]


def _content(row: RowData) -> bytes:
    """Return what a row says, without the day on which it starts."""
    return msgspec.json.encode(msgspec.structs.replace(row, effective_from=None), order="sorted")


def _key(row: RowData) -> Key:
    return (row.tier, row.effective_from, (row.hours.start, row.hours.end) if row.hours else None)


def _order(row: RowData) -> tuple[bool, str, date, str]:
    return (row.tier != "default", row.tier, row.effective_from or date.min, row.hours.start if row.hours else "")


def _union(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*old, *new}))
