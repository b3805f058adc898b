"""Turn expressions into duckdb SQL over the columns of a relation."""

from __future__ import annotations

from collections.abc import Callable

from llmopt.cost.spec.columns import Relation, bases_of, json_path, literal, pick_of
from llmopt.cost.spec.expr import Binary, Call, Const, Expr, In, Not, Path, Step, constant_text
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.sql_time import time_sql

NULL = "NULL"


class Expressions:
    """Compiles the expressions of one spec; counts are checked and become columns one level below."""

    def __init__(self, spec: Spec, relation: Relation, prefix: str) -> None:
        """Keep what the expressions are about; see `compile_sql`."""
        self.spec, self.relation, self.prefix = spec, relation, prefix
        self.bases = bases_of(spec)
        self.leaves: dict[str, str] = {}
        """Column -> SQL, to be computed one level below."""
        self.sources: dict[str, str] = {}
        """Column of a checked count -> SQL of its text."""
        self.watched: dict[str, str] = {}
        """The part of `sources` where a null may be hidden: a text without a count spoils the record."""
        self.windowed = False
        """Was a `carry` met?"""
        self._optional: dict[tuple[str, str], str] = {}

    def below(self, name: str, sql: str) -> str:
        """Have `sql` computed once, one level below; return the name of its column."""
        column = f"{self.prefix}{name}"
        self.leaves[column] = sql
        return column

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
                return self._leaf(expr)

    def _first(self, args: tuple[Expr, ...]) -> str:
        """The first count that is there; null where the first that is there is no count."""
        last = args[-1]
        if len(args) == 2 and isinstance(last, Const) and isinstance(args[0], Path | Call) and is_leaf(args[0]):
            source = self.source(args[0])
            if source == NULL:
                return self.count(last)
            for known, column in self._optional.items():
                if known == (source, self.count(last)):
                    return column
            checked = self.whole(args[0])
            sql = f"CASE WHEN {source} IS NULL THEN {self.count(last)} ELSE {checked} END"
            return self._optional.setdefault((source, self.count(last)), self.below(f"d{len(self._optional)}", sql))
        names = [self.count(arg) for arg in args]
        self.watched.update({name: self.sources[name] for name in names if name in self.sources})
        return f"coalesce({', '.join(names)})"

    def _leaf(self, expr: Expr) -> str:
        source = self.source(expr)
        if source == NULL:
            return "CAST(NULL AS BIGINT)"
        for name, known in self.sources.items():
            if known == source:
                return name
        name = self.below(str(len(self.sources)), self.whole(expr))
        self.sources[name] = source
        return name

    def whole(self, expr: Expr) -> str:
        """SQL of a BIGINT; null for what is missing, and for what is no whole number."""
        expr = self.only(expr)
        steps = self.in_line(expr)
        return (self.relation.whole(steps) if steps else None) or whole_number(self.text(expr))

    def source(self, expr: Expr) -> str:
        """SQL that is null exactly where a value is missing: a column where there is one, else the text."""
        steps = self.in_line(expr)
        return (self.relation.cell(steps) if steps else None) or self.text(expr)

    def there(self, expr: Expr) -> str:
        """SQL of a BOOLEAN: has the record this value?"""
        if self.relation.columnar and isinstance(expr, Call) and expr.name == "first":
            parts = dict.fromkeys(part for part in map(self.there, expr.args) if part != "false")
            return f"({' OR '.join(parts)})" if parts else "false"
        source = self.source(expr)
        return "false" if source == NULL else f"({source} IS NOT NULL)"

    def only(self, expr: Expr) -> Expr:
        """Return the one value that `first` can find in a table; what several columns may hold stays as it is."""
        while self.relation.columnar and isinstance(expr, Call) and expr.name == "first":
            found = {text: arg for arg in reversed(expr.args) if (text := self.text(arg)) != NULL}
            if len(found) != 1:
                break
            (expr,) = found.values()
        return expr

    def in_line(self, expr: Expr) -> tuple[Step, ...]:
        """Return where in a line a value stands; empty where it is worked out, or in an element of a list."""
        if not isinstance(expr, Path):
            return ()
        base, prefix = self.bases.locate(expr)
        return () if base else (*prefix, *expr.steps)

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
            case Call() if expr.name in _CALLS:
                return _CALLS[expr.name](self, expr)
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
            case Binary():
                return self._binary(expr)
            case Call(name="present", args=(value,)):
                return self.there(value)
            case Call(name="starts" | "contains" as name, args=(value, Const(value=part))):
                function = "starts_with" if name == "starts" else "contains"
                return f"coalesce({function}({self.text(value)}, {literal(str(part))}), false)"
            case _:
                return f"coalesce({self.text(expr)} = 'true', false)"

    def _binary(self, expr: Binary) -> str:
        if expr.op in ("and", "or"):
            return f"({self.truth(expr.left)} {expr.op.upper()} {self.truth(expr.right)})"
        if expr.op in ("==", "!="):
            return self._equal(expr, expr.op)
        if expr.op in ("+", "-"):
            return "false"
        return f"coalesce({self._plain(expr.left)} {expr.op} {self._plain(expr.right)}, false)"

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
        return self.whole(expr)


