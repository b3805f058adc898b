"""Compile a spec into duckdb SQL over a relation of log records.

The result is a set of column expressions (`Compiled`); `llmopt.cost.query` puts them into one statement.
Where this query is sure of a record it says so; a record that it is not sure of is BAD or UNKNOWN, and the
Python function of the same spec decides. It must never call a record OK that the Python function would not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from llmopt.core.usage import BUCKETS
from llmopt.cost.spec.columns import Instant, Relation, literal
from llmopt.cost.spec.expr import Binary, Call, Const, Expr, Path, Step
from llmopt.cost.spec.load import FALSE, Spec, is_time
from llmopt.cost.spec.row import MAX_AGGREGATE, MAX_COUNT, Outcome
from llmopt.cost.spec.sql_expr import NULL, Expressions, is_leaf
from llmopt.cost.spec.sql_time import naive_sql, time_sql
from llmopt.cost.spec.table import TableRelation


@dataclass(slots=True)
class Compiled:
    """SQL of one spec; every expression may use the columns of `leaves`."""

    guard: str
    detect: str
    """Stricter than the guard: for rows that may be of another format of the scan."""
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
    spec: Spec,
    relation: Relation,
    wanted: tuple[str, ...],
    prefix: str,
    *,
    check_tiers: bool = True,
    alone: bool = True,
) -> Compiled:
    """Compile `spec` for `relation`.

    Args:
        spec: a variant, wrapper and all.
        relation: must have collected the spec's expressions.
        wanted: canonical fields besides the buckets that the query will use.
        prefix: of the leaf column names; different for each spec of one query.
        alone: are all rows of the relation of this format, or of none? Then the guard tells, else `detect`.
        check_tiers: call a record with an unknown service tier BAD (else the caller looks at the tiers found).
    """
    return _SqlCompiler(spec, relation, prefix, check_tiers=check_tiers).compile(wanted, alone=alone)


def time_column(spec: Spec, relation: TableRelation) -> str:
    """Return the column of a table that alone says when something was; empty where there is none, or another too."""
    columns = list(_SqlCompiler(spec, relation, "", check_tiers=False).columns_of_time().values())
    return relation.column(columns[0]) if len(columns) == 1 else ""


class _SqlCompiler(Expressions):
    """Puts the expressions of a spec together."""

    def __init__(self, spec: Spec, relation: Relation, prefix: str, *, check_tiers: bool) -> None:
        super().__init__(spec, relation, prefix)
        self.check_tiers = check_tiers

    def compile(self, wanted: tuple[str, ...], *, alone: bool) -> Compiled:
        spec = self.spec
        fields = {name: self._field(name) for name in wanted}
        counts = {name: self.count(spec.fields[name]) for name in BUCKETS if name in spec.fields}
        if "requests" in wanted:
            fields["requests"] = f"coalesce({self.count(spec.fields.get('requests', Const(1)))}, 1)"
        dedupe, tree = spec.dedupe, spec.tree
        return Compiled(
            guard=self.truth(spec.guard) if alone else "",
            detect=self.truth(spec.detect) if not alone else "",
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

    def _added(self, exprs: list[Expr]) -> str:
        """SQL of the sum of counts, with what one part takes away and another adds left out."""
        factors: dict[Expr, int] = {}
        for expr in exprs:
            for atom, sign in _signed(expr, 1):
                factors[atom] = factors.get(atom, 0) + sign
        terms = [
            f"{'+' if factor > 0 else '-'} {self.count(atom)}"
            for atom, factor in factors.items()
            for _ in range(abs(factor))
        ]
        return " ".join(terms).removeprefix("+ ") or "0"

    def _watch(self, expr: Expr | None) -> None:
        """Let a value that should be a count, and is none, spoil the record even where its null means absence."""
        for node in _counts_in(expr) if expr is not None and not isinstance(expr, Path) else ():
            name = self.count(node)
            self.watched |= {name: self.sources[name]} if name in self.sources else {}

    def _span(self, parts: tuple[Expr, ...]) -> str:
        """Identity of a span; the trace may be missing, its own id may not."""
        *outer, own = [self.text(part) for part in parts]
        return " || chr(31) || ".join([*(f"coalesce({part}, '')" for part in outer), f"nullif({own}, '')"])

    def _outcome(self, counts: dict[str, str], total: Expr | None) -> str:
        """SQL of the outcome: the first test that holds decides.

        Counts are null exactly where a value is missing or is no count, so that one null in the sum tells.
        """
        spec = self.spec
        used = self.truth(spec.usage)
        limit = MAX_AGGREGATE if spec.aggregate else MAX_COUNT
        sound = [f"{sql} >= 0" for sql in counts.values() if sql != "0"]
        parts = self._added([spec.fields[name] for name in counts])
        sound.append(f"{parts} <= {limit}")
        if total is not None:
            reported = f"TRY_CAST({self.text(total)} AS DOUBLE)" if isinstance(total, Path) else self.count(total)
            sound.append(f"CASE WHEN {self.text(total)} IS NULL THEN true ELSE {reported} = {parts} END")
        self._watch(spec.fields.get("total"))
        if "requests" in spec.fields:
            self._watch(Call("first", (spec.fields["requests"],)))
        if "requests" in spec.fields:
            sound.append(f"coalesce({self.count(spec.fields['requests'])}, 1) BETWEEN 0 AND {limit}")
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
            return self._instant().ts
        if name == "reported_usd":
            return f"TRY_CAST({self.text(expr)} AS DECIMAL(38, 12))"
        return self.text(expr) if isinstance(expr, Const) else f"nullif({self.text(expr)}, '')"

    def _tier(self) -> str:
        """One of the known tiers, or null for a word that is none."""
        expr = self.spec.fields["tier"]
        if isinstance(expr, Const):
            return literal(self.spec.tier_map.get(str(expr.value), "default"))
        raw = self.text(expr)
        words = {"default": "default", "": "default"} | self.spec.tier_map
        whens = " ".join(f"WHEN {literal(word)} THEN {literal(tier)}" for word, tier in words.items())
        fallback = f"CASE lower({raw}) {whens} END"
        return self.below(
            "tier", f"CASE WHEN {raw} IS NULL THEN 'default' ELSE CASE {raw} {whens} ELSE {fallback} END END"
        )

    def _naive(self) -> str:
        expr = self.spec.fields.get("timestamp", Const(None))
        return "false" if isinstance(expr, Const) else self._instant().naive

    def _instant(self) -> Instant:
        """SQL of the timestamp: by the types of its columns where they are known, else by its text."""
        columns = self.columns_of_time()
        found = [(cell, self._in_column(n, steps)) for n, (cell, steps) in enumerate(columns.items())]
        if not found:
            text = self.text(self.spec.fields.get("timestamp", Const(None)))
            return self._by_text(text, "t") if text != NULL else Instant(time_sql(NULL), "false")
        if len(found) == 1:
            return found[0][1]
        ts = " ".join(f"WHEN {cell} IS NOT NULL THEN {instant.ts}" for cell, instant in found)
        naive = " ".join(f"WHEN {cell} IS NOT NULL THEN {instant.naive}" for cell, instant in found)
        return Instant(f"CASE {ts} END", f"CASE {naive} ELSE false END")

    def _in_column(self, n: int, steps: tuple[Step, ...]) -> Instant:
        below = f"{self.prefix}t{n}"
        found = self.relation.instant(steps, below)
        if found is None:
            return self._by_text(self.relation.at("", steps) or NULL, f"t{n}")
        if found.below:
            self.leaves[below] = found.below
        return found

    def _by_text(self, text: str, name: str) -> Instant:
        number = self.below(name, f"TRY_CAST({text} AS DOUBLE)")
        return Instant(time_sql(text, number), naive_sql(text, number))

    def columns_of_time(self) -> dict[str, tuple[Step, ...]]:
        """Return the columns that the timestamp is the first of; none where something else has a say.

        They are SQL that is null where the value is missing -> where it stands.
        """
        found: dict[str, tuple[Step, ...]] = {}
        waiting = [self.spec.fields.get("timestamp", Const(None))]
        while waiting:
            part = waiting.pop(0)
            steps = self.in_line(part)
            if isinstance(part, Call) and part.name in ("time", "first"):
                waiting[:0] = part.args
            elif self.text(part) != NULL:
                if not steps or not (cell := self.relation.cell(steps)):
                    return {}
                found.setdefault(cell, steps)
        return found

    def _sortable(self, expr: Expr) -> str:
        """SQL of the DOUBLE that an order expression sorts by: an instant in microseconds, or a number."""
        if is_time(expr):
            stamp = self._field("timestamp") if expr == self.spec.fields.get("timestamp") else time_sql(self.text(expr))
            return f"CAST(epoch_us({stamp}) AS DOUBLE)"
        return f"CAST({self.count(expr)} AS DOUBLE)"


def _joined(parts: list[str]) -> str:
    """One key of several texts; null where any of them is missing."""
    if NULL in parts:
        return "CAST(NULL AS VARCHAR)"
    return " || chr(31) || ".join(f"nullif({part}, '')" for part in parts)


def _counts_in(expr: Expr) -> Iterator[Expr]:
    """Yield the values of the record that an expression adds up or chooses from; not those that conditions look at."""
    match expr:
        case Call(name="if", args=(_, then, other)):
            yield from _counts_in(then)
            yield from _counts_in(other)
        case Call(name="first", args=args):
            for arg in args:
                yield from _counts_in(arg)
        case Binary(left=left, right=right):
            yield from _counts_in(left)
            yield from _counts_in(right)
        case _ if is_leaf(expr):
            yield expr


def _signed(expr: Expr, sign: int) -> Iterator[tuple[Expr, int]]:
    """Yield what a count adds and subtracts, with +1 or -1."""
    if isinstance(expr, Binary) and expr.op in ("+", "-"):
        yield from _signed(expr.left, sign)
        yield from _signed(expr.right, sign if expr.op == "+" else -sign)
    else:
        yield expr, sign
