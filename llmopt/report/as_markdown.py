"""GitHub markdown, short enough for a pull-request comment: headline, main table, details folded away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from llmopt.core.check import Check, failures
from llmopt.report import plot
from llmopt.report.as_text import shown_rows
from llmopt.report.table import Column, Note, Plot, Report, Table
from llmopt.report.text import clean

MOST_ROWS = 100
"""A comment on GitHub ends at 65,536 characters; a longer table is shortened and says so."""
MOST_LINES = 20
"""Of checks that hold, and of what does not."""
PLAIN = re.compile(r"[A-Za-z0-9 .,/()%+'-]*")
"""Text that markdown shows as it is (apart from web addresses)."""
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!$])")
"""What a backslash takes the meaning from."""
LINKS = re.compile(r"@|(?<=[a-z]:)//|(?<=www)\.", re.IGNORECASE)
"""Where GitHub would see a mention or an address even in escaped text."""
BACKTICKS = re.compile("`+")


def render(report: Report) -> str:
    """Return `report` as markdown."""
    blocks = [f"### {escape(report.title)}"] if report.title else []
    if report.headline:
        blocks.append(f"**{escape(report.headline)}**")
    if report.checks:
        blocks.append("\n".join(_checks(report.checks)))
    blocks.extend(_block(table.for_people()) for table in report.tables)
    blocks.extend(_plot(one) for one in report.plots)
    if report.notes:
        blocks.append("\n".join(_note(note) for note in report.notes))
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str) -> str:
    """Return a sentence as markdown that shows exactly `text`, on one line, without links or mentions."""
    safe = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return LINKS.sub(lambda match: f"<!-- -->{match.group()}<!-- -->", SPECIAL.sub(r"\\\1", safe))


def literal(text: str) -> str:
    """Return the value of a cell: as it is where that is safe, as a code span where it is not.

    In a code span nothing is a tag, a mention or a link; only the pipe still ends a table cell.
    """
    safe = clean(text)
    if PLAIN.fullmatch(safe) and "www." not in safe.lower() and "//" not in safe:
        return safe
    fence = "`" * (1 + max((len(run) for run in BACKTICKS.findall(safe)), default=0))
    gap = " " if len(fence) > 1 else ""
    return f"{fence}{gap}{safe}{gap}{fence}".replace("|", r"\|")


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    """Yield a line for each sentence on what does not hold, then one for each check that holds."""
    lines = failures(checks)
    yield from (f"- :x: {escape(line)}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"- :x: and {len(lines) - MOST_LINES:,} more"
    held = [check for check in checks if check.ok]
    for check in held[:MOST_LINES]:
        found = f": {check.actual}" if check.actual else ""
        limit = f" (limit {check.limit})" if check.limit else ""
        yield f"- :white_check_mark: {literal(check.label)}{escape(found + limit)}"
    if len(held) > MOST_LINES:
        yield f"- :white_check_mark: and {len(held) - MOST_LINES:,} more"


def _block(table: Table) -> str:
    parts = [f"**{escape(table.title)}**"] if table.title and not table.detail else []
    if table.rows:
        parts.append("\n".join(_grid(table)))
    hidden = len(table.rows) - MOST_ROWS
    if hidden > 0:
        parts.append(f"{hidden:,} more rows are left out here and counted in the total; CSV and JSON have them.")
    if table.notes:
        parts.append("\n".join(_note(note) for note in table.notes))
    body = "\n\n".join(parts)
    if not table.detail:
        return body
    return f"<details><summary>{escape(table.title)}</summary>\n\n{body}\n\n</details>"


def _plot(drawn: Plot) -> str:
    parts = [_fenced(plot.text(drawn).split("\n"))]
    if drawn.notes:
        parts.append("\n".join(_note(note) for note in drawn.notes))
    return "\n\n".join(parts)


def _fenced(lines: Sequence[str]) -> str:
    """Return a code block; its text holds no backticks that could end it."""
    return "\n".join(["```text", *(clean(line).replace("`", "'") for line in lines), "```"])


def _grid(table: Table) -> list[str]:
    header, *rows = shown_rows(replace(table, rows=table.rows[:MOST_ROWS]))
    rows = [[_value(text, column) for text, column in zip(row, table.columns, strict=True)] for row in rows]
    if table.total:
        rows[-1] = [f"**{text}**" if text else "" for text in rows[-1]]
    rule = ["---" if column.is_text else "---:" for column in table.columns]
    return [_line([escape(label) for label in header]), _line(rule), *(_line(row) for row in rows)]


def _value(text: str, column: Column) -> str:
    return literal(text) if column.is_text else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _note(note: Note) -> str:
    if note.level == "code":
        return f"\n{_fenced(note.text.splitlines())}\n"
    return f"- :warning: {escape(note.text)}" if note.level == "warning" else f"- {escape(note.text)}"
