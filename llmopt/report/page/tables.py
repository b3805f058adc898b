"""A table of a page: sortable, with its exact values behind what is shown, scrolling by itself where it is wide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from llmopt.report.as_text import note_text
from llmopt.report.page.download import csv_link
from llmopt.report.table import Cell, Column, Note, Table
from llmopt.report.text import cell_width, clean, exact, shown

MOST_ROWS = 250
"""A page stays below a megabyte; who needs more rows needs CSV or JSON."""
_TALL = 25
"""Rows from which on a table scrolls below its header."""
_SHORT = 36
"""Characters that a cell never folds."""


def section(table: Table) -> str:
    """Return a table with its title, its download and its notes; folded where it is background."""
    people, title = _led(_undrawn(table).for_people()), escape(clean(table.title))
    kept = replace(people, rows=people.rows[:MOST_ROWS])
    parts = [*_grid(kept, title)] if table.rows else []
    hidden = len(table.rows) - len(kept.rows)
    if hidden:
        said = "and counted in the total; " if table.total else ""
        more = f"{hidden:,} more rows are left out here, also of the CSV, {said}--format csv and json have them."
        parts.append(f'<p class="info">{more.replace("CSV, --", "CSV; --")}</p>')
    parts += notes(table.notes)
    link = csv_link(replace(table, rows=table.rows[:MOST_ROWS])) if table.rows else ""
    body = "\n".join(parts)
    if table.detail:
        return f"<details>\n<summary><h2>{title}</h2></summary>\n{link}\n{body}\n</details>"
    head = f"<h2>{title}</h2>" if title else ""
    top = f'<div class="top">{head}{link}</div>\n' if title or link else ""
    return f"<section>\n{top}{body}\n</section>"


def notes(lines: Sequence[Note]) -> list[str]:
    """Return notes as paragraphs, code as it is."""
    return [
        f"<pre>{escape(_code(note.text))}</pre>"
        if note.level == "code"
        else f'<p class="{note.level}">{escape(note_text(note))}</p>'
        for note in lines
    ]


def _code(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())


def _led(table: Table) -> Table:
    """Return a table with the columns that lead right after its names: nobody scrolls to the side for a sum."""
    names = next((place for place, column in enumerate(table.columns) if not column.is_text), 0)
    order = sorted(range(len(table.columns)), key=lambda place: place >= names and not table.columns[place].leads)
    return replace(
        table,
        columns=tuple(table.columns[place] for place in order),
        rows=tuple(tuple(row[place] for place in order) for row in table.rows),
        total=tuple(table.total[place] for place in order) if table.total else None,
    )


def _undrawn(table: Table) -> Table:
    """Return a table without bars made of characters."""
    if not any(column.sketch for column in table.columns):
        return table
    columns = tuple(replace(column, machine=column.machine or column.sketch) for column in table.columns)
    return replace(table, columns=columns)


def _grid(table: Table, title: str) -> list[str]:
    tall = " tall" if len(table.rows) > _TALL else ""
    label = title or escape(clean(table.name))
    kinds = [_kind(table, place) for place in range(len(table.columns))]
    heads = "".join(
        f'<th scope="col"{kind}><button type="button">{escape(clean(one.heading))}</button></th>'
        for one, kind in zip(table.columns, kinds, strict=True)
    )
    lines = [
        f'<div class="scroll{tall}" role="region" aria-label="{label}" tabindex="0">',
        f"<table>\n<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>",
        *(_row(row, table.columns, kinds) for row in table.rows),
        "</tbody>",
    ]
    if table.total:
        lines.append(f"<tfoot>\n{_row(table.total, table.columns, kinds)}\n</tfoot>")
    return [*lines, "</table>\n</div>"]


def _kind(table: Table, place: int) -> str:
    """Return the class of a column: numbers, texts so short that they need not fold, or others."""
    if not table.columns[place].is_text:
        return ' class="number"'
    longest = max((cell_width(shown(row[place], table.columns[place])) for row in table.rows), default=0)
    return ' class="short"' if longest <= _SHORT else ""


def _row(row: Sequence[Cell], columns: Sequence[Column], kinds: Sequence[str]) -> str:
    first, *others = [_cell(value, column, kind) for value, column, kind in zip(row, columns, kinds, strict=True)]
    if columns[0].is_text:
        first = f'<th scope="row"{first.removeprefix("<td").removesuffix("</td>")}</th>'
    return f"<tr>{first}{''.join(others)}</tr>"


def _cell(value: Cell, column: Column, kind: str) -> str:
    said, own = shown(value, column), exact(value)
    is_said = own == said.replace(",", "") or (isinstance(value, str) and value)
    behind = "" if is_said else f' data-v="{escape(own)}"'
    return f"<td{kind}{behind}>{escape(said)}</td>"
