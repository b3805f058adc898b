"""How much of prompt files is waste: the report of a linter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmopt.prompts.audit import Finding, by_rule, findings
from llmopt.prompts.files.values import FileResult
from llmopt.report.compress_notes import notes_of
from llmopt.report.compress_shown import Shown
from llmopt.report.compress_view import headline, rules_table, share
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import clean, percent

WORST_RULES = 3
MOST_FINDINGS = 20
"""Of all failed files, in the report and on stderr; the audit has every one."""
_TEXT = 60
"""Characters of a finding's text in a message."""
_FILES = (
    Column("path", "File"),
    Column("tokens", "Tokens", "int", priority=1),
    Column("waste_tokens", "Waste", "int", priority=2),
    Column("waste", "Share", "percent"),
    Column("result", "Result"),
    Column("worst_rules", "Worst rules", priority=3),
    Column("month_usd", "A month", "money", priority=2, optional=True),
)
_FINDINGS = (
    Column("where", "Where"),
    Column("rule", "Rule"),
    Column("tokens", "Tokens", "int"),
    Column("text", "Text", priority=1),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """What one rule removes from one line."""

    where: str
    """`file:line`."""
    rule: str
    tokens: int
    text: str
    """What goes and what comes for it, in one short line."""


def view(shown: Shown, most: Decimal, *, brief: bool = False) -> Report:
    """Return the waste of each file, and the worst findings of those that have too much.

    Args:
        shown: the files.
        most: share of the tokens that may be waste.
        brief: no notes on where the numbers come from.
    """
    tables = [Table("files", "", _FILES, tuple(_row(file, shown, most) for file in shown.files))]
    failed = [file for file in shown.files if is_over(file, most)]
    found = spots(failed)
    if found:
        rows = tuple((one.where, one.rule, one.tokens, one.text) for one in worst(found))
        left = len(found) - len(rows)
        more = (Note(f"{left:,} more; --audit FILE lists every one."),) if left else ()
        tables.append(Table("findings", "Worst findings", _FINDINGS, rows, notes=more))
        tables.append(rules_table(findings(failed), sum(file.before.tokens for file in failed)))
    head = f"{len(failed):,} of {len(shown.files):,} files over {percent(most)} waste: {headline(shown.files)}"
    return Report("Prompt waste", head, tuple(tables), tuple(notes_of(shown, brief=brief)))


def is_over(file: FileResult, most: Decimal) -> bool:
    """Return whether more of a file is waste than may be."""
    return share(file.saved_tokens, file.before.tokens) > most


def messages(files: Sequence[FileResult], most: Decimal) -> tuple[str, ...]:
    """Return a line for each file that has too much waste, and `file:line: rule: text` for the worst findings."""
    failed = [file for file in files if is_over(file, most)]
    lines = []
    for file in failed:
        saved, tokens = file.saved_tokens, file.before.tokens
        lines.append(
            f"{clean(file.source.shown)}: {percent(share(saved, tokens))} is waste ({saved:,} of {tokens:,} tokens),"
            f" over --max-waste {percent(most)}"
        )
    return tuple(lines)


def finding_lines(files: Sequence[FileResult], most: Decimal) -> tuple[str, ...]:
    """Return `file:line: rule: text` for the worst findings of the files that have too much waste."""
    found = spots([file for file in files if is_over(file, most)])
    shown = worst(found)
    lines = [f"{one.where}: {one.rule}: {one.text} ({one.tokens:,} token{'s'[: one.tokens > 1]})" for one in shown]
    left = len(found) - len(shown)
    return (*lines, *([f"and {left:,} more; --audit FILE lists every one"] if left else []))


def spots(failed: Sequence[FileResult]) -> list[Spot]:
    """Return what saves tokens in some files, by line and rule, in their order."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings(failed):
        groups.setdefault((finding.where, finding.part, finding.rule), []).append(finding)
    found = []
    for (where, _, rule), group in groups.items():
        more = f" and {len(group) - 1:,} more" if len(group) > 1 else ""
        found.append(Spot(where, rule, sum(one.tokens for one in group), f"{_excerpt(group[0])}{more}"))
    return [spot for spot in found if spot.tokens > 0]


def worst(found: Sequence[Spot]) -> list[Spot]:
    """Return those that waste most, in the order in which they were."""
    order = sorted(range(len(found)), key=lambda at: (-found[at].tokens, at))[:MOST_FINDINGS]
    return [found[at] for at in sorted(order)]


def _excerpt(finding: Finding) -> str:
    """Return what goes (and what comes) in one line, the middle of long texts left out."""
    gone = _short(finding.text)
    return f"{gone} -> {_short(finding.replacement)}" if finding.replacement.strip() else gone


def _short(text: str) -> str:
    flat = " ".join(text.split()) or repr(text)
    if len(flat) <= _TEXT:
        return flat
    return f"{flat[: _TEXT // 2]} ... {flat[-_TEXT // 2 :]}"


def _row(file: FileResult, shown: Shown, most: Decimal) -> tuple[Cell, ...]:
    saved, tokens = file.saved_tokens, file.before.tokens
    saving = shown.saving(file)
    rules = [f"{one.rule} {one.tokens:,}" for one in by_rule(findings([file]))[:WORST_RULES]]
    return (
        file.source.shown,
        tokens,
        saved,
        share(saved, tokens),
        "too much" if is_over(file, most) else "ok",
        ", ".join(rules) or None,
        saving.month_usd if saving is not None else None,
    )
