"""Put compiled specs into one duckdb statement: files in, ledger entries out.

Stages, innermost first: scan (only the columns that the specs name), unnest, checked counts, which spec reads
the row, canonical fields and outcome, trace parents out, duplicates out, keys of the price table, totals.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from llmopt.core.usage import BUCKETS
from llmopt.cost.keying import Keying
from llmopt.cost.plan import Plan
from llmopt.cost.spec.columns import JsonRelation, Relation, nested_lists
from llmopt.cost.spec.expr import Const, Expr, Path
from llmopt.cost.spec.load import GROUP_FIELDS, Spec
from llmopt.cost.spec.row import Outcome
from llmopt.cost.spec.sql import Compiled, compile_sql

DUPLICATE = 6
"""Outcome, besides those of a single record: another record of the same response is counted."""
TIME_GROUPS = {
    "day": "strftime(ts, '%Y-%m-%d')",
    "hour": "strftime(ts, '%Y-%m-%dT%H:00Z')",
    "week": "strftime(ts, '%G-W%V')",
    "month": "strftime(ts, '%Y-%m')",
}
"""Groups by time -> SQL; the Python twins are in `llmopt.cost.groups`."""
MAX_OBJECT_BYTES = 8 * 2**20
"""Longest line that the scan takes; longer ones are read one by one on the slow path."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Files of one kind that hold the same formats, and how duckdb reads them."""

    specs: tuple[Spec, ...]
    """Variants, most specific first; at most one when it unnests lists."""
    relation: Relation
    from_sql: str
    """Table function; `{columns}` is put in for JSON."""
    first_file: int = 0
    """Number of its first file; the others follow."""


@dataclass(slots=True)
class Statement:
    """One statement and the meaning of its rows."""

    sql: str
    formats: list[Spec] = field(default_factory=list)
    """Index in the `fmt` column -> spec."""


def build(scans: list[Scan], plan: Plan) -> Statement:
    """Return the statement that adds up all `scans` under `plan`."""
    formats: list[Spec] = []
    parts: list[str] = []
    queries: list[str] = []
    for number, scan in enumerate(scans):
        name = f"g{number}"
        parts += _canonical(name, scan, plan, len(formats))
        queries.append(f"SELECT * FROM {name}")
        formats += scan.specs
    dedupes = plan.dedupe == "all" or (plan.dedupe == "auto" and any(spec.dedupe for spec in formats))
    source = queries[0] if len(queries) == 1 else " UNION ALL BY NAME ".join(queries)
    if dedupes:
        parts.append(f"ranked AS (SELECT *, {_rank(formats)} FROM (SELECT *, {_partition()} FROM ({source})))")
        fate = f"CASE WHEN rank > 1 AND response IS NOT NULL THEN {DUPLICATE} ELSE outcome END"
        time = "CASE WHEN response IS NOT NULL THEN first_ts ELSE ts END"
        source = f"SELECT * REPLACE ({fate} AS outcome, {time} AS ts) FROM ranked"
    with_sql = f"WITH RECURSIVE {', '.join(parts)} "
    return Statement(with_sql + _totals(source, plan, formats, dedupes), formats)


def locate(scan: Scan, plan: Plan) -> str:
    """Return the statement that finds the records of one file that the query is not sure of.

    Its rows are (line among those that are not blank, then the position in each nested list), all from 1.
    """
    plan = replace(plan, by=())
    base, _ = _records(scan, plan, 0, numbered=True)
    columns = ", ".join(["llmopt_row", *(f"llmopt_i{n + 1}" for n in range(_depth(scan)))])
    unsure = f"outcome IN ({int(Outcome.BAD)}, {int(Outcome.UNKNOWN)})"
    return f"SELECT {columns} FROM ({base}) WHERE {unsure} ORDER BY ALL"


def _canonical(name: str, scan: Scan, plan: Plan, offset: int) -> list[str]:
    """Common table expressions that end in `name`: one canonical row a record."""
    base, tree = _records(scan, plan, offset, numbered=False)
    if not tree:
        return [f"{name} AS NOT MATERIALIZED ({base})"]
    return [f"{name}_all AS MATERIALIZED ({base})", *_without_parents(name)]


