"""The numbers behind a chart as a table, for those who would rather compute."""

from __future__ import annotations

from decimal import Decimal

from llmopt.report.figures import cell
from llmopt.report.table import Bars, Chart, Column, Meters, Plot, Table, Waterfall


def numbers(chart: Chart) -> Table:
    """Return what a chart draws, a row a mark, exact."""
    if isinstance(chart, Plot):
        return _points(chart)
    if isinstance(chart, Bars):
        return _bars(chart)
    return _steps(chart) if isinstance(chart, Waterfall) else _meters(chart)


def _points(plot: Plot) -> Table:
    columns = (
        Column("series", "series"),
        Column("label", plot.point_label or "label"),
        Column(_named(plot.x.name, plot.x.unit), plot.x.heading, "number"),
        Column(_named(plot.y.name, plot.y.unit), plot.y.heading, "number"),
    )
    rows = [
        (series.label, point.label, cell(point.x), cell(point.y)) for series in plot.series for point in series.points
    ]
    rows += [
        (f"limit: {line.label}", "", cell(line.value) if line.axis == "x" else None, _at(line.value, line.axis))
        for line in plot.limits
    ]
    return Table(plot.name, plot.title, columns, tuple(rows))


def _bars(bars: Bars) -> Table:
    columns = (Column(bars.period, bars.period), Column("part", "part"), Column(_value(bars.kind), "value", bars.kind))
    rows = [
        (label, layer.label, layer.values[place])
        for place, label in enumerate(bars.labels)
        for layer in bars.layers
        if layer.values[place]
    ]
    return Table(bars.name, bars.title, columns, tuple(rows))


def _steps(chart: Waterfall) -> Table:
    suffix = "_usd" if chart.kind == "money" else ""
    columns = (
        Column("step", "step"),
        Column(f"change{suffix}", "change", chart.kind),
        Column(f"left{suffix}", "left", chart.kind),
    )
    rows = tuple((step.label, None if step.whole else step.change, step.level) for step in chart.steps)
    return Table(chart.name, chart.title, columns, rows)


def _meters(chart: Meters) -> Table:
    names = (_value(chart.kind, chart.unit), "low", "high", "goal")
    columns = (Column("name", "name"), *(Column(name, name, chart.kind) for name in names))
    rows = tuple((one.label, one.value, one.low, one.high, one.goal) for one in chart.meters)
    return Table(chart.name, chart.title, columns, rows)


def _at(value: float, axis: str) -> Decimal | None:
    found = cell(value)
    return found if axis == "y" and isinstance(found, Decimal) else None


def _value(kind: str, unit: str = "") -> str:
    return "usd" if kind == "money" else _named("value", unit)


def _named(name: str, unit: str) -> str:
    """Return the name of a column for machines: `throughput (requests/s)`."""
    return f"{name} ({unit})" if unit else name
