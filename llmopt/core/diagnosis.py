"""What `llmopt doctor` finds out about an installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]
"""`note`: something is not there that not everybody needs. `problem`: something does not work as it should."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    part: str
    """Where it belongs: `program`, `library`, `extra`, `prices`, `vocabulary`, `machine`, `settings`."""
    name: str
    value: str
    """What was found; for people."""
    state: State = "ok"
    hint: str = ""
    """What to do about it; empty where nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that a file or a variable gives."""

    command: str
    """Such as `cost` or `cache simulate`; empty: all that have the option."""
    option: str
    """As on the command line, such as `--max-cost`."""
    value: str
    """What was written, without passwords and keys."""
    where: str
    """The file or the variable."""
    over: tuple[str, ...] = ()
    """Where else it is set, and goes unheard."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at."""

    findings: tuple[Finding, ...]
    settings: tuple[Setting, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What does not work as it should."""
        return tuple(finding for finding in self.findings if finding.state == "problem")
