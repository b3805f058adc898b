"""The neutral values that every renderer understands: `Column`, `Table`, charts, `Note`, `Check`, `Finding`, `Report`.

A view (such as `llmopt.report.cost_view`) makes these from a result; a renderer makes text from these. Neither
knows of the other, so a new result needs one view and a new format needs one renderer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from llmopt.core.check import Check

Kind = Literal["text", "int", "money", "percent", "date", "duration", "number", "bytes"]
Cell = str | int | Decimal | date | None
"""`str` for text, `int` for counts and bytes, `Decimal` for money (dollars), percent (a fraction), durations (seconds;
people see milliseconds) and other numbers (rates, ratios), None for unknown."""


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
    people: bool = False
    """Left out of CSV: says in other words what columns for machines hold."""
    sketch: bool = False
    """Bars made of characters, needless where charts are drawn."""
    bar: bool = False
    """A terminal with room to spare draws a bar beside each number, as long as its share of the greatest."""
    leads: bool = False
    """On a page, where a wide table scrolls to the side, it stands right after the names."""

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
    level: Literal["info", "warning", "code"] = "info"
    """`code`: lines to be copied as they are."""


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
class Axis:
    """One axis of a plot."""

    name: str
    unit: str = ""
    """Of the values, such as `ms`; empty where they are plain numbers."""
    log: bool = False
    """Logarithmic; values of 0 and less are left out then."""

    @property
    def heading(self) -> str:
        """The name with its unit and scale."""
        said = [part for part in (self.unit, "log scale" if self.log else "") if part]
        return f"{self.name} ({', '.join(said)})" if said else self.name


@dataclass(frozen=True, slots=True)
class PlotPoint:
    """One point, in the units of the axes."""

    x: float
    y: float
    label: str = ""
    """A few characters beside the point; empty for none."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together."""

    label: str
    points: tuple[PlotPoint, ...]
    joined: bool = True
    """By a line, in their order."""


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A line across a plot that values should not pass."""

    axis: Literal["x", "y"]
    """Whose value it marks: a limit of `y` is a horizontal line."""
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Points over two axes; people see it, machines have the numbers from the tables."""

    name: str
    """Machine name, unique in its report."""
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    limits: tuple[LimitLine, ...] = ()
    point_label: str = ""
    """What the labels of points mean, such as `batch size`."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One colour of stacked bars."""

    label: str
    values: tuple[Decimal, ...]
    """One a bar, 0 or more."""
    rest: bool = False
    """Adds up what has no colour of its own."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars over time: one a period, each cut into the same layers."""

    name: str
    """Machine name, unique in its report."""
    title: str
    period: str
    """What a bar stands for, such as `day`."""
    labels: tuple[str, ...]
    """One a bar, in order: `2024-05-01`."""
    layers: tuple[Layer, ...]
    """The lowest first."""
    kind: Kind = "money"
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of a waterfall."""

    label: str
    change: Decimal | None
    """What it adds (below 0: takes away); None: unknown, or a bar that stands for the whole."""
    level: Decimal
    """Where the bill stands after it."""
    whole: bool = False
    """Drawn from 0 on: the first and the last one."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """From one amount to another, step by step."""

    name: str
    """Machine name, unique in its report."""
    title: str
    steps: tuple[Step, ...]
    kind: Kind = "money"
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Meter:
    """One row of horizontal bars."""

    label: str
    value: Decimal
    low: Decimal | None = None
    """Lower end of its interval; None: not known."""
    high: Decimal | None = None
    goal: Decimal | None = None
    """A mark that the value is held against."""
    good: bool | None = None
    """Whether it does what it should; None: nobody says."""


@dataclass(frozen=True, slots=True)
class Meters:
    """Horizontal bars with their values written out."""

    name: str
    """Machine name, unique in its report."""
    title: str
    meters: tuple[Meter, ...]
    kind: Kind = "number"
    unit: str = ""
    """Behind the values, such as `%`; empty where `kind` says it."""
    notes: tuple[Note, ...] = ()


Chart = Plot | Bars | Waterfall | Meters


@dataclass(frozen=True, slots=True)
class PriceStamp:
    """Which price table."""

    date: date
    sha256: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding, for programs that show findings beside the lines of a file."""

    id: str
    """Such as `prompt-waste/filler`."""
    title: str
    """A few words."""
    help: str
    """What it means and what to do, in sentences."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found at a place in a file."""

    rule: Rule
    text: str
    path: str
    """The file as the user named it, or its URL; empty for none."""
    line: int | None = None
    """From 1; None: the whole file."""
    last_line: int | None = None
    """None: that line alone."""
    level: Literal["note", "warning", "error"] = "warning"
    same: str = ""
    """What stays while figures in the text change, so that the finding is known again; empty: the text."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a command has to say: a headline, tables (the main one first), plots, and lines under them."""

    title: str
    headline: str
    """One sentence with the answer; may be empty."""
    tables: tuple[Table, ...]
    notes: tuple[Note, ...] = ()
    plots: tuple[Plot, ...] = ()
    csv: Table | None = None
    """What CSV holds; None: the main table."""
    focus: Table | None = None
    """Charges for tools that read FOCUS; None where the command has none, or was not asked."""
    checks: tuple[Check, ...] = ()
    """What the user asked to hold, for JUnit and SARIF; people are told on stderr of what does not."""
    findings: tuple[Finding, ...] = ()
    """What was found in which file, for SARIF."""
    subject: str = ""
    """The file or folder that the report is about, where failed checks are shown; empty for none."""
    charts: tuple[Chart, ...] = ()
    """Drawn where there is a picture (HTML, SVG, PNG), before the plots; text has the tables for that."""
    prices: PriceStamp | None = None
    """The price table behind the dollars; None: there are none, or they came from elsewhere."""

    @property
    def drawn(self) -> tuple[Chart, ...]:
        """All charts, the main one first."""
        return (*self.charts, *self.plots)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The text of every warning, those of tables first."""
        of_tables = [note for table in self.tables for note in table.notes]
        of_plots = [note for chart in self.drawn for note in chart.notes]
        notes = [*of_tables, *of_plots, *self.notes]
        return tuple(note.text for note in notes if note.level == "warning")
