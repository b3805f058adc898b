"""CSV of a report's main table, or of the one made for it: machine names as header, exact values, no total row.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula. Text cells that do get a leading
apostrophe, which a spreadsheet hides; numbers are written by llmopt itself and stay numbers.
"""

from __future__ import annotations

import csv
import io

from llmopt.report.table import Cell, Report, Table
from llmopt.report.text import clean, exact

FORMULA_STARTS = ("=", "+", "-", "@")


def render(report: Report) -> str:
    r"""Return `report.csv`, or else the first table, as CSV (RFC 4180 quoting, `\n` line ends, UTF-8)."""
    return table_csv(report.csv or report.tables[0])


def table_csv(table: Table) -> str:
    """Return one table as CSV."""
    kept = [i for i, column in enumerate(table.columns) if not column.people]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(clean(table.columns[i].name) for i in kept)
    writer.writerows([_safe(row[i]) for i in kept] for row in table.rows)
    return out.getvalue()


def _safe(cell: Cell) -> str:
    text = exact(cell)
    return f"'{text}" if isinstance(cell, str) and text.lstrip().startswith(FORMULA_STARTS) else text
