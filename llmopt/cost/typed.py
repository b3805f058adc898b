"""Columns of a table whose type says at once what a text would have to be taken apart for.

Each value means what the same value means as a text (`TableRelation`): the tests hold the one against the other. A
count of an integer column is one; a TIMESTAMP is an instant, with a zone or without one in all its rows alike; a
number is seconds, milli-, micro- or nanoseconds since 1970. A text that is spelled as duckdb itself would spell the
number or the instant is that; every other spelling goes the long way.
"""

from __future__ import annotations

from llmopt.cost.spec.columns import Instant, quoted
from llmopt.cost.spec.expr import Step
from llmopt.cost.spec.sql_expr import whole_number
from llmopt.cost.spec.sql_time import naive_sql, time_sql
from llmopt.cost.spec.table import TableRelation

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
"""Types whose every value is a BIGINT."""
_WIDE = frozenset({"UBIGINT", "HUGEINT", "UHUGEINT"})
_FLOATS = frozenset({"DOUBLE", "FLOAT"})
STAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "DATE"})
"""Types of instants; only one of them knows its zone."""
_SCALARS = INTEGERS | _WIDE | _FLOATS | STAMPS | {"VARCHAR", "BOOLEAN"}
_FIRST, _LAST = "TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
"""The calendar that ISO 8601 can write."""


class TypedRelation(TableRelation):
    """Columns whose types are asked before their texts."""

    def cell(self, steps: tuple[Step, ...]) -> str | None:
        """Return the column at `steps`; None: it is part of one, or of a type whose text may be null by itself."""
        name = self.column(steps)
        return quoted(name) if name and self._kind(name) in _SCALARS else None

    def whole(self, steps: tuple[Step, ...]) -> str | None:
        """Return the whole number in a column of numbers or texts."""
        name = self.column(steps)
        kind, cell = self._kind(name), quoted(name)
        if kind in INTEGERS:
            return f"CAST({cell} AS BIGINT)"
        if kind in _WIDE:
            return f"TRY_CAST({cell} AS BIGINT)"
        if kind in _FLOATS:
            return f"CASE WHEN {cell} = floor({cell}) AND abs({cell}) < 1e15 THEN CAST({cell} AS BIGINT) END"
        if kind == "VARCHAR":
            number = f"TRY_CAST({cell} AS BIGINT)"
            return (
                f"CASE WHEN CAST({number} AS VARCHAR) = {cell} THEN {number} ELSE {whole_number(self._text(name))} END"
            )
        return None

    def instant(self, steps: tuple[Step, ...], below: str) -> Instant | None:
        """Return the instant in a column of instants, of numbers or of texts."""
        name = self.column(steps)
        kind, cell = self._kind(name), quoted(name)
        if kind in STAMPS:
            stamp = f"CAST({cell} AS TIMESTAMP)"
            inside = f"{stamp} BETWEEN {_FIRST} AND {_LAST}"
            naive = "false" if "ZONE" in kind else f"({cell} IS NOT NULL AND {inside})"
            return Instant(f"CASE WHEN {inside} THEN {stamp} END", naive)
        if kind in INTEGERS or kind == "DOUBLE":
            number = f"CAST({cell} AS DOUBLE)"
            return Instant(time_sql("CAST(NULL AS VARCHAR)", number), "false")
        return self._spelled(name, below) if kind == "VARCHAR" else None

    def _spelled(self, name: str, below: str) -> Instant:
        """An instant in a text: at once as duckdb spells it, and as ISO does with a T and a Z."""
        cell, text = quoted(name), self._text(name)
        stamp, number = f"TRY_CAST({cell} AS TIMESTAMP)", f"TRY_CAST({text} AS DOUBLE)"
        usual = f"CAST({stamp} AS VARCHAR) = {cell} OR ({cell} LIKE '____-%Z' AND {cell} >= '0')"
        return Instant(
            f"CASE WHEN {below} IS NOT NULL THEN {below} ELSE {time_sql(text, number)} END",
            f"CASE WHEN {cell} IS NULL THEN false WHEN {below} IS NOT NULL THEN NOT suffix({cell}, 'Z') "
            f"ELSE {naive_sql(text, number)} END",
            f"CASE WHEN {stamp} BETWEEN {_FIRST} AND {_LAST} AND ({usual}) THEN {stamp} END",
        )

    def _kind(self, name: str) -> str:
        return self.types[name].upper() if name else ""
