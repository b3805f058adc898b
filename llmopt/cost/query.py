"""Put compiled specs into one duckdb statement: files in, ledger entries out.

Stages, innermost first: scan (only the columns that the specs name), unnest, checked counts, which spec reads
the row, canonical fields and outcome, trace parents out, duplicates out, keys of the price table, totals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from llmopt.core.usage import BUCKETS
from llmopt.cost.plan import Plan
from llmopt.cost.spec.columns import Beside, JsonRelation, Relation, nested_lists
from llmopt.cost.spec.expr import LINE, Call, Expr, Path
from llmopt.cost.spec.load import GROUP_FIELDS, Spec, other_chains
from llmopt.cost.spec.row import Outcome
from llmopt.cost.spec.sql import Compiled, compile_sql

DUPLICATE = 6
"""Outcome, besides those of a single record: another record of the same response is counted."""
TEXT = 7
"""Outcome of a record without usage whose format logs what was said: read again one by one, for its text."""
COMPARED = f"outcome IN ({int(Outcome.OK)}, {int(Outcome.NO_USAGE)}, {TEXT}) AND key IS NOT NULL"
"""Records that others of the same response may repeat. Texts are booked elsewhere; they only lend their time to the
record of the same response that has the usage."""
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
    beside: Beside = field(default_factory=Beside)


@dataclass(slots=True)
class Records:
    """A query of canonical records, and what its `fmt` column means."""

    with_sql: str
    """The WITH clause that `source` needs."""
    source: str
    """Query of one row a record: format, file, outcome, timestamp `ts` and canonical fields."""
    formats: list[Spec] = field(default_factory=list)
    """Index in the `fmt` column -> spec."""
    beside: frozenset[str] = frozenset()
    """Columns of `Scan.beside` that `source` has."""
    trees: list[str] = field(default_factory=list)
    """Names of the scans whose spans form trees: `NAME_all` has their spans, `NAME_up` those above spans with usage."""


def records(scans: list[Scan], plan: Plan, *, ranked: bool = True) -> Records:
    """Return the query of all records of `scans`, with duplicates and records outside of the period marked.

    Args:
        scans: files, not to be mixed up: their specs are compiled here.
        plan: what is asked.
        ranked: mark duplicates; False: let them be, with the `key` by which they are told.
    """
    formats: list[Spec] = []
    parts: list[str] = []
    queries: list[str] = []
    trees: list[str] = []
    for number, scan in enumerate(scans):
        name = f"g{number}"
        parts += _canonical(name, scan, plan, len(formats))
        queries.append(f"SELECT * FROM {name}")
        formats += scan.specs
        trees += [name] if any(spec.tree for spec in scan.specs) else []
    source = queries[0] if len(queries) == 1 else " UNION ALL BY NAME ".join(queries)
    beside = frozenset(name for scan in scans for name, _ in scan.beside.columns(scan.relation))
    if ranked and compares(formats, plan):
        source = without_repeats(source, formats)
    return Records(f"WITH RECURSIVE {', '.join(parts)} ", within(source, plan), formats, beside, trees)


def without_repeats(source: str, formats: Sequence[Spec]) -> str:
    """Return the query with all but the best record of each response marked, and the time of its earliest on that."""
    fate = f"CASE WHEN rank > 1 AND response IS NOT NULL AND outcome <> {TEXT} THEN {DUPLICATE} ELSE outcome END"
    time = "CASE WHEN response IS NOT NULL THEN first_ts ELSE ts END"
    ranked = f"SELECT *, {_rank(formats)} FROM (SELECT *, {_partition()} FROM ({source}))"
    return f"SELECT * REPLACE ({fate} AS outcome, {time} AS ts) FROM ({ranked})"


def within(source: str, plan: Plan) -> str:
    """Return the query with records outside of the period marked."""
    if plan.since_us is None and plan.until_us is None:
        return source
    return f"SELECT * REPLACE ({_within(plan)} AS outcome) FROM ({source})"


def compares(formats: Sequence[Spec], plan: Plan) -> bool:
    """May records be duplicates of others?"""
    return plan.dedupe == "all" or (plan.dedupe == "auto" and any(spec.dedupe for spec in formats))


def locate(scan: Scan, plan: Plan) -> str:
    """Return the statement that finds the records of one file that the query is not sure of.

    Its rows are (line among those that are not blank, position in each nested list, all from 1; last, whether the
    query saw no list at all, so that the whole line is in question).
    """
    plan = replace(plan, by=())
    base, _ = _records(scan, plan, 0, numbered=True)
    columns = ", ".join(["llmopt_row", *(f"llmopt_i{n + 1}" for n in range(_depth(scan))), "llmopt_whole"])
    unsure = f"outcome IN ({int(Outcome.BAD)}, {int(Outcome.UNKNOWN)}, {TEXT})"
    return f"SELECT {columns} FROM ({_with_texts(base, scan, 0)}) WHERE {unsure} ORDER BY ALL"


def _canonical(name: str, scan: Scan, plan: Plan, offset: int) -> list[str]:
    """Common table expressions that end in `name`: one canonical row a record."""
    base, tree = _records(scan, plan, offset, numbered=False)
    base = _with_texts(base, scan, offset)
    if not tree:
        return [f"{name} AS NOT MATERIALIZED ({base})"]
    return [f"{name}_all AS MATERIALIZED ({base})", *_without_parents(name)]


def _with_texts(base: str, scan: Scan, offset: int) -> str:
    """The query with records to be counted from their text told from the others without usage."""
    counted = [str(offset + n) for n, spec in enumerate(scan.specs) if spec.has_texts]
    if not counted:
        return base
    is_text = f"outcome = {int(Outcome.NO_USAGE)} AND fmt IN ({', '.join(counted)})"
    return f"SELECT * REPLACE (CASE WHEN {is_text} THEN {TEXT} ELSE outcome END AS outcome) FROM ({base})"


def _records(scan: Scan, plan: Plan, offset: int, *, numbered: bool) -> tuple[str, bool]:
    """The query of one scan's canonical rows, and whether they form trees."""
    wanted: tuple[str, ...] = ("request_id", "provider", "model", "tier", "timestamp", "reported_usd", "requests")
    wanted += (*(group for group in plan.by if group in GROUP_FIELDS), *plan.fields)
    if isinstance(scan.relation, JsonRelation):
        scan.relation.collect_beside(scan.beside)
        for spec in scan.specs:
            scan.relation.collect(spec, _needed(spec, plan, wanted, alone=len(scan.specs) == 1))
    compiled = [
        compile_sql(
            spec,
            scan.relation,
            wanted,
            f"llmopt_c{offset + n}_",
            check_tiers=plan.check_tiers,
            alone=len(scan.specs) == 1,
        )
        for n, spec in enumerate(scan.specs)
    ]
    numbered = numbered or any(part.windowed for part in compiled)
    base = _unnested(scan, numbered)
    leaves = [f"{sql} AS {column}" for part in compiled for column, sql in part.leaves.items()]
    base = f"SELECT *{''.join(', ' + leaf for leaf in leaves)} FROM ({base})"
    guards = " ".join(
        f"WHEN {_guard(scan, spec, part)} THEN {offset + n}"
        for n, (spec, part) in enumerate(zip(scan.specs, compiled, strict=True))
    )
    base = f"SELECT *, CASE {guards} ELSE -1 END AS llmopt_fmt FROM ({base})"
    columns = _columns(compiled, offset, wanted, plan)
    columns += "".join(f", {sql} AS {name}" for name, sql in scan.beside.columns(scan.relation))
    if numbered:
        columns += "".join([", llmopt_row", *(f", llmopt_i{n + 1}" for n in range(_depth(scan)))])
        columns += ", llmopt_e1 IS NULL AS llmopt_whole" if _depth(scan) else ", true AS llmopt_whole"
    return f"SELECT {columns} FROM ({base})", any(spec.tree for spec in scan.specs)


