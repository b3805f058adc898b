"""Compile a spec into duckdb SQL over a relation of log records.

The result is a set of column expressions (`Compiled`); `llmopt.cost.query` puts them into one statement.
Where this query is sure of a record it says so; a record that it is not sure of is BAD or UNKNOWN, and the
Python function of the same spec decides. It must never call a record OK that the Python function would not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from llmopt.core.usage import BUCKETS
from llmopt.cost.spec.columns import Relation, bases_of, json_path, literal, pick_of
from llmopt.cost.spec.expr import Binary, Call, Const, Expr, In, Not, Path, constant_text
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome

NULL = "NULL"


@dataclass(slots=True)
class Compiled:
    """SQL of one spec; every expression may use the columns of `leaves`."""

    guard: str
    outcome: str
    """An `Outcome` number, for records that pass the guard."""
    fields: dict[str, str]
    """Canonical field -> SQL: text VARCHAR, counts BIGINT, timestamp TIMESTAMP; all 10 buckets are there."""
    naive: str
    key: str | None
    """De-duplication key as one VARCHAR; None where the format has none."""
    order: list[str]
    tree_id: str | None
    tree_parent: str | None
    leaves: dict[str, str] = field(default_factory=dict)
    """Column name -> SQL of a checked count; to be computed one level below."""
    windowed: bool = False
    """Does it use `carry`? Then the relation needs `llmopt_file` and `llmopt_row`."""


def compile_sql(spec: Spec, relation: Relation, wanted: tuple[str, ...], prefix: str = "c") -> Compiled:
    """Compile `spec` for `relation`.

    Args:
        spec: a variant, wrapper and all.
        relation: must have collected the spec's expressions.
        wanted: canonical fields besides the buckets that the query will use.
        prefix: of the leaf column names; different for each spec of one query.
    """
    return _SqlCompiler(spec, relation, prefix).compile(wanted)


class _SqlCompiler:
    def __init__(self, spec: Spec, relation: Relation, prefix: str) -> None:
        self.spec, self.relation, self.prefix = spec, relation, prefix
        self.bases = bases_of(spec)
        self.leaves: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.windowed = False

    def compile(self, wanted: tuple[str, ...]) -> Compiled:
        spec = self.spec
        fields = {name: self._field(name) for name in wanted}
        counts = {name: self.count(spec.fields[name]) for name in BUCKETS if name in spec.fields}
        total = self.count(spec.fields["total"]) if "total" in spec.fields else NULL
        if "requests" in wanted:
            fields["requests"] = f"coalesce({self.count(spec.fields.get('requests', Const(1)))}, 1)"
        dedupe, tree = spec.dedupe, spec.tree
        return Compiled(
            guard=self.truth(spec.guard),
            outcome=self._outcome(counts, total),
            fields=fields | {name: counts.get(name, "0") for name in BUCKETS},
            naive=self._naive(),
            key=_joined([self.text(expr) for expr in dedupe.key]) if dedupe else None,
            order=[part for expr in (dedupe.order if dedupe else ()) for part in self._sortable(expr)],
            tree_id=_joined([self.text(expr) for expr in tree.id]) if tree else None,
            tree_parent=_joined([self.text(expr) for expr in tree.parent]) if tree else None,
            leaves=self.leaves,
            windowed=self.windowed,
        )

    def _outcome(self, counts: dict[str, str], total: str) -> str:
        spec = self.spec
        used, free = self.truth(spec.usage), self.truth(spec.free)
        bad = [f"({source} IS NOT NULL AND {name} IS NULL)" for name, source in self.sources.items()]
        for sql in counts.values():
            bad.append(f"{sql} IS NULL" if " - " not in sql else f"coalesce({sql} < 0, true)")
        if total != NULL:
            bad.append(f"coalesce({total} <> {' + '.join(counts.values()) or '0'}, false)")
        asked = " OR ".join(self.truth(expr) for expr in spec.ask.values())
        tier = self._tier() if "tier" in spec.fields else None
        broken = " OR ".join(bad) or "false"
        cases = [(self.truth(spec.skip), Outcome.SKIP), (free, Outcome.FREE)]
        cases.append((f"NOT {used} AND {self.truth(spec.failed)}", Outcome.FREE))
        cases.append((asked or "false", Outcome.BAD))
        cases.append((f"{tier} IS NULL" if tier else "false", Outcome.BAD))
        cases.append((f"NOT {used}", Outcome.NO_USAGE))
        cases.append((f"({broken})", Outcome.BAD))
        whens = " ".join(
            f"WHEN {test} THEN {int(outcome)}" for test, outcome in cases if test != "false" and "NOT true" not in test
        )
        return f"CASE {whens} ELSE {int(Outcome.OK)} END" if whens else str(int(Outcome.OK))

    def _field(self, name: str) -> str:
        expr = self.spec.fields.get(name)
        if name == "tier":
            return self._tier() if expr else "'default'"
        if expr is None:
            return {"timestamp": "CAST(NULL AS TIMESTAMP)", "reported_usd": "CAST(NULL AS DECIMAL(38, 12))"}.get(
                name, "CAST(NULL AS VARCHAR)"
            )
        if name == "timestamp":
            return _time(self.text(expr))
        if name == "reported_usd":
            return f"TRY_CAST({self.text(expr)} AS DECIMAL(38, 12))"
        return f"nullif({self.text(expr)}, '')"

    def _tier(self) -> str:
        """One of the known tiers, or null for a word that is none."""
        raw = f"lower(coalesce(nullif({self.text(self.spec.fields['tier'])}, ''), 'default'))"
        if isinstance(self.spec.fields["tier"], Const):
            return literal(self.spec.tier_map.get(str(self.spec.fields["tier"].value), "default"))
        whens = " ".join(f"WHEN {literal(word)} THEN {literal(tier)}" for word, tier in self.spec.tier_map.items())
        return f"CASE {raw} {whens} END"

    def _naive(self) -> str:
        expr = self.spec.fields.get("timestamp")
        if expr is None:
            return "false"
        text = self.text(expr)
        if isinstance(expr, Const):
            return "false"
        zone = r":\d\d.*([zZ]|[+-]\d\d(:?\d\d)?|UTC)\s*$"
        return (
            f"CASE WHEN {text} IS NULL OR suffix({text}, 'Z') OR NOT contains({text}, '-') THEN false "
            f"ELSE NOT regexp_matches({text}, {literal(zone)}) END"
        )

    def count(self, expr: Expr) -> str:
        """SQL of a BIGINT; null for null, and for a value that is no count (see `sources`)."""
        match expr:
            case Const(value=None):
                return "CAST(NULL AS BIGINT)"
            case Const(value=value):
                return str(int(value))
            case Binary(op="+" | "-" as op, left=left, right=right):
                return f"({self.count(left)} {op} {self.count(right)})"
            case Call(name="first", args=args):
                return f"coalesce({', '.join(self.count(arg) for arg in args)})"
            case Call(name="if", args=(condition, then, other)):
                return f"CASE WHEN {self.truth(condition)} THEN {self.count(then)} ELSE {self.count(other)} END"
            case _:
                return self._leaf(self.text(expr))

    def _leaf(self, source: str) -> str:
        if source == NULL:
            return "CAST(NULL AS BIGINT)"
        for name, known in self.sources.items():
            if known == source:
                return name
        name = f"{self.prefix}{len(self.leaves)}"
        self.sources[name] = source
        self.leaves[name] = whole_number(source, aggregate=self.spec.aggregate)
        return name

    def text(self, expr: Expr) -> str:
        """SQL of a VARCHAR."""
        match expr:
            case Const(value=None):
                return NULL
            case Const(value=value):
                return literal(constant_text(value))
            case Path():
                base, prefix = self.bases.locate(expr)
                return self.relation.at(base, (*prefix, *expr.steps)) or NULL
            case Call(name="first", args=args):
                parts = [part for part in (self.text(arg) for arg in args) if part != NULL]
                return f"coalesce({', '.join(parts)})" if parts else NULL
            case Call(name="if", args=(condition, then, other)):
                return f"CASE WHEN {self.truth(condition)} THEN {self.text(then)} ELSE {self.text(other)} END"
            case Call(name="time", args=(value,)):
                return self.text(value)
            case Call(name="lower", args=(value,)):
                return f"lower({self.text(value)})"
            case Call(name="attr" | "pick", args=(Path() as path, *_)):
                base, prefix = self.bases.locate(path)
                return self.relation.picked(base, (*prefix, *path.steps), pick_of(expr)) or NULL
            case Call(name="json", args=(value,), steps=steps):
                text = self.text(value)
                return f"json_extract_string(CASE WHEN json_valid({text}) THEN {text} END, {json_path(steps)})"
            case Call(name="carry", args=(value,)):
                self.windowed = True
                window = "PARTITION BY llmopt_file ORDER BY llmopt_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
                return f"last_value({self.text(value)} IGNORE NULLS) OVER ({window})"
            case Call(name="milli", args=(value,)):
                return f"CAST(TRY_CAST({self.text(value)} AS DECIMAL(30, 6)) / 1000 AS VARCHAR)"
            case Call(name="between", args=(start, end)):
                span = f"date_diff('microsecond', {_time(self.text(start))}, {_time(self.text(end))})"
                return f"CAST({span} / 1000000 AS VARCHAR)"
            case Binary(op="+" | "-"):
                return f"CAST({self.count(expr)} AS VARCHAR)"
            case _:
                return f"CASE WHEN {self.truth(expr)} THEN 'true' ELSE 'false' END"

    def truth(self, expr: Expr) -> str:
        """SQL of a BOOLEAN that is never null."""
        match expr:
            case Const(value=value):
                return "true" if value is True else "false"
            case Not(operand=operand):
                return f"(NOT {self.truth(operand)})"
            case In(item=item, values=values):
                return f"coalesce({self.text(item)} IN ({', '.join(literal(v) for v in values)}), false)"
            case Binary(op="and" | "or" as op, left=left, right=right):
                return f"({self.truth(left)} {op.upper()} {self.truth(right)})"
            case Binary(op="==", left=left, right=right):
                return f"coalesce({self.text(left)} = {self.text(right)}, false)"
            case Binary(op="!=", left=left, right=right):
                return f"coalesce({self.text(left)} <> {self.text(right)}, true)"
            case Binary(op="<" | "<=" | ">" | ">=" as op, left=left, right=right):
                return f"coalesce({self._plain(left)} {op} {self._plain(right)}, false)"
            case Call(name="present", args=(value,)):
                return f"({self.text(value)} IS NOT NULL)"
            case Call(name="starts" | "contains" as name, args=(value, Const(value=part))):
                function = "starts_with" if name == "starts" else "contains"
                return f"coalesce({function}({self.text(value)}, {literal(str(part))}), false)"
            case _:
                return f"coalesce({self.text(expr)} = 'true', false)"

    def _plain(self, expr: Expr) -> str:
        """A count in a comparison: what is no count compares as null and spoils nothing else."""
        if isinstance(expr, Path | Const) or (isinstance(expr, Call) and expr.name not in ("first", "if")):
            return whole_number(self.text(expr), aggregate=True)
        return self.count(expr)

    def _sortable(self, expr: Expr) -> list[str]:
        """Numbers before texts, null first, as the Python function orders them."""
        text = self.text(expr)
        return [f"TRY_CAST({text} AS DOUBLE)", text] if text != NULL else []


def whole_number(source: str, *, aggregate: bool) -> str:
    """SQL of a checked cast: null unless the text is a whole number of a believable size.

    JSON fractions always carry a point in duckdb's rendering, so that one test keeps its cast from rounding.
    """
    if source == NULL:
        return "CAST(NULL AS BIGINT)"
    if aggregate:
        return f"CASE WHEN contains({source}, '.') OR strlen({source}) > 15 THEN NULL ELSE CAST(TRY_CAST({source} AS UBIGINT) AS BIGINT) END"
    return f"CASE WHEN contains({source}, '.') THEN NULL ELSE CAST(TRY_CAST({source} AS UINTEGER) AS BIGINT) END"


def _time(text: str) -> str:
    """SQL of a TIMESTAMP from ISO text or from unix seconds, milli-, micro- or nanoseconds, told apart by size."""
    if text == NULL:
        return "CAST(NULL AS TIMESTAMP)"
    number = f"TRY_CAST({text} AS DOUBLE)"
    scale = f"CASE WHEN abs({number}) < 1e11 THEN 1e6 WHEN abs({number}) < 1e14 THEN 1e3 WHEN abs({number}) < 1e17 THEN 1 ELSE 1e-3 END"
    unix = f"make_timestamp(TRY_CAST(floor({number} * {scale} + 0.5) AS BIGINT))"
    return f"CASE WHEN contains({text}, '-') THEN TRY_CAST({text} AS TIMESTAMP) ELSE {unix} END"


def _joined(parts: list[str]) -> str:
    """One key of several texts; null where all are null."""
    if len(parts) == 1:
        return f"nullif({parts[0]}, '')"
    joined = " || chr(31) || ".join(f"coalesce({part}, '')" for part in parts)
    return f"nullif({joined}, {literal(chr(31) * (len(parts) - 1))})"
