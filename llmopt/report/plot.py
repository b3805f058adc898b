"""Plots as text: markers, their labels and limit lines on a grid of characters, between two axes with round values.

Box-drawing characters on a terminal that has them, plain ASCII everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from llmopt.report.scale import Scale, scale_of, value_text
from llmopt.report.table import LimitLine, Plot
from llmopt.report.text import cell_width, clean

HEIGHT = 15
"""Rows between the axes."""
PIPE_WIDTH = 80
"""Where there is no terminal."""
NARROWEST = 40
"""Columns; a plot says nothing in fewer."""
Role = str | int | None
"""What a piece of text is: the number of a series, `limit`, `axis`, or None for plain text."""
Span = tuple[str, Role]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a plot."""

    markers: str
    """One a series, over again where there are more series."""
    trail: str
    """Joins the points of a series."""
    across: str
    down: str
    corner: str
    left_tick: str
    bottom_tick: str
    limit_across: str
    limit_down: str


ASCII = Glyphs("ox+*#@%", ".", "-", "|", "+", "+", "+", "=", ":")
BOXES = Glyphs("●▲■◆○△□", "·", "─", "│", "└", "┤", "┬", "╌", "╎")


def lines(plot: Plot, width: int, glyphs: Glyphs = ASCII) -> list[list[Span]]:
    """Return the rows of a plot, each as pieces of text with their roles; no row is wider than `width`.

    A width below `NARROWEST`, or no point to draw, gives one row that says so.
    """
    title: list[list[Span]] = [[(clean(plot.title), None)]] if plot.title else []
    if width < NARROWEST:
        return [[("(too narrow for the plot)", None)]]
    grid = _Grid.of(plot, width, glyphs)
    if grid is None:
        return [*title, [("(no points to plot)", None)]]
    grid.draw()
    heading: list[Span] = [(clean(plot.y.heading), "axis")]
    return [*title, heading, *grid.rows(), *_legend(plot, width, glyphs)]


