"""Compile a spec into duckdb SQL over a relation of log records.

The result is a set of column expressions (`Compiled`); `llmopt.cost.query` puts them into one statement.
Where this query is sure of a record it says so; a record that it is not sure of is BAD or UNKNOWN, and the
Python function of the same spec decides. It must never call a record OK that the Python function would not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from llmopt.core.usage import BUCKETS
from llmopt.cost.spec.columns import Relation, bases_of, json_path, literal, pick_of
from llmopt.cost.spec.expr import Binary, Call, Const, Expr, In, Not, Path, constant_text, walk
from llmopt.cost.spec.load import FALSE, Spec, is_time
from llmopt.cost.spec.row import MAX_AGGREGATE, MAX_COUNT, Outcome
from llmopt.cost.spec.values import ISO, NAIVE_ISO, OFFSET, UNIX_SCALES

NULL = "NULL"
_SECONDS = r"\d\d([.,]\d+)?"


@dataclass(slots=True)
class Compiled:
    """SQL of one spec; every expression may use the columns of `leaves`."""

    guard: str
    outcome: str
    """An `Outcome` number, for records that pass the guard."""
    fields: dict[str, str]
    """Canonical field -> SQL: text VARCHAR (the tier as logged), counts BIGINT, timestamp TIMESTAMP; all buckets."""
    naive: str
    key: str | None
    """De-duplication key as one VARCHAR; None where the format has none."""
    order: list[str]
    """DOUBLEs to keep the greatest of, most important first."""
    tree_id: str | None
    tree_parent: str | None
    leaves: dict[str, str] = field(default_factory=dict)
    """Column name -> SQL of a checked count; to be computed one level below."""
    windowed: bool = False
    """Does it use `carry`? Then the relation needs `llmopt_file` and `llmopt_row`."""


def compile_sql(
    spec: Spec, relation: Relation, wanted: tuple[str, ...], prefix: str, *, check_tiers: bool = True
) -> Compiled:
    """Compile `spec` for `relation`.

    Args:
        spec: a variant, wrapper and all.
        relation: must have collected the spec's expressions.
        wanted: canonical fields besides the buckets that the query will use.
        prefix: of the leaf column names; different for each spec of one query.
        check_tiers: call a record with an unknown service tier BAD (else the caller looks at the tiers found).
    """
    return _SqlCompiler(spec, relation, prefix, check_tiers).compile(wanted)


class _SqlCompiler:
    def __init__(self, spec: Spec, relation: Relation, prefix: str, check_tiers: bool) -> None:
        self.spec, self.relation, self.prefix = spec, relation, prefix
        self.bases = bases_of(spec)
        self.leaves: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.watched: dict[str, str] = {}
        self.optional: dict[tuple[str, str], str] = {}
        self.check_tiers = check_tiers
        self.windowed = False

    def compile(self, wanted: tuple[str, ...]) -> Compiled:
        spec = self.spec
        fields = {name: self._field(name) for name in wanted}
        counts = {name: self.count(spec.fields[name]) for name in BUCKETS if name in spec.fields}
        if "requests" in wanted:
            requests = spec.fields.get("requests", Const(1))
            fields["requests"] = f"coalesce({self.count(requests)}, 1)"
            for node in walk(requests):
                if _is_leaf(node):
                    name = self.count(node)
                    self.watched |= {name: self.sources[name]} if name in self.sources else {}
        dedupe, tree = spec.dedupe, spec.tree
        return Compiled(
            guard=self.truth(spec.guard),
            outcome=self._outcome(counts, spec.fields.get("total")),
            fields=fields | {name: counts.get(name, "0") for name in BUCKETS},
            naive=self._naive(),
            key=_joined([self.text(expr) for expr in dedupe.key]) if dedupe else None,
            order=[self._sortable(expr) for expr in (dedupe.order if dedupe else ())],
            tree_id=self._span(tree.id) if tree else None,
            tree_parent=self._span(tree.parent) if tree else None,
            leaves=self.leaves,
            windowed=self.windowed,
        )

    def _span(self, parts: tuple[Expr, ...]) -> str:
        """Identity of a span; the trace may be missing, its own id may not."""
        *outer, own = [self.text(part) for part in parts]
        return _joined([*(f"coalesce({part}, ' ')" for part in outer), own])

    def _outcome(self, counts: dict[str, str], total: Expr | None) -> str:
        """SQL of the outcome: the first test that holds decides.

        Counts are null exactly where a value is missing or is no count, so that one null in the sum tells.
        """
        spec = self.spec
        used = self.truth(spec.usage)
        sound = [f"{sql} >= 0" for sql in counts.values() if sql != "0"]
        parts = " + ".join(counts.values()) or "0"
        sound.append(f"{parts} <= {MAX_AGGREGATE if spec.aggregate else MAX_COUNT}")
        if total is not None:
            reported = f"TRY_CAST({self.text(total)} AS DOUBLE)" if isinstance(total, Path) else self.count(total)
            sound.append(f"CASE WHEN {self.text(total)} IS NULL THEN true ELSE {reported} = {parts} END")
        broken = [f"NOT coalesce({' AND '.join(sound)}, false)"]
        broken += [f"({source} IS NOT NULL AND {name} IS NULL)" for name, source in self.watched.items()]
        tests = [(self.truth(spec.skip), Outcome.SKIP), (self.truth(spec.free), Outcome.FREE)]
        if spec.failed != FALSE:
            tests.append((f"NOT {used} AND {self.truth(spec.failed)}", Outcome.FREE))
        tests += [(self.truth(expr), Outcome.BAD) for expr in spec.ask.values()]
        if self.check_tiers and "tier" in spec.fields:
            tests.append((f"{self._tier()} IS NULL", Outcome.BAD))
        tests.append((f"NOT {used}", Outcome.NO_USAGE))
        tests.append((" OR ".join(broken) or "false", Outcome.BAD))
        whens = " ".join(
            f"WHEN {test} THEN {int(outcome)}" for test, outcome in tests if test not in ("false", "NOT true")
        )
        return f"CASE {whens} ELSE {int(Outcome.OK)} END" if whens else str(int(Outcome.OK))

    def _field(self, name: str) -> str:
        expr = self.spec.fields.get(name)
        if name == "tier":
            return self.text(expr) if expr else NULL
        if expr is None:
            return {"timestamp": "CAST(NULL AS TIMESTAMP)", "reported_usd": "CAST(NULL AS DECIMAL(38, 12))"}.get(
                name, "CAST(NULL AS VARCHAR)"
            )
        if name == "timestamp":
            text = self.text(expr)
            return _time(text, self._below("t", f"TRY_CAST({text} AS DOUBLE)")) if text != NULL else _time(text)
        if name == "reported_usd":
            return f"TRY_CAST({self.text(expr)} AS DECIMAL(38, 12))"
        return self.text(expr) if isinstance(expr, Const) else f"nullif({self.text(expr)}, '')"

    def _below(self, name: str, sql: str) -> str:
        """Have `sql` computed once, one level below; return the name of its column."""
        column = f"{self.prefix}{name}"
        self.leaves[column] = sql
        return column

    def _tier(self) -> str:
        """One of the known tiers, or null for a word that is none."""
        expr = self.spec.fields["tier"]
        if isinstance(expr, Const):
            return literal(self.spec.tier_map.get(str(expr.value), "default"))
        raw = self.text(expr)
        words = {"default": "default", "": "default"} | self.spec.tier_map
        whens = " ".join(f"WHEN {literal(word)} THEN {literal(tier)}" for word, tier in words.items())
        fallback = f"CASE lower({raw}) {whens} END"
        return self._below(
            "tier", f"CASE WHEN {raw} IS NULL THEN 'default' ELSE CASE {raw} {whens} ELSE {fallback} END END"
        )

    def _naive(self) -> str:
        expr = self.spec.fields.get("timestamp")
        if expr is None:
            return "false"
        text = self.text(expr)
        if isinstance(expr, Const):
            return "false"
        number = f"{self.prefix}t" if f"{self.prefix}t" in self.leaves else f"TRY_CAST({text} AS DOUBLE)"
        assumed = f"regexp_full_match(trim({text}), {literal(NAIVE_ISO)}) AND {_iso(text)} IS NOT NULL"
        return f"CASE WHEN {number} IS NOT NULL OR {text} IS NULL OR suffix({text}, 'Z') THEN false ELSE {assumed} END"

    def count(self, expr: Expr) -> str:
        """SQL of a BIGINT; null for null, and for a value that is no count (see `sources`)."""
        match expr:
            case Const(value=None):
                return "CAST(NULL AS BIGINT)"
            case Const(value=value):
                return str(int(value)) if isinstance(value, int) else whole_number(literal(str(value)))
            case Binary(op="+" | "-" as op, left=left, right=right):
                return f"({self.count(left)} {op} {self.count(right)})"
            case Call(name="first", args=args):
                return self._first(args)
            case Call(name="if", args=(condition, then, other)):
                return f"CASE WHEN {self.truth(condition)} THEN {self.count(then)} ELSE {self.count(other)} END"
            case _:
                return self._leaf(self.text(expr))

    def _first(self, args: tuple[Expr, ...]) -> str:
        """The first count that is there; null where the first that is there is no count."""
        last = args[-1]
        if len(args) == 2 and isinstance(last, Const) and isinstance(args[0], Path | Call) and _is_leaf(args[0]):
            source = self.text(args[0])
            if source == NULL:
                return self.count(last)
            for known, column in self.optional.items():
                if known == (source, self.count(last)):
                    return column
            checked = whole_number(source)
            sql = f"CASE WHEN {source} IS NULL THEN {self.count(last)} ELSE {checked} END"
            return self.optional.setdefault((source, self.count(last)), self._below(f"d{len(self.optional)}", sql))
        names = [self.count(arg) for arg in args]
        self.watched.update({name: self.sources[name] for name in names if name in self.sources})
        return f"coalesce({', '.join(names)})"

    def _leaf(self, source: str) -> str:
        if source == NULL:
            return "CAST(NULL AS BIGINT)"
        for name, known in self.sources.items():
            if known == source:
                return name
        name = self._below(str(len(self.sources)), whole_number(source))
        self.sources[name] = source
        return name

    def text(self, expr: Expr) -> str:
        """SQL of a VARCHAR."""
        match expr:
            case Const(value=None | ""):
                return NULL
            case Const(value=(str() | int()) as value):
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
            case Binary(op="==" | "!=" as op):
                return self._equal(expr, op)
            case Binary(op="<" | "<=" | ">" | ">=" as op, left=left, right=right):
                return f"coalesce({self._plain(left)} {op} {self._plain(right)}, false)"
            case Call(name="present", args=(value,)):
                return f"({self.text(value)} IS NOT NULL)"
            case Call(name="starts" | "contains" as name, args=(value, Const(value=part))):
                function = "starts_with" if name == "starts" else "contains"
                return f"coalesce({function}({self.text(value)}, {literal(str(part))}), false)"
            case _:
                return f"coalesce({self.text(expr)} = 'true', false)"

    def _equal(self, expr: Binary, op: str) -> str:
        """Compare as text, the empty text as null; a constant needs no such care."""
        sides = [self.text(side) for side in (expr.left, expr.right)]
        if not isinstance(expr.left, Const) and not isinstance(expr.right, Const):
            sides = [f"nullif({side}, '')" for side in sides]
        equal, otherwise = ("=", "false") if op == "==" else ("<>", "true")
        return f"coalesce({sides[0]} {equal} {sides[1]}, {otherwise})"

    def _plain(self, expr: Expr) -> str:
        """A count in a comparison: what is no count compares as null and spoils nothing else."""
        if isinstance(expr, Binary):
            return self.count(expr)
        return whole_number(self.text(expr))

    def _sortable(self, expr: Expr) -> str:
        """SQL of the DOUBLE that an order expression sorts by: an instant in microseconds, or a number."""
        if is_time(expr):
            stamp = self._field("timestamp") if expr == self.spec.fields.get("timestamp") else _time(self.text(expr))
            return f"CAST(epoch_us({stamp}) AS DOUBLE)"
        return f"CAST({self.count(expr)} AS DOUBLE)"


def whole_number(source: str) -> str:
    """SQL of a checked cast: null unless the text is a whole number.

    A fraction has a point or an exponent in duckdb's rendering, so two tests keep its cast from rounding.
    """
    if source == NULL:
        return "CAST(NULL AS BIGINT)"
    return (
        f"CASE WHEN contains({source}, '.') OR contains({source}, 'e') THEN NULL ELSE TRY_CAST({source} AS BIGINT) END"
    )


def _time(text: str, number: str = "") -> str:
    """SQL of a TIMESTAMP from ISO text or from unix seconds, milli-, micro- or nanoseconds, told apart by size.

    What would lie far outside of the calendar is null.
    """
    if text == NULL:
        return "CAST(NULL AS TIMESTAMP)"
    number = number or f"TRY_CAST({text} AS DOUBLE)"
    whens = " ".join(
        f"WHEN {number} >= {low} AND {number} < {high} THEN make_timestamp(CAST(floor({number} * {scale} + 0.5) AS BIGINT))"
        for low, high, scale in UNIX_SCALES
    )
    return f"CASE WHEN {number} IS NULL THEN {_iso(text)} {whens} END"


def _iso(text: str) -> str:
    """SQL of a TIMESTAMP in UTC from ISO text.

    duckdb's cast to TIMESTAMP drops an offset, and reads words such as `epoch`; so only what ends in Z goes straight.
    """
    bare = f"trim({text})"
    plain = f"replace({bare}, ',', '.')"
    direct = f"TRY_CAST({plain} AS TIMESTAMP)"
    zoned = f"make_timestamp(epoch_us(TRY_CAST({plain} AS TIMESTAMPTZ)))"
    offset = f"regexp_full_match({bare}, {literal(f'.*:{_SECONDS}{OFFSET}')})"
    odd = f"CASE WHEN NOT regexp_full_match({bare}, {literal(ISO)}) THEN NULL WHEN {offset} THEN {zoned} ELSE {direct} END"
    return f"CASE WHEN suffix({text}, 'Z') THEN {direct} ELSE {odd} END"


def _is_leaf(expr: Expr) -> bool:
    return isinstance(expr, Path) or (isinstance(expr, Call) and expr.name in ("attr", "pick", "json"))


def _joined(parts: list[str]) -> str:
    """One key of several texts; null where any of them is missing."""
    if NULL in parts:
        return "CAST(NULL AS VARCHAR)"
    return " || chr(31) || ".join(f"nullif({part}, '')" for part in parts)
