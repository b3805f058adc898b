"""Tables for a terminal, drawn by rich. Numbers stay whole; a narrow screen drops columns and says which."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from llmopt.report import plot
from llmopt.report.as_text import note_text, shown_rows
from llmopt.report.table import Note, Plot, Report, Table
from llmopt.report.text import cell_width, clean

NARROWEST_TEXT = 16
"""A text column may fold down to this many terminal columns before another column is dropped."""
FRAME = 3
"""What rich's box costs a column: a border and two spaces of padding; one more border closes the row."""


STYLES = ("cyan", "magenta", "green", "blue", "white")
"""Of the series of a plot, over again where there are more."""


def render(report: Report, width: int, *, color: bool, boxes: bool = True) -> str:
    """Return `report` for a terminal of `width` columns.

    Args:
        report: what to show.
        width: columns.
        color: with escape sequences.
        boxes: the terminal has box-drawing characters; else plots are plain ASCII.
    """
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=color, no_color=not color, width=max(width, 20), highlight=False)
    if report.title:
        console.print(Text(clean(report.title), style="bold"))
    if report.headline:
        console.print(Text(clean(report.headline)))
    for table in report.tables:
        console.print()
        _print_table(console, table.for_people())
    for drawn in report.plots:
        console.print()
        _print_plot(console, drawn, boxes=boxes)
    if report.notes:
        console.print()
    for note in report.notes:
        _print_note(console, note)
    return screen.getvalue()


def fitting(table: Table, width: int) -> tuple[int, ...]:
    """Return the indexes of the columns of `table` that fit in `width` with every number whole.

    Columns go in order of their `priority`, the highest first; those of priority 0 stay, and the terminal
    then wraps the line itself.
    """
    needs = _least_widths(table)
    kept = list(range(len(needs)))
    while _framed(needs, kept) > width:
        droppable = [i for i in kept if table.columns[i].priority > 0]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: (table.columns[i].priority, i)))
    return tuple(kept)


def _least_widths(table: Table) -> list[int]:
    """Return how narrow each column may get: a number as wide as it is, text down to `NARROWEST_TEXT`."""
    rows = shown_rows(table)
    widest = [max(cell_width(row[i]) for row in rows) for i in range(len(table.columns))]
    return [
        min(width, NARROWEST_TEXT) if column.is_text else width
        for width, column in zip(widest, table.columns, strict=True)
    ]


def _framed(needs: Sequence[int], kept: Sequence[int]) -> int:
    return sum(needs[i] + FRAME for i in kept) + 1


def _print_table(console: Console, table: Table) -> None:
    if table.rows:
        _print_grid(console, table)
    elif table.title:
        console.print(Text(clean(table.title), style="bold"))
    for note in table.notes:
        _print_note(console, note)


def _print_grid(console: Console, table: Table) -> None:
    kept = fitting(table, console.width)
    width = max(_framed(_least_widths(table), kept), console.width)
    console.print(_grid(table, kept), crop=False, width=width)
    dropped = [column.heading for i, column in enumerate(table.columns) if i not in kept]
    if dropped:
        text = f"Not shown on this narrow terminal: {', '.join(dropped)}. Pipe the output or use --format."
        console.print(Text(text, style="dim"))


def _grid(table: Table, kept: tuple[int, ...]) -> RichTable:
    title = Text(clean(table.title), style="bold") if table.title else None
    grid = RichTable(title=title, title_justify="left", box=box.ROUNDED, show_footer=table.total is not None)
    least = _least_widths(table)
    rows = shown_rows(table)
    total = rows.pop() if table.total else [""] * len(table.columns)
    for i in kept:
        column = table.columns[i]
        grid.add_column(
            Text(column.heading, overflow="fold"),
            Text(total[i], style="bold"),
            justify="left" if column.is_text else "right",
            no_wrap=not column.is_text,
            overflow="fold",
            min_width=least[i],
        )
    for row in rows[1:]:
        grid.add_row(*(Text(row[i]) for i in kept))
    return grid


def _print_plot(console: Console, drawn: Plot, *, boxes: bool) -> None:
    glyphs = plot.BOXES if boxes else plot.ASCII
    for row in plot.lines(drawn, console.width, glyphs):
        line = Text(overflow="fold")
        for text, role in row:
            line.append(text, _style(role))
        line.rstrip()
        console.print(line)
    for note in drawn.notes:
        _print_note(console, note)


def _style(role: plot.Role) -> str:
    if isinstance(role, int):
        return STYLES[role % len(STYLES)]
    return {"limit": "bold red", "axis": "dim"}.get(role or "", "")


def _print_note(console: Console, note: Note) -> None:
    style = "yellow" if note.level == "warning" else ""
    console.print(Text(note_text(note), style=style, overflow="fold"))
