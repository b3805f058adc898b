"""How much of prompt files is waste: the report of a linter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.check import Check
from llmopt.prompts.audit import Finding, by_rule, findings
from llmopt.prompts.files.values import FileResult
from llmopt.report import table
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

    path: str
    first_line: int
    last_line: int
    rule: str
    tokens: int
    text: str
    """What goes and what comes for it, in one short line."""

    @property
    def where(self) -> str:
        """Return `file:line`."""
        return f"{self.path}:{self.first_line}"

    @property
    def saves(self) -> str:
        """How many tokens, in words."""
        return f"{self.tokens:,} token{'s'[: self.tokens > 1]}"

    @property
    def finding(self) -> table.Finding:
        """The same for programs that show it beside the line."""
        rule = table.Rule(f"prompt-waste/{self.rule}", f"Prompt waste: {self.rule}", _help(self.rule))
        return table.Finding(
            rule, f"{self.rule}: {self.text} ({self.saves})", self.path, self.first_line, self.last_line, same=self.text
        )


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
    return Report(
        "Prompt waste",
        head,
        tuple(tables),
        tuple(notes_of(shown, brief=brief)),
        findings=tuple(one.finding for one in found),
    )


def is_over(file: FileResult, most: Decimal) -> bool:
    """Return whether more of a file is waste than may be."""
    return share(file.saved_tokens, file.before.tokens) > most


def checks(files: Sequence[FileResult], most: Decimal) -> tuple[Check, ...]:
    """Return whether each file keeps to the waste that it may have."""
    return tuple(_check(file, most) for file in files)


def _check(file: FileResult, most: Decimal) -> Check:
    saved, tokens, path = file.saved_tokens, file.before.tokens, file.source.shown
    name, limit, found = "--max-waste", percent(most), percent(share(saved, tokens))
    over = f"{clean(path)}: {found} is waste ({saved:,} of {tokens:,} tokens), over {name} {limit}"
    return Check(name, limit, found, path, path, (over,) if is_over(file, most) else ())


def finding_lines(files: Sequence[FileResult], most: Decimal) -> tuple[str, ...]:
    """Return `file:line: rule: text` for the worst findings of the files that have too much waste."""
    found = spots([file for file in files if is_over(file, most)])
    shown = worst(found)
    lines = [f"{one.where}: {one.rule}: {one.text} ({one.saves})" for one in shown]
    left = len(found) - len(shown)
    return (*lines, *([f"and {left:,} more; --audit FILE lists every one"] if left else []))


def spots(failed: Sequence[FileResult]) -> list[Spot]:
    """Return what saves tokens in some files, by line and rule, in their order."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings(failed):
        groups.setdefault((finding.where, finding.part, finding.rule), []).append(finding)
    found = []
    for group in groups.values():
        first, last = group[0], max(one.last_line for one in group)
        more = f" and {len(group) - 1:,} more" if len(group) > 1 else ""
        tokens = sum(one.tokens for one in group)
        found.append(Spot(first.path, first.first_line, last, first.rule, tokens, f"{_excerpt(first)}{more}"))
    return [spot for spot in found if spot.tokens > 0]


def worst(found: Sequence[Spot]) -> list[Spot]:
    """Return those that waste most, in the order in which they were."""
    order = sorted(range(len(found)), key=lambda at: (-found[at].tokens, at))[:MOST_FINDINGS]
    return [found[at] for at in sorted(order)]


def _help(rules: str) -> str:
    """Return what a rule is about, for who sees a finding of it."""
    return (
        f"These tokens say nothing to a model that it would not know without them ({rules.replace('+', ', then ')}). "
        "`llmopt compress FILE --diff` shows what would change, `--in-place` changes it, and `--keep REGEX` or a "
        "lower --level leaves it alone; docs/compress.md lists the rules."
    )


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
