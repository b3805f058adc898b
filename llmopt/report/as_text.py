"""Plain aligned columns for pipes and files: no colour, no boxes, nothing cut, whatever the width."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.report import plot
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import cell_width, clean, shown

GAP = "  "


def render(report: Report) -> str:
    """Return `report` as text that is as wide as its content."""
    blocks = [clean(report.title)] if report.title else []
    if report.headline:
        blocks.append(clean(report.headline))
    blocks.extend(table_text(table.for_people()) for table in report.tables)
    blocks.extend("\n".join([plot.text(one), *map(note_text, one.notes)]) for one in report.plots)
    if report.notes:
        blocks.append("\n".join(note_text(note) for note in report.notes))
    return "\n\n".join(block for block in blocks if block) + "\n"


def table_text(table: Table) -> str:
    """Return one table: title, header, rule, rows, total, notes."""
    lines = [clean(table.title)] if table.title else []
    if table.rows:
        lines.extend(_grid(table))
    lines.extend(note_text(note) for note in table.notes)
    return "\n".join(lines)


def note_text(note: Note) -> str:
    """Return a note as one line, a warning marked as such; code keeps its lines."""
    if note.level == "code":
        return "\n".join(f"    {clean(line)}" for line in note.text.splitlines())
    text = clean(note.text)
    return f"warning: {text}" if note.level == "warning" else text


def shown_rows(table: Table) -> list[list[str]]:
    """Return header, rows and (last, when there is one) the total as text for people."""
    body = [*table.rows, table.total] if table.total else list(table.rows)
    return [[column.heading for column in table.columns]] + [_texts(row, table.columns) for row in body]


def _texts(row: Sequence[Cell], columns: Sequence[Column]) -> list[str]:
    return [shown(cell, column) for cell, column in zip(row, columns, strict=True)]


def _grid(table: Table) -> list[str]:
    rows = shown_rows(table)
    widths = [max(cell_width(row[i]) for row in rows) for i in range(len(table.columns))]
    rule = GAP.join("-" * width for width in widths)
    lines = [_line(row, widths, table.columns) for row in rows]
    lines.insert(1, rule)
    if table.total:
        lines.insert(len(lines) - 1, rule)
    return lines


def _line(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    padded = []
    for text, width, column in zip(row, widths, columns, strict=True):
        blank = " " * (width - cell_width(text))
        padded.append(text + blank if column.is_text else blank + text)
    return GAP.join(padded).rstrip()