def whole_number(source: str) -> str:
    """SQL of a checked cast: null unless the text is a whole number.

    A fraction has a point or an exponent in duckdb's rendering, so two tests keep its cast from rounding.
    """
    if source == NULL:
        return "CAST(NULL AS BIGINT)"
    return (
        f"CASE WHEN contains({source}, '.') OR contains({source}, 'e') THEN NULL ELSE TRY_CAST({source} AS BIGINT) END"
    )


def is_leaf(expr: Expr) -> bool:
    """Is it a value of the record, not worked out from several?"""
    return isinstance(expr, Path) or (isinstance(expr, Call) and expr.name in ("attr", "pick", "json"))


def _first(on: Expressions, call: Call) -> str:
    parts = dict.fromkeys(part for part in (on.text(arg) for arg in call.args) if part != NULL)
    if len(parts) == 1:
        return next(iter(parts))
    return f"coalesce({', '.join(parts)})" if parts else NULL


def _if(on: Expressions, call: Call) -> str:
    condition, then, other = call.args
    return f"CASE WHEN {on.truth(condition)} THEN {on.text(then)} ELSE {on.text(other)} END"


def _time(on: Expressions, call: Call) -> str:
    return on.text(call.args[0])


def _lower(on: Expressions, call: Call) -> str:
    return f"lower({on.text(call.args[0])})"


def _pick(on: Expressions, call: Call) -> str:
    path = call.args[0]
    if not isinstance(path, Path):
        return NULL
    base, prefix = on.bases.locate(path)
    return on.relation.picked(base, (*prefix, *path.steps), pick_of(call)) or NULL


def _json(on: Expressions, call: Call) -> str:
    text = on.text(call.args[0])
    return f"json_extract_string(CASE WHEN json_valid({text}) THEN {text} END, {json_path(call.steps)})"


def _carry(on: Expressions, call: Call) -> str:
    on.windowed = True
    window = "PARTITION BY llmopt_file ORDER BY llmopt_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    return f"last_value({on.text(call.args[0])} IGNORE NULLS) OVER ({window})"


def _milli(on: Expressions, call: Call) -> str:
    return f"CAST(TRY_CAST({on.text(call.args[0])} AS DECIMAL(30, 6)) / 1000 AS VARCHAR)"


def _between(on: Expressions, call: Call) -> str:
    start, end = (time_sql(on.text(arg)) for arg in call.args)
    return f"CAST(date_diff('microsecond', {start}, {end}) / 1000000 AS VARCHAR)"


_CALLS: dict[str, Callable[[Expressions, Call], str]] = {
    "first": _first,
    "if": _if,
    "time": _time,
    "lower": _lower,
    "attr": _pick,
    "pick": _pick,
    "json": _json,
    "carry": _carry,
    "milli": _milli,
    "between": _between,
}
"""Function -> SQL of its text; conditions are not here."""