def _guard(scan: Scan, spec: Spec, part: Compiled) -> str:
    """Is a row of this format? A line without the format's lists, or with those of another chain too, is not sure."""
    tests = [part.guard if len(scan.specs) == 1 else part.detect]
    if spec.rows:
        tests.append(f"llmopt_e{len(spec.rows)} IS NOT NULL")
    for steps in other_chains(spec):
        items = scan.relation.at("", steps)
        tests.append(f"{items} IS NULL" if items else "true")
    return " AND ".join(tests)


def _depth(scan: Scan) -> int:
    return len(scan.specs[0].rows) if len(scan.specs) == 1 else 0


def _needed(spec: Spec, plan: Plan, wanted: tuple[str, ...], *, alone: bool) -> list[Expr]:
    """Expressions of a spec whose columns must be read."""
    names = {*wanted, *BUCKETS} - ({"request_id"} if spec.dedupe or plan.dedupe == "none" else set())
    needed = [expr for name, expr in spec.fields.items() if name in names]
    needed += [expr for expr in (spec.fields.get("total"),) if expr is not None and not isinstance(expr, Path)]
    needed += [spec.guard if alone else spec.detect, spec.skip, spec.usage, spec.free, spec.failed, *spec.ask.values()]
    needed += [*spec.dedupe.key, *spec.dedupe.order] if spec.dedupe else []
    needed += [Call("present", (Path(steps, LINE),)) for steps in other_chains(spec)]
    return [*needed, *(spec.tree.id + spec.tree.parent if spec.tree else ())]


