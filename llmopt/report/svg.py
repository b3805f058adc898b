"""Charts as SVG: for a page, which has the colours, or as a file of its own, which brings them along."""

from __future__ import annotations

from llmopt.report.drawing import bars, plots, rows
from llmopt.report.drawing.canvas import clipped, safe
from llmopt.report.drawing.style import DARK, LIGHT, RULES, painted, variables
from llmopt.report.table import Bars, Chart, Plot, Waterfall

WIDE, NARROW = 900, 348
"""Pixels: for a desk and for a phone."""
_MARGIN, _HEAD = 20, 46


def svg(chart: Chart, width: int = WIDE) -> str:
    """Return a chart as one `<svg>` element; its classes need `style.RULES` and the colours in the page."""
    if isinstance(chart, Plot):
        return plots.draw(chart, width)
    if isinstance(chart, Bars):
        return bars.draw(chart, width)
    return rows.draw_waterfall(chart, width) if isinstance(chart, Waterfall) else rows.draw_meters(chart, width)


def standalone(chart: Chart) -> str:
    """Return a chart with its title as a file: light or dark as the reader has it."""
    dark = f"@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"
    return _framed(chart, f":root{{{variables(LIGHT)}}}\n{dark}\n{RULES}")


def printed(chart: Chart) -> str:
    """Return a chart with its title in the light colours, which are written out."""
    return _framed(chart, painted(RULES, LIGHT), painted("var(--bg)", LIGHT))


def _framed(chart: Chart, rules: str, ground: str = "var(--bg)") -> str:
    inner = svg(chart)
    head, _, rest = inner.partition(">")
    height = int(head.partition('height="')[2].partition('"')[0]) + _HEAD + _MARGIN
    width = WIDE + 2 * _MARGIN
    outer = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f"{head[head.index('role=') :]}>"
    )
    labels, _, body = rest.partition("</desc>")
    style = f"<style>{rules}svg .page{{fill:{ground}}}svg text.title{{font-size:16px;font-weight:600}}</style>"
    title = safe(clipped(chart.title, WIDE * 0.75))
    return (
        f"{outer}{labels}</desc>\n{style}\n"
        f'<path class="page" d="M0 0h{width}v{height}h-{width}z"/>\n'
        f'<text class="title" x="{_MARGIN}" y="30">{title}</text>\n'
        f'<g transform="translate({_MARGIN} {_HEAD})">{body.removesuffix("</svg>")}</g>\n</svg>\n'
    )
