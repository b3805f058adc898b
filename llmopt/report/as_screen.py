"""Tables for a terminal, drawn by rich. Numbers stay whole; a narrow screen drops columns and says which."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from llmopt.report import plot, text_bars
from llmopt.report.as_text import note_text, shown_rows
from llmopt.report.table import Note, Plot, Report, Table
from llmopt.report.text import cell_width, clean

NARROWEST_TEXT, NARROWEST_NAME = 16, 32
"""A text column, and the first column of a table where it is text, may fold down to this many terminal columns before
another column is dropped: what a row is about is read before its numbers."""
GAP = 2
"""Blanks between two columns."""
DETAIL = 5
"""From this priority on a column gives way to a bar."""

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
        _print_table(console, table.for_people(), boxes=boxes)
    for drawn in report.plots:
        console.print()
        _print_plot(console, drawn, boxes=boxes)
    if report.notes:
        console.print()
    for note in report.notes:
        _print_note(console, note)
    return screen.getvalue()


def fitting(table: Table, width: int) -> dict[int, int]:
    """Return the indexes of the columns of `table` that fit in `width` with every number whole, and their least widths.

    Columns go in order of their `priority`, the highest first; those of priority 0 stay. Where they alone are too wide,
    the first column folds as others do, and the terminal then wraps the line itself.
    """
    needs = dict(enumerate(_least_widths(table, NARROWEST_NAME)))
    while _framed(needs) > width:
        droppable = [i for i in needs if table.columns[i].priority > 0]
        if not droppable:
            folded = _least_widths(table, NARROWEST_TEXT)
            return {i: folded[i] for i in needs}
        needs.pop(max(droppable, key=lambda i: (table.columns[i].priority, i)))
    return needs


def _least_widths(table: Table, name_width: int) -> list[int]:
    """Return how narrow each column may get: a number as wide as it is, text as narrow as it may fold."""
    rows = shown_rows(table)
    widest = [max(cell_width(row[i]) for row in rows) for i in range(len(table.columns))]
    limits = [name_width, *[NARROWEST_TEXT] * len(widest)]
    return [
        min(width, limit) if column.is_text else width
        for width, limit, column in zip(widest, limits, table.columns, strict=False)
    ]


def _framed(needs: Mapping[int, int]) -> int:
    return sum(need + GAP for need in needs.values()) - 1  # rich counts one blank after the last column, too


def _print_table(console: Console, table: Table, *, boxes: bool) -> None:
    if table.title:
        console.print(Text(clean(table.title), style="bold"))
    if table.rows:
        _print_grid(console, table, boxes=boxes)
    for note in table.notes:
        _print_note(console, note)


def _print_grid(console: Console, table: Table, *, boxes: bool) -> None:
    kept, room = _with_bars(table, console.width)
    bars = {i: _beside(table, i, room, boxes=boxes) for i in kept if room and table.columns[i].bar}
    console.print(_grid(table, kept, bars), crop=False, width=max(_framed(kept), console.width))
    dropped = [column.heading for i, column in enumerate(table.columns) if i not in kept]
    if dropped:
        text = f"Not shown on this narrow terminal: {', '.join(dropped)}. Pipe the output or use --format."
        console.print(Text(text, style="dim"))


def _with_bars(table: Table, width: int) -> tuple[dict[int, int], int]:
    """Return the columns that fit, with their least widths, and how wide bars are: 0 where there is no room for any.

    Columns of details give way to bars; no other does, and no text folds for them.
    """
    kept = fitting(table, width)
    wanted = sum(table.columns[i].bar for i in kept)
    if not wanted or len(table.rows) < 2:
        return kept, 0
    rows = shown_rows(table)
    whole = {i: max(cell_width(row[i]) for row in rows) for i in kept}
    while (room := (width - _framed(whole)) // wanted - GAP) < text_bars.NARROWEST:
        last = max(whole, key=lambda i: (table.columns[i].priority, i))
        if table.columns[last].priority < DETAIL:
            return kept, 0
        whole.pop(last)
    return {i: kept[i] for i in whole}, min(room, text_bars.WIDEST)


def _beside(table: Table, at: int, room: int, *, boxes: bool) -> list[str]:
    values = [cell if isinstance(cell, Decimal) else Decimal(0) for cell in (row[at] for row in table.rows)]
    return [text_bars.bar(value, max(values), room, boxes=boxes) for value in values]


def _grid(table: Table, kept: Mapping[int, int], bars: Mapping[int, Sequence[str]]) -> RichTable:
    grid = RichTable(
        box=box.SIMPLE,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        show_footer=table.total is not None,
    )
    rows = shown_rows(table)
    total = rows.pop() if table.total else [""] * len(table.columns)
    for i, least in kept.items():
        column = table.columns[i]
        grid.add_column(
            Text(column.heading, overflow="fold"),
            Text(total[i], style="bold"),
            justify="left" if column.is_text else "right",
            no_wrap=not column.is_text,
            overflow="fold",
            min_width=least,
        )
        if i in bars:
            grid.add_column("", no_wrap=True)
    for number, row in enumerate(rows[1:]):
        grid.add_row(*(cell for i in kept for cell in _cells(row[i], bars.get(i), number)))
    return grid


def _cells(text: str, bars: Sequence[str] | None, number: int) -> Iterator[Text]:
    yield Text(text)
    if bars is not None:
        yield Text(bars[number], style="cyan")


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
