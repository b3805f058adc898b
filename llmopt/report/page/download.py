"""Links that hold their file: the numbers behind a chart or a table as CSV, exact, without a script or a server."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from llmopt.report.as_csv import table_csv
from llmopt.report.table import Table
from llmopt.report.text import clean

_PLAIN = ",:;=-_.~!*'()/@+$|"
"""Characters that a data address holds as they are."""


def csv_link(table: Table) -> str:
    """Return a link that saves a table as CSV."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", table.name).strip("-")[:60] or "table"
    data = quote(table_csv(table), safe=_PLAIN)
    said = escape(f"Download as CSV: {clean(table.title) or name}")
    return (
        f'<a class="csv" download="{name}.csv" aria-label="{said}" '
        f'href="data:text/csv;charset=utf-8,{escape(data)}">CSV</a>'
    )
