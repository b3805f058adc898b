"""A chart of a page: drawn for a desk and for a phone, with its numbers to save."""

from __future__ import annotations

from html import escape

from llmopt.report.chart_table import numbers
from llmopt.report.page.download import csv_link
from llmopt.report.page.tables import notes
from llmopt.report.svg import NARROW, WIDE, svg
from llmopt.report.table import Chart
from llmopt.report.text import clean


def figure(chart: Chart) -> str:
    """Return a chart with its title, its download and its notes."""
    title = escape(clean(chart.title))
    head = f"<h2>{title}</h2>" if title else ""
    drawn = [_sized(chart, width, style) for width, style in ((WIDE, "wide"), (NARROW, "narrow"))]
    lines = [f"<figcaption>{head}{csv_link(numbers(chart))}</figcaption>", *drawn, *notes(chart.notes)]
    return "\n".join(["<figure>", *lines, "</figure>"])


def _sized(chart: Chart, width: int, style: str) -> str:
    return svg(chart, width).replace("<svg ", f'<svg class="{style}" ', 1)