def _records(scan: Scan, plan: Plan, offset: int, *, numbered: bool) -> tuple[str, bool]:
    """The query of one scan's canonical rows, and whether they form trees."""
    wanted: tuple[str, ...] = ("request_id", "provider", "model", "tier", "timestamp", "reported_usd", "requests")
    wanted += tuple(group for group in plan.by if group in GROUP_FIELDS)
    if isinstance(scan.relation, JsonRelation):
        for spec in scan.specs:
            scan.relation.collect(spec, _needed(spec, plan, wanted))
    compiled = [
        compile_sql(spec, scan.relation, wanted, f"llmopt_c{offset + n}_", check_tiers=plan.check_tiers)
        for n, spec in enumerate(scan.specs)
    ]
    numbered = numbered or any(part.windowed for part in compiled)
    base = _unnested(scan, numbered)
    leaves = [f"{sql} AS {column}" for part in compiled for column, sql in part.leaves.items()]
    base = f"SELECT *{''.join(', ' + leaf for leaf in leaves)} FROM ({base})"
    guards = " ".join(f"WHEN {part.guard} THEN {offset + n}" for n, part in enumerate(compiled))
    base = f"SELECT *, CASE {guards} ELSE -1 END AS llmopt_fmt FROM ({base})"
    columns = _columns(compiled, offset, wanted, plan)
    if numbered:
        columns += "".join([", llmopt_row", *(f", llmopt_i{n + 1}" for n in range(_depth(scan)))])
    return f"SELECT {columns} FROM ({base})", any(spec.tree for spec in scan.specs)


def _depth(scan: Scan) -> int:
    return len(scan.specs[0].rows) if len(scan.specs) == 1 else 0


def _needed(spec: Spec, plan: Plan, wanted: tuple[str, ...]) -> list[Expr]:
    """Expressions of a spec whose columns must be read."""
    names = {*wanted, *BUCKETS} - ({"request_id"} if spec.dedupe or plan.dedupe == "none" else set())
    needed = [expr for name, expr in spec.fields.items() if name in names]
    needed += [expr for expr in (spec.fields.get("total"),) if expr is not None and not isinstance(expr, Path)]
    needed += [spec.guard, spec.skip, spec.usage, spec.free, spec.failed, *spec.ask.values()]
    needed += [*spec.dedupe.key, *spec.dedupe.order] if spec.dedupe else []
    return [*needed, *(spec.tree.id + spec.tree.parent if spec.tree else ())]


def _unnested(scan: Scan, numbered: bool) -> str:
    """The scan with one row an innermost list element; a line without the list stays as one row of nulls."""
    source = f"(SELECT *, file_index + {scan.first_file} AS llmopt_file FROM {scan.from_sql})"
    if isinstance(scan.relation, JsonRelation):
        source = source.replace("{columns}", scan.relation.columns())
    if numbered:
        source = f"(SELECT *, row_number() OVER () AS llmopt_row FROM {source})"
    for n, (element, (base, steps)) in enumerate(nested_lists(scan.specs[0]).items() if _depth(scan) else ()):
        items = scan.relation.element(base, steps)
        full = f"CASE WHEN {items} IS NULL OR len({items}) = 0 THEN [NULL] ELSE {items} END"
        places = (
            f", unnest(range(1, 1 + greatest(1, coalesce(len({items}), 1)))) AS llmopt_i{n + 1}" if numbered else ""
        )
        source = f"(SELECT *, unnest({full}) AS {element}{places} FROM {source})"
    return f"SELECT * FROM {source}"


def _columns(compiled: list[Compiled], offset: int, wanted: tuple[str, ...], plan: Plan) -> str:
    """Canonical columns, by spec of the row."""

    def choose(values: list[str], otherwise: str = "NULL") -> str:
        whens = " ".join(f"WHEN {offset + n} THEN {value}" for n, value in enumerate(values))
        return (
            values[0]
            if len(set(values)) == 1 and otherwise == "NULL"
            else f"CASE llmopt_fmt {whens} ELSE {otherwise} END"
        )

    columns = ["llmopt_fmt AS fmt", "llmopt_file AS file"]
    for name in wanted:
        alias = {"timestamp": "ts"}.get(name, f"g_{name}" if name in GROUP_FIELDS else name)
        columns.append(f"{choose([part.fields[name] for part in compiled])} AS {alias}")
    columns += [f"{choose([part.fields[bucket] for part in compiled])} AS {bucket}" for bucket in BUCKETS]
    outcome = choose([part.outcome for part in compiled], str(int(Outcome.UNKNOWN)))
    columns += [f"{outcome} AS outcome", f"{choose([part.naive for part in compiled])} AS naive"]
    keys = [part.key or (_identity(part) if plan.dedupe == "all" else "CAST(NULL AS VARCHAR)") for part in compiled]
    columns.append(f"{choose(keys)} AS key")
    for index in range(max(len(part.order) for part in compiled)):
        orders = [part.order[index] if index < len(part.order) else "CAST(NULL AS DOUBLE)" for part in compiled]
        columns.append(f"{choose(orders)} AS o{index}")
    if any(part.tree_id for part in compiled):
        columns.append(f"{choose([part.tree_id or 'NULL' for part in compiled])} AS tree_id")
        columns.append(f"{choose([part.tree_parent or 'NULL' for part in compiled])} AS tree_parent")
    return ", ".join(columns)


