"""The neutral values that every renderer understands: `Column`, `Table`, `Note`, `Report`.

A view (such as `llmopt.report.cost_view`) makes these from a result; a renderer makes text from these. Neither
knows of the other, so a new result needs one view and a new format needs one renderer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

Kind = Literal["text", "int", "money", "percent", "date"]
Cell = str | int | Decimal | date | None
"""`str` for text, `int` for counts, `Decimal` for money (dollars) and percent (a fraction), None for unknown."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one column holds and how much it matters."""

    name: str
    """Machine name: the header in CSV."""
    label: str
    """Header for people."""
    kind: Kind = "text"
    priority: int = 0
    """0: always shown. A terminal that is too narrow drops the highest number first, and says so."""
    optional: bool = False
    """Hidden from people where every cell is zero, empty or unknown; machines always get it."""
    machine: bool = False
    """Never shown to people: it would only repeat another column here."""
    unit: str = ""
    """Appended to the header for people, such as `USD`; empty where the cells show their unit."""

    @property
    def is_text(self) -> bool:
        """Whether cells are left-aligned and may fold; everything else is a number and never does."""
        return self.kind == "text"

    @property
    def heading(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class Note:
    """A line of text that belongs to a table or a report."""

    text: str
    level: Literal["info", "warning"] = "info"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; every row has one cell a column."""

    name: str
    """Machine name, unique in its report."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None
    """A closing row of sums; CSV leaves it out, so that a reader may add up the column."""
    notes: tuple[Note, ...] = ()
    detail: bool = False
    """Background that markdown folds away."""

    def for_people(self) -> Table:
        """Return the table without its optional columns that say nothing, and those for machines."""
        shown = [i for i, column in enumerate(self.columns) if not column.machine]
        kept = [i for i in shown if not self.columns[i].optional or any(row[i] for row in self.rows)]
        if len(kept) == len(self.columns):
            return self
        return replace(
            self,
            columns=tuple(self.columns[i] for i in kept),
            rows=tuple(tuple(row[i] for i in kept) for row in self.rows),
            total=tuple(self.total[i] for i in kept) if self.total else None,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a command has to say: a headline, tables (the main one first), and lines under them."""

    title: str
    headline: str
    """One sentence with the answer; may be empty."""
    tables: tuple[Table, ...]
    notes: tuple[Note, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The text of every warning, those of tables first."""
        notes = [note for table in self.tables for note in table.notes] + list(self.notes)
        return tuple(note.text for note in notes if note.level == "warning")