def text(plot: Plot, width: int = PIPE_WIDTH) -> str:
    """Return a plot in plain ASCII apart from its labels, without colour."""
    return "\n".join("".join(part for part, _ in row).rstrip() for row in lines(plot, width))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A point on the grid."""

    row: int
    column: int
    label: str
    series: int


class _Grid:
    """The cells between the axes; whatever is drawn first may be drawn over, labels go where there is room."""

    def __init__(self, plot: Plot, x: Scale, y: Scale, width: int, glyphs: Glyphs) -> None:
        self.plot, self.x, self.y, self.glyphs = plot, x, y, glyphs
        self.y_ticks = {self._row(value): value_text(value) for value in y.ticks(HEIGHT // 2 + 2)}
        self.margin = max(len(tick) for tick in self.y_ticks.values()) + 1
        self.width = width - self.margin - 1
        self.cells: list[list[Span]] = [[(" ", None)] * self.width for _ in range(HEIGHT)]
        self.taken: set[tuple[int, int]] = set()
        """Cells of markers and labels."""

    @classmethod
    def of(cls, plot: Plot, width: int, glyphs: Glyphs) -> _Grid | None:
        """Return an empty grid for a plot; None where it has no point."""
        points = [point for series in plot.series for point in series.points]
        if not points:
            return None
        limits = {axis: [line.value for line in plot.limits if line.axis == axis] for axis in ("x", "y")}
        x = scale_of([*(point.x for point in points), *limits["x"]], log=plot.x.log)
        y = scale_of([*(point.y for point in points), *limits["y"]], log=plot.y.log)
        return cls(plot, x, y, width, glyphs)

    def draw(self) -> None:
        """Draw limits, then trails, then markers, then the labels of limits and of points."""
        for line in self.plot.limits:
            self._limit(line)
        points = [point for number in range(len(self.plot.series)) for point in self._places(number)]
        for start, end in pairwise(points):
            if start.series == end.series and self.plot.series[start.series].joined:
                self._trail(start, end)
        for point in points:
            self.cells[point.row][point.column] = (
                self.glyphs.markers[point.series % len(self.glyphs.markers)],
                point.series,
            )
            self.taken.add((point.row, point.column))
        for line in self.plot.limits:
            self._name(line)
        for point in points:
            self._label(point)

    def rows(self) -> Iterator[list[Span]]:
        """Return the cells with both axes."""
        for number, row in enumerate(self.cells):
            tick = self.y_ticks.get(number)
            edge = self.glyphs.left_tick if tick is not None else self.glyphs.down
            yield [(f"{tick or '':>{self.margin - 1}} {edge}", "axis"), *_joined(row)]
        ticks = self._x_ticks()
        rule = "".join(self.glyphs.bottom_tick if at in ticks else self.glyphs.across for at in range(self.width))
        yield [(" " * self.margin + self.glyphs.corner + rule, "axis")]
        yield [(self._x_labels(ticks), "axis")]
        heading = clean(self.plot.x.heading)
        yield [(" " * max(self.margin + 1 + self.width - cell_width(heading), 0) + heading, "axis")]

    def _places(self, number: int) -> list[_Placed]:
        return [
            _Placed(self._row(point.y), self._column(point.x), _narrow(point.label), number)
            for point in self.plot.series[number].points
            if self.x.has(point.x) and self.y.has(point.y)
        ]

    def _row(self, value: float) -> int:
        return round((1 - self.y.at(value)) * (HEIGHT - 1))

    def _column(self, value: float) -> int:
        return round(self.x.at(value) * (self.width - 1))

    def _limit(self, line: LimitLine) -> None:
        if line.axis == "y" and self.y.has(line.value):
            self.cells[self._row(line.value)] = [(self.glyphs.limit_across, "limit")] * self.width
        elif line.axis == "x" and self.x.has(line.value):
            for row in self.cells:
                row[self._column(line.value)] = (self.glyphs.limit_down, "limit")

    def _name(self, line: LimitLine) -> None:
        """Write the label of a limit where no point is in its way; the legend has it anyway."""
        label = f" {_narrow(line.label)} "
        if line.axis == "y" and self.y.has(line.value):
            row = self._row(line.value)
            places = [(row, left) for left in range(2, self.width - len(label) - 1)]
        elif line.axis == "x" and self.x.has(line.value):
            column = self._column(line.value)
            places = [(row, left) for row in range(HEIGHT) for left in (column + 1, column - len(label))]
        else:
            return
        for row, left in places:
            if self._is_free(row, left, len(label)):
                self._write(row, left, label, "limit")
                return

    def _write(self, row: int, left: int, label: str, role: Role) -> None:
        self.cells[row][left : left + len(label)] = [(character, role) for character in label]
        self.taken |= {(row, at) for at in range(left, left + len(label))}

    def _trail(self, start: _Placed, end: _Placed) -> None:
        steps = max(abs(end.row - start.row), abs(end.column - start.column))
        for step in range(1, steps):
            row = round(start.row + (end.row - start.row) * step / steps)
            column = round(start.column + (end.column - start.column) * step / steps)
            if self.cells[row][column][0] == " ":
                self.cells[row][column] = (self.glyphs.trail, start.series)

    def _label(self, point: _Placed) -> None:
        """Write a label beside its point, where it touches no other point or label."""
        row, column, size = point.row, point.column, len(point.label)
        around = ((row, column + 1), (row, column - size), (row - 1, column), (row + 1, column))
        slanted = ((row - 1, column + 1), (row + 1, column + 1), (row - 1, column - size), (row + 1, column - size))
        for top, left in (*around, *slanted):
            if self._is_free(top, left, size, (row, column)):
                self._write(top, left, point.label, point.series)
                return

    def _is_free(self, row: int, left: int, size: int, beside: tuple[int, int] | None = None) -> bool:
        """Whether a label fits without touching what is there, the point that it stands beside left out."""
        if not (0 <= row < HEIGHT and left >= 0 and left + size <= self.width):
            return False
        near = {(row, at) for at in range(left - 1, left + size + 1)}
        return not (near - {beside}) & self.taken

    def _x_ticks(self) -> dict[int, str]:
        most = max(self.width // 10, 2)
        return {self._column(value): value_text(value) for value in self.x.ticks(most)}

    def _x_labels(self, ticks: dict[int, str]) -> str:
        """Return the values below the axis, each in the middle of its tick, those that would touch left out."""
        line = ""
        for column, label in sorted(ticks.items()):
            middle = self.margin + 1 + column - len(label) // 2
            start = max(min(middle, self.margin + 1 + self.width - len(label)), 0)
            if start > len(line) or not line:
                line = line.ljust(start) + label
        return line


def _narrow(label: str) -> str:
    """Return a label of which every character takes one cell; nothing where that cannot be."""
    safe = clean(label)
    return safe if cell_width(safe) == len(safe) else ""


def _joined(row: Sequence[Span]) -> list[Span]:
    """Return neighbouring cells of one role as one piece."""
    return [("".join(text for text, _ in run), role) for role, run in groupby(row, key=lambda cell: cell[1])]


def _legend(plot: Plot, width: int, glyphs: Glyphs) -> list[list[Span]]:
    entries: list[Span] = [
        (f"{glyphs.markers[number % len(glyphs.markers)]} {clean(series.label)}", number)
        for number, series in enumerate(plot.series)
        if series.label
    ]
    entries += [(f"{glyphs.limit_across * 2} {clean(line.label)}", "limit") for line in plot.limits]
    if plot.point_label:
        entries.append((f"beside a point: {clean(plot.point_label)}", None))
    rows: list[list[Span]] = []
    used = width
    for entry in entries:
        size = cell_width(entry[0]) + 3
        if used + size > width:
            rows.append([])
            used = 0
        rows[-1] += [entry, ("   ", None)]
        used += size
    return rows