def _identity(part: Compiled) -> str:
    """Key of a format that does not repeat by nature: same request id and same content."""
    fields = ["request_id", "model", "timestamp", *BUCKETS]
    texts = [f"coalesce(CAST({part.fields[name]} AS VARCHAR), '')" for name in fields]
    return f"CASE WHEN {part.fields['request_id']} IS NOT NULL THEN {' || chr(31) || '.join(texts)} END"


def _without_parents(name: str) -> list[str]:
    """Spans with usage whose descendants have usage too repeat it: they become duplicates."""
    counted = f"outcome = {int(Outcome.OK)}"
    ancestors = (
        f"{name}_up AS (SELECT tree_parent AS id FROM {name}_all WHERE {counted} AND tree_parent IS NOT NULL "
        f"UNION SELECT a.tree_parent FROM {name}_all a JOIN {name}_up u ON a.tree_id = u.id WHERE a.tree_parent IS NOT NULL)"
    )
    repeated = f"{counted} AND tree_id IN (SELECT id FROM {name}_up)"
    leaves = (
        f"{name} AS (SELECT * EXCLUDE (tree_id, tree_parent) "
        f"REPLACE (CASE WHEN {repeated} THEN {DUPLICATE} ELSE outcome END AS outcome) FROM {name}_all)"
    )
    return [ancestors, leaves]


def _rank(formats: list[Spec]) -> str:
    """Rank among the records of one response, best first, and the earliest timestamp of all.

    Everything that makes a difference is in the order, so that the choice does not depend on threads.
    """
    same = "PARTITION BY response, spread"
    orders = max(len(spec.dedupe.order) if spec.dedupe else 0 for spec in formats)
    ordered = ["outcome", *(f"o{index} DESC NULLS LAST" for index in range(orders))]
    used = [bucket for bucket in BUCKETS if _used(bucket, formats)]
    ordered += ["file", f"hash(ts, model, {', '.join(used)})"]
    window = f"({same} ORDER BY {', '.join(ordered)} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    return f"row_number() OVER {window} AS rank, min(ts) OVER {window} AS first_ts"


def _partition() -> str:
    """The response that a record belongs to; the others are only spread, for the sake of the sort."""
    takes_part = f"outcome IN ({int(Outcome.OK)}, {int(Outcome.NO_USAGE)}) AND key IS NOT NULL"
    response = f"CASE WHEN {takes_part} THEN key END AS response"
    return f"{response}, CASE WHEN {takes_part} THEN 0 ELSE hash(ts) % 64 END AS spread"


