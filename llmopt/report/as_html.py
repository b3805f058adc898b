"""One HTML page that needs nothing else: no script, no font and no address is loaded. For audits that are passed on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from llmopt.report.as_text import note_text, shown_rows
from llmopt.report.svg import styles, svg
from llmopt.report.table import Column, Note, Report, Table
from llmopt.report.text import clean

_META = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">'
_STYLE = """\
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;padding:0 1em;max-width:80em}
table{border-collapse:collapse;margin:1em 0}
th,td{border-bottom:1px solid #8884;padding:.25em .7em;text-align:left;vertical-align:top}
td{white-space:pre-wrap;overflow-wrap:anywhere;min-width:7em}
.number{min-width:0;text-align:right;font-variant-numeric:tabular-nums}
td.number{white-space:nowrap}
tfoot td{font-weight:bold}
.warning{color:#b50}
pre{overflow-x:auto}"""


def render(report: Report) -> str:
    """Return `report` as a page of its own."""
    title = _text(report.title)
    blocks = [f"<h1>{title}</h1>"] if title else []
    if report.headline:
        blocks.append(f"<p><strong>{_text(report.headline)}</strong></p>")
    blocks += [_table(table.for_people()) for table in report.tables]
    for plot in report.plots:
        blocks += [f"<h2>{_text(plot.title)}</h2>"] if plot.title else []
        blocks += [svg(plot), *_notes(plot.notes)]
    blocks += _notes(report.notes)
    body = "\n".join(blocks)
    head = f"{_META}\n<title>{title}</title>\n<style>\n{_STYLE}{styles(report.plots)}\n</style>"
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _table(table: Table) -> str:
    lines = [f"<h2>{_text(table.title)}</h2>"] if table.title else []
    if table.rows:
        header, *rows = shown_rows(table)
        total = rows.pop() if table.total else None
        lines.append(f"<table>\n<thead>\n{_row(header, table.columns, 'th')}\n</thead>\n<tbody>")
        lines += [_row(row, table.columns) for row in rows]
        lines.append("</tbody>")
        if total:
            lines.append(f"<tfoot>\n{_row(total, table.columns)}\n</tfoot>")
        lines.append("</table>")
    return "\n".join([*lines, *_notes(table.notes)])


def _notes(notes: Sequence[Note]) -> list[str]:
    return [
        f"<pre>{escape(note_text(note))}</pre>"
        if note.level == "code"
        else f'<p class="{note.level}">{escape(note_text(note))}</p>'
        for note in notes
    ]


def _row(cells: Sequence[str], columns: Sequence[Column], tag: str = "td") -> str:
    parts = []
    for text, column in zip(cells, columns, strict=True):
        style = "" if column.is_text else ' class="number"'
        parts.append(f"<{tag}{style}>{escape(text)}</{tag}>")
    return f"<tr>{''.join(parts)}</tr>"


def _text(text: str) -> str:
    return escape(clean(text))
