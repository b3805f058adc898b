"""What the reports on compressed files are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmopt.core.check import Check, failures
from llmopt.prompts.files.values import FileResult
from llmopt.report.compress_money import Pricing, Saving
from llmopt.tokens.counting.values import Skipped


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that a report on compressed files shows."""

    level: str
    files: tuple[FileResult, ...]
    pricing: Pricing | None = None
    savings: Mapping[str, Saving] | None = None
    """By the name of the file; None without a price."""
    skipped: tuple[Skipped, ...] = ()
    checks: tuple[Check, ...] = ()
    with_text: bool = False
    """Whether machines get the text, which is written nowhere else."""

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """A line for each check that does not hold."""
        return failures(self.checks)

    def saving(self, file: FileResult) -> Saving | None:
        """Return what a file saves in dollars, where that is known."""
        return (self.savings or {}).get(file.source.shown)
