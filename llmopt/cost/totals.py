"""Add canonical records up by ledger key, and find the dearest of them."""

from __future__ import annotations

from collections.abc import Iterable

from llmopt.core.usage import BUCKETS
from llmopt.cost.keying import Keying
from llmopt.cost.plan import Plan
from llmopt.cost.query import TEXT, Records, used
from llmopt.cost.spec.columns import literal
from llmopt.cost.spec.expr import Const
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome
from llmopt.cost.weights import Weights

TIME_GROUPS = {
    "day": "strftime(ts, '%Y-%m-%d')",
    "hour": "strftime(ts, '%Y-%m-%dT%H:00Z')",
    "week": "strftime(ts, '%G-W%V')",
    "month": "strftime(ts, '%Y-%m')",
}
"""Groups by time -> SQL; the Python twins are in `llmopt.cost.groups`."""
KEY_COLUMNS = 4
"""Columns before the groups: packed numbers, model, provider, tier."""
_COUNTED = f"outcome IN ({int(Outcome.OK)}, {int(Outcome.NO_USAGE)})"
_PRICED = f"outcome = {int(Outcome.OK)}"


def totals(found: Records, plan: Plan) -> str:
    """Return the statement whose rows are `KEY_COLUMNS`, the groups, then the sums that `llmopt.cost.engine` reads."""
    keys = _keys(found.formats, plan)
    columns = [f"{sql or 'NULL'} AS k{index}" for index, sql in enumerate(keys)]
    columns += [f"{sql} AS v{index}" for index, sql in enumerate(_sums(found.formats, plan))]
    grouped = ", ".join(f"k{index}" for index, sql in enumerate(keys) if sql)
    return f"{found.with_sql}SELECT {', '.join(columns)} FROM ({_dated(found)}) GROUP BY {grouped}"


def dearest(found: Records, plan: Plan, weights: Iterable[tuple[tuple[object, ...], Weights]]) -> str:
    """Return the statement that finds the highest cost of a single request, in millionths of a dollar.

    Args:
        found: the records.
        plan: as for `totals`.
        weights: first `KEY_COLUMNS` values of a row of `totals` -> what its requests cost.
    """
    keys = _keys(found.formats, plan)[:KEY_COLUMNS]
    columns = [f"{sql or 'NULL'} AS k{index}" for index, sql in enumerate(keys)]
    rows = ", ".join(_weights_row(key, weight) for key, weight in weights)
    names = [f"k{index}" for index in range(KEY_COLUMNS)] + [f"w_{bucket}" for bucket in BUCKETS] + ["w_request"]
    joined = " AND ".join(f"r.k{index} IS NOT DISTINCT FROM w.k{index}" for index in range(KEY_COLUMNS))
    cost = " + ".join(f"r.{bucket} * w.w_{bucket}" for bucket in BUCKETS if used(bucket, found.formats))
    return (
        f"{found.with_sql}SELECT max({cost} + w.w_request) "
        f"FROM (SELECT {', '.join(columns)}, {', '.join(BUCKETS)} FROM ({_dated(found)}) WHERE {_PRICED}) r "
        f"JOIN (VALUES {rows}) w({', '.join(names)}) ON {joined}"
    )


def unpacked(packed: int, formats: int, keying: Keying) -> tuple[int, int, int, int, int, int]:
    """Return the numbers in the first key column.

    They are file (-1: any, the query is sure), fmt (-1: none), outcome, epoch index (-1: no time), index of the part
    of the day, index of the band.
    """
    packed, band = divmod(packed, len(keying.thresholds) + 1)
    packed, minute = divmod(packed, len(keying.minutes) + 1)
    packed, epoch = divmod(packed, len(keying.change_dates) + 2)
    packed, outcome = divmod(packed, 8)
    file, fmt = divmod(packed, formats + 1)
    return file - 1, fmt - 1, outcome, epoch - 1, minute, band


def _dated(found: Records) -> str:
    return f"SELECT *, CAST(ts AS DATE) AS utc_day FROM ({found.source})"