def _totals(source: str, plan: Plan, formats: list[Spec], dedupes: bool) -> str:
    """Add the records up by key."""
    counted = f"outcome IN ({int(Outcome.OK)}, {int(Outcome.NO_USAGE)})"
    priced = f"outcome = {int(Outcome.OK)}"
    aggregates = [str(n) for n, spec in enumerate(formats) if spec.aggregate]
    single = f"fmt NOT IN ({', '.join(aggregates)}) AND {priced}" if aggregates else priced
    tokens = " + ".join(bucket for bucket in BUCKETS if bucket.startswith("input_") and _used(bucket, formats))
    unsure = f"outcome IN ({int(Outcome.BAD)}, {int(Outcome.UNKNOWN)})"
    small = {
        "file": (f"CASE WHEN {unsure} THEN file + 1 ELSE 0 END", 0),
        "fmt": ("fmt + 1", len(formats) + 1),
        "outcome": ("outcome", 8),
        "epoch": (f"{plan.keying.epoch_sql('utc_day')} + 1", len(plan.keying.change_dates) + 2),
        "minute": (plan.keying.minute_sql("model", "ts"), len(plan.keying.minutes) + 1),
        "band": (
            f"CASE WHEN {single} THEN {plan.keying.band_sql(tokens or '0')} ELSE 0 END",
            len(plan.keying.thresholds) + 1,
        ),
    }
    keys = {
        "packed": _packed(small),
        "model": f"CASE WHEN {counted} THEN model END",
        "provider": f"CASE WHEN {counted} THEN provider END" if _varies("provider", formats) else "",
        "tier": f"CASE WHEN {counted} THEN tier END" if _varies("tier", formats) else "",
    }
    for group in plan.by:
        value = TIME_GROUPS.get(group) or ("file" if group == "file" else f"g_{group}")
        keys[f"by_{group}"] = f"CASE WHEN {counted} THEN {value} END"
    if plan.since_us is not None or plan.until_us is not None:
        source = f"SELECT * REPLACE ({_within(plan)} AS outcome) FROM ({source})"
    sums = ["count(*)", "sum(requests)" if any("requests" in spec.fields for spec in formats) else "count(*)"]
    sums += [f"sum({bucket})" if _used(bucket, formats) else "0" for bucket in BUCKETS]
    sums.append("sum(reported_usd)" if any("reported_usd" in spec.fields for spec in formats) else "NULL")
    sums += ["epoch_us(min(ts))", "epoch_us(max(ts))", "count(*) - count(ts)", "count(nullif(naive, false))"]
    watched = [str(n) for n, spec in enumerate(formats) if not spec.dedupe and "request_id" in spec.fields]
    if watched and plan.dedupe == "auto":
        sampled = f" AND hash(request_id) % {plan.sample} = 0" if plan.sample > 1 else ""
        member = f"fmt IN ({', '.join(watched)}) AND " if len(watched) < len(formats) else ""
        sums.append(f"list(hash(request_id)) FILTER (WHERE {member}{priced} AND request_id IS NOT NULL{sampled})")
    else:
        sums.append("NULL")
    columns = [f"{sql or 'NULL'} AS k{index}" for index, sql in enumerate(keys.values())]
    columns += [f"{sql} AS v{index}" for index, sql in enumerate(sums)]
    grouped = ", ".join(f"k{index}" for index, sql in enumerate(keys.values()) if sql)
    return (
        f"SELECT {', '.join(columns)} FROM (SELECT *, CAST(ts AS DATE) AS utc_day FROM ({source})) GROUP BY {grouped}"
    )


def _packed(parts: dict[str, tuple[str, int]]) -> str:
    """Small whole numbers as the digits of one: a key column costs more than the arithmetic."""
    packed = "0"
    for sql, size in parts.values():
        packed = f"{sql}" if packed == "0" else f"({packed}) * {size} + {sql}"
    return f"CAST({packed} AS BIGINT)"


def unpacked(packed: int, formats: int, keying: Keying) -> tuple[int, int, int, int, int, int]:
    """Return file (-1: any, the query is sure), fmt (-1: none), outcome, epoch index (-1: no time), index of the part of the day, index of the band."""
    packed, band = divmod(packed, len(keying.thresholds) + 1)
    packed, minute = divmod(packed, len(keying.minutes) + 1)
    packed, epoch = divmod(packed, len(keying.change_dates) + 2)
    packed, outcome = divmod(packed, 8)
    file, fmt = divmod(packed, formats + 1)
    return file - 1, fmt - 1, outcome, epoch - 1, minute, band


def _used(bucket: str, formats: list[Spec]) -> bool:
    return any(bucket in spec.fields for spec in formats)


def _varies(name: str, formats: list[Spec]) -> bool:
    """Does the field differ from record to record? A constant is put in afterwards, from the spec."""
    return any(not isinstance(spec.fields.get(name, Const(None)), Const) for spec in formats)


def _within(plan: Plan) -> str:
    """Outcome with records outside the period skipped."""
    tests = ["ts IS NULL"]
    if plan.since_us is not None:
        tests.append(f"epoch_us(ts) < {plan.since_us}")
    if plan.until_us is not None:
        tests.append(f"epoch_us(ts) >= {plan.until_us}")
    known = f"outcome NOT IN ({int(Outcome.BAD)}, {int(Outcome.UNKNOWN)})"
    return f"CASE WHEN {known} AND ({' OR '.join(tests)}) THEN {int(Outcome.SKIP)} ELSE outcome END"