def _unnested(scan: Scan, numbered: bool) -> str:
    """The scan with one row an innermost list element; a line without the list stays as one row of nulls."""
    added, from_sql = [f"file_index + {scan.first_file} AS llmopt_file"], scan.from_sql
    if isinstance(scan.relation, JsonRelation):
        added += scan.relation.nulls()
        from_sql = from_sql.replace("{columns}", scan.relation.columns())
    source = f"(SELECT *, {', '.join(added)} FROM {from_sql})"
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
        # A span that names itself as the one above is a root.
        parents = [f"nullif({part.tree_parent}, {part.tree_id})" if part.tree_id else "NULL" for part in compiled]
        columns.append(f"{choose(parents)} AS tree_parent")
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
        f"UNION SELECT a.tree_parent FROM {name}_all a JOIN {name}_up u ON a.tree_id = u.id "
        "WHERE a.tree_parent IS NOT NULL)"
    )
    repeated = f"{counted} AND tree_id IN (SELECT id FROM {name}_up)"
    leaves = (
        f"{name} AS (SELECT * EXCLUDE (tree_id, tree_parent) "
        f"REPLACE (CASE WHEN {repeated} THEN {DUPLICATE} ELSE outcome END AS outcome) FROM {name}_all)"
    )
    return [ancestors, leaves]


def _rank(formats: Sequence[Spec]) -> str:
    """Rank among the records of one response, best first, and the earliest timestamp of all.

    Everything that makes a difference is in the order, so that the choice does not depend on threads.
    """
    same = "PARTITION BY response, spread"
    orders = max(len(spec.dedupe.order) if spec.dedupe else 0 for spec in formats)
    ordered = ["outcome", *(f"o{index} DESC NULLS LAST" for index in range(orders))]
    # Buckets that no format has are hashed too: a part of a log, with fewer formats, must choose alike.
    counted = [f"coalesce(CAST({bucket} AS BIGINT), 0)" for bucket in BUCKETS]
    ordered += ["file", f"hash(ts, model, {', '.join(counted)})"]
    window = f"({same} ORDER BY {', '.join(ordered)} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    return f"row_number() OVER {window} AS rank, min(ts) OVER {window} AS first_ts"


def _partition() -> str:
    """The response that a record belongs to; the others are only spread, for the sake of the sort."""
    response = f"CASE WHEN {COMPARED} THEN key END AS response"
    return f"{response}, CASE WHEN {COMPARED} THEN 0 ELSE hash(ts) % 64 END AS spread"


def used(bucket: str, formats: list[Spec]) -> bool:
    """Does any of the formats report this bucket?"""
    return any(bucket in spec.fields for spec in formats)


def _within(plan: Plan) -> str:
    """Outcome with records outside the period skipped."""
    tests = ["ts IS NULL"]
    if plan.since_us is not None:
        tests.append(f"epoch_us(ts) < {plan.since_us}")
    if plan.until_us is not None:
        tests.append(f"epoch_us(ts) >= {plan.until_us}")
    known = f"outcome NOT IN ({int(Outcome.BAD)}, {int(Outcome.UNKNOWN)}, {TEXT})"
    return f"CASE WHEN {known} AND ({' OR '.join(tests)}) THEN {int(Outcome.SKIP)} ELSE outcome END"
