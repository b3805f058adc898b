"""A chart as a bitmap of twice the size, for slides and mails; needs vl-convert, which draws SVG without a browser."""

from __future__ import annotations

import vl_convert

from llmopt.report.svg import printed
from llmopt.report.table import Chart

SCALE = 2


def png(chart: Chart) -> bytes:
    """Return a chart with its title as PNG, in the light colours."""
    drawn: bytes = vl_convert.svg_to_png(printed(chart), scale=SCALE)
    return drawn
