"""The account of every removal, for people and for machines."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from llmopt.prompts.audit import Finding, by_rule, findings
from llmopt.prompts.files.values import FileResult
from llmopt.report.as_json import Json, document, plain
from llmopt.report.compress_money import month_of
from llmopt.report.compress_notes import notes_of
from llmopt.report.compress_shown import Shown
from llmopt.report.compress_view import headline, removal, rules_table
from llmopt.report.table import Cell, Column, Note, Report, Table

_NOT_ADDING = "Tokens of joined text do not add up exactly: the removals sum to {sum:,}, the files saved {saved:,}."
_COLUMNS = (
    Column("path", "File"),
    Column("part", "Part", optional=True, priority=5),
    Column("first_line", "Line", "int"),
    Column("last_line", "To line", "int", priority=4),
    Column("rule", "Rule"),
    Column("tokens", "Tokens", "int"),
    Column("month_usd", "A month", "money", priority=1, optional=True),
    Column("text", "Text", priority=2),
    Column("replacement", "Replaced by", priority=3, optional=True),
)


def view(shown: Shown, *, brief: bool = False, exact: bool = False) -> Report:
    """Return every removal, and under them the sums by rule.

    Args:
        shown: the files.
        brief: no notes on where the numbers come from.
        exact: texts that are nothing but blanks are not put in quotes, which make them visible.
    """
    rows = tuple(_row(finding, month, str if exact else _visible) for finding, month in _priced(shown))
    removals = Table("removals", "", _COLUMNS, rows, notes=() if rows else (Note("Nothing was removed."),))
    found = findings(shown.files)
    tables = [removals]
    if found:
        tables.append(rules_table(found, sum(file.before.tokens for file in shown.files)))
    notes = list(notes_of(shown, brief=brief))
    summed, saved = sum(finding.tokens for finding in found), sum(file.saved_tokens for file in shown.files)
    if summed != saved and not brief:
        notes.insert(0, Note(_NOT_ADDING.format(sum=summed, saved=saved)))
    return Report("Audit", headline(shown.files), tuple(tables), tuple(notes))


def payload(shown: Shown) -> dict[str, Json]:
    """Return every removal as the document of `llmopt.compress.audit/1`."""
    before, after = (
        sum(part) for part in ([f.before.tokens for f in shown.files], [f.after.tokens for f in shown.files])
    )
    body: dict[str, Json] = {
        "level": shown.level,
        "removals": [
            {"path": finding.path, **removal(finding), "month_usd": plain(month)} for finding, month in _priced(shown)
        ],
        "rules": plain(by_rule(findings(shown.files))),
        "total": {"tokens_before": before, "tokens_after": after, "saved_tokens": before - after},
        "skipped": [{"path": item.path, "reason": item.reason} for item in shown.skipped],
    }
    return document("compress.audit", body)


def _priced(shown: Shown) -> list[tuple[Finding, Decimal | None]]:
    return [(finding, _month(finding, file, shown)) for file in shown.files for finding in findings([file])]


def _month(finding: Finding, file: FileResult, shown: Shown) -> Decimal | None:
    return month_of(finding.tokens, file, shown.pricing)


def _visible(text: str) -> str:
    return text if not text or text.strip() else repr(text)


def _row(finding: Finding, month: Decimal | None, written: Callable[[str], str]) -> tuple[Cell, ...]:
    return (
        finding.path,
        finding.part,
        finding.first_line,
        finding.last_line,
        finding.rule,
        finding.tokens,
        month,
        written(finding.text),
        written(finding.replacement),
    )
