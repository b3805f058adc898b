"""Where a spec's paths live in a table: its columns, each by its text."""

from __future__ import annotations

from collections.abc import Mapping

from llmopt.cost.spec.columns import Instant, Pick, json_path, quoted
from llmopt.cost.spec.expr import Step


class TableRelation:
    """Columns of a CSV file, a Parquet file or a DataFrame, known beforehand; each value goes by its text."""

    columnar = True

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.types = dict(columns)
        self._folded = {name.lower(): name for name in columns}

    def at(self, base: str, steps: tuple[Step, ...]) -> str | None:
        """Return the VARCHAR at `steps` below `base`."""
        if column := self.column(steps):
            return self._text(column)
        name = self._find(str(steps[0]))
        return f"json_extract_string({self._json(name)}, {json_path(steps[1:])})" if name else None

    def column(self, steps: tuple[Step, ...]) -> str:
        """Return the name of the column that is at `steps`, not the part of one; empty: there is none."""
        return self._find(".".join(str(step) for step in steps))

    def element(self, base: str, steps: tuple[Step, ...]) -> str | None:
        """Return the list at `steps`."""
        return None

    def picked(self, base: str, steps: tuple[Step, ...], pick: Pick) -> str | None:
        """Return the VARCHAR below one element of the list at `steps`."""
        return None

    def raw(self, steps: tuple[Step, ...]) -> str | None:
        """Return the JSON of a column, as text; None: no column."""
        name = ".".join(str(step) for step in steps)
        kind = self.types.get(name, "").upper()
        if not kind:
            return None
        column = quoted(name)
        if kind == "VARCHAR":
            return f"CASE WHEN {column} <> '' THEN CAST(to_json({column}) AS VARCHAR) END"
        if kind.startswith("TIMESTAMP"):
            return f"CAST(to_json({self._text(name)}) AS VARCHAR)"
        return f"CASE WHEN {column} IS NOT NULL THEN CAST(to_json({column}) AS VARCHAR) END"

    def named(self, steps: tuple[Step, ...]) -> str | None:
        """Return the VARCHAR of a column of just this name."""
        name = ".".join(str(step) for step in steps)
        return self._text(name) if name in self.types else None

    def cell(self, steps: tuple[Step, ...]) -> str | None:
        """Only the text tells."""
        return None

    def whole(self, steps: tuple[Step, ...]) -> str | None:
        """Only the text tells."""
        return None

    def instant(self, steps: tuple[Step, ...], below: str) -> Instant | None:
        """Only the text tells."""
        return None

    def _find(self, name: str) -> str:
        return name if name in self.types else self._folded.get(name.lower(), "")

    def _text(self, name: str) -> str:
        """A float column that holds whole numbers (a CSV or DataFrame with gaps) spells them without `.0`."""
        column, kind = quoted(name), self.types[name].upper()
        if kind in ("DOUBLE", "FLOAT"):
            whole = f"{column} = floor({column}) AND abs({column}) < 1e15"
            return (
                f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
            )
        if kind == "VARCHAR":
            # To look for what calls for a trim or a replacement takes a third of the time of either.
            spelled = f"regexp_replace(trim({column}), '^(\\d+)\\.0+$', '\\1')"
            return f"CASE WHEN contains({column}, ' ') OR contains({column}, '.') THEN {spelled} ELSE {column} END"
        if kind.startswith("TIMESTAMP"):
            zone = "Z" if "ZONE" in kind else ""
            return f"strftime(CAST({column} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f{zone}')"
        if kind.startswith(("STRUCT", "MAP", "JSON")) or kind.endswith("]"):
            return f"CAST(to_json({column}) AS VARCHAR)"
        return f"CAST({column} AS VARCHAR)"

    def _json(self, name: str) -> str:
        column = quoted(name)
        return (
            f"CASE WHEN json_valid({column}) THEN {column} END"
            if self.types[name] == "VARCHAR"
            else f"to_json({column})"
        )
