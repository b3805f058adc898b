"""Every removal with its reason and its place, and what each rule took away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llmopt.prompts.files.values import FilePart, FileResult


@dataclass(frozen=True, slots=True)
class Finding:
    """One removal from a file."""

    path: str
    """The file."""
    part: str
    """The text within a chat request, such as `messages[1].content`; empty where the file is one text."""
    rules: tuple[str, ...]
    """Why, in the order in which the rules applied."""
    first_line: int
    """Line of the file, from 1; in a JSON file the line at which the text begins."""
    last_line: int
    text: str
    """What was there."""
    replacement: str
    """What is there now; empty where it only went."""
    tokens: int
    """Fewer tokens by this change alone."""

    @property
    def rule(self) -> str:
        """The rules in one word, joined by `+`."""
        return "+".join(self.rules)

    @property
    def where(self) -> str:
        """Return `file:line`."""
        return f"{self.path}:{self.first_line}"


@dataclass(frozen=True, slots=True)
class RuleTotal:
    """What one rule took away; a removal by several rules is booked under their joined name."""

    rule: str
    removals: int
    tokens: int
    """Sum over its removals."""


def findings(files: Iterable[FileResult]) -> list[Finding]:
    """Return every removal of some files, in order."""
    return [finding for file in files for part in file.parts for finding in _of_part(file, part)]


def by_rule(found: Iterable[Finding]) -> tuple[RuleTotal, ...]:
    """Return the totals of each rule, the one that saves most first."""
    sums: dict[str, tuple[int, int]] = {}
    for finding in found:
        number, tokens = sums.get(finding.rule, (0, 0))
        sums[finding.rule] = (number + 1, tokens + finding.tokens)
    totals = (RuleTotal(rule, number, tokens) for rule, (number, tokens) in sums.items())
    return tuple(sorted(totals, key=lambda total: (-total.tokens, total.rule)))


def _of_part(file: FileResult, part: FilePart) -> Iterator[Finding]:
    for removal in part.result.removals:
        first, last = (part.line, part.line) if part.label else (removal.first_line, removal.last_line)
        yield Finding(
            file.source.shown,
            part.label,
            removal.rules,
            first,
            last,
            removal.text,
            removal.replacement,
            removal.tokens,
        )