def _keys(formats: list[Spec], plan: Plan) -> list[str]:
    """SQL of the key columns; empty for one that is constant and put in afterwards."""
    keys = [
        packed(formats, plan.keying),
        f"CASE WHEN {_COUNTED} THEN model END",
        f"CASE WHEN {_COUNTED} THEN provider END" if _varies("provider", formats) else "",
        f"CASE WHEN {_COUNTED} THEN tier END" if _varies("tier", formats) else "",
    ]
    for group in plan.by:
        value = TIME_GROUPS.get(group) or ("file" if group == "file" else f"g_{group}")
        always = plan.apart and group in ("day", "file")
        keys.append(value if always else f"CASE WHEN {_COUNTED} THEN {value} END")
    return keys


def packed(formats: list[Spec], keying: Keying) -> str:
    """Return SQL of small whole numbers as the digits of one: a key column costs more than the arithmetic."""
    aggregates = [str(n) for n, spec in enumerate(formats) if spec.aggregate]
    single = f"fmt NOT IN ({', '.join(aggregates)}) AND {_PRICED}" if aggregates else _PRICED
    tokens = " + ".join(name for name in BUCKETS if name.startswith("input_") and used(name, formats)) or "0"
    unsure = f"outcome IN ({int(Outcome.BAD)}, {int(Outcome.UNKNOWN)}, {TEXT})"
    digits = (
        ("fmt + 1", len(formats) + 1),
        ("outcome", 8),
        (f"{keying.epoch_sql('utc_day')} + 1", len(keying.change_dates) + 2),
        (keying.minute_sql("model", "ts"), len(keying.minutes) + 1),
        (f"CASE WHEN {single} THEN {keying.band_sql(tokens)} ELSE 0 END", len(keying.thresholds) + 1),
    )
    number = f"CASE WHEN {unsure} THEN file + 1 ELSE 0 END"
    for sql, size in digits:
        number = f"({number}) * {size} + {sql}"
    return f"CAST({number} AS BIGINT)"


def _sums(formats: list[Spec], plan: Plan) -> list[str]:
    """SQL of the sums, in the order that `llmopt.cost.engine` reads them."""
    sums = ["count(*)", "sum(requests)" if any("requests" in spec.fields for spec in formats) else "count(*)"]
    sums += [f"sum({bucket})" if used(bucket, formats) else "0" for bucket in BUCKETS]
    sums.append("sum(reported_usd)" if any("reported_usd" in spec.fields for spec in formats) else "NULL")
    sums += ["epoch_us(min(ts))", "epoch_us(max(ts))", "count(*) - count(ts)", "count(nullif(naive, false))"]
    watched = [str(n) for n, spec in enumerate(formats) if not spec.dedupe and "request_id" in spec.fields]
    if not watched or plan.dedupe != "auto":
        return [*sums, "NULL"]
    sampled = f" AND hash(request_id) % {plan.sample} = 0" if plan.sample > 1 else ""
    member = f"fmt IN ({', '.join(watched)}) AND " if len(watched) < len(formats) else ""
    return [*sums, f"list(hash(request_id)) FILTER (WHERE {member}{_PRICED} AND request_id IS NOT NULL{sampled})"]


def _weights_row(key: tuple[object, ...], weights: Weights) -> str:
    values = [str(key[0]), *("NULL" if part is None else literal(str(part)) for part in key[1:])]
    rates = [weights.usd_per_mtok[bucket] for bucket in BUCKETS]
    values += [f"CAST('{rate:f}' AS DECIMAL(18, 9))" for rate in rates]
    return f"({', '.join([*values, f'CAST({weights.usd_per_request * 1_000_000:f} AS DECIMAL(28, 9))'])})"


def _varies(name: str, formats: list[Spec]) -> bool:
    """Does the field differ from record to record? A constant is put in afterwards, from the spec."""
    return any(not isinstance(spec.fields.get(name, Const(None)), Const) for spec in formats)
