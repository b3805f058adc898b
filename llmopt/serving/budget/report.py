"""What a run of a pipeline gives back: its value, and a report for each stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["ok", "fallback", "timeout", "failed", "skipped", "cancelled", "abandoned"]
"""`ok`: answered in time; `fallback`: its fallback took its place (`cause` says why); `timeout`: ran out of its time;
`failed`: raised; `skipped`: not started; `cancelled`: stopped since another stage ended the run; `abandoned`: told to
stop, and still running after its grace when the run was over, whatever took its place."""
Cause = Literal["timeout", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class StageReport:
    """What became of one stage. Times are seconds; `started_s` counts from the start of the run."""

    name: str
    status: Status
    started_s: float | None
    """None where it was not started."""
    took_s: float
    """Until its value was there, that of a fallback included; 0 where it was not started."""
    allowed_s: float
    """What it might take when it started (or was skipped); 0 where it was not reached."""
    attempts: int
    """1 without hedging; 0 where it was not started."""
    hedged: bool
    """Whether a second attempt was started since the first was slow."""
    error: str
    """Why it has no value of its own; empty where it has."""
    cause: Cause | None = None
    """What went wrong where a fallback, or None, took its place; None where nothing did."""
    expected_s: float | None = None
    """As declared."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that came to an end: `outcome.value`, `outcome["stage"]`, `outcome.report["stage"].status`."""

    value: Any
    """Of the stage that was defined last."""
    values: Mapping[str, Any]
    """Stage -> its value."""
    report: Mapping[str, StageReport]
    """Stage -> what became of it, in the order of definition."""
    took_s: float
    """The whole run."""
    total_s: float
    """What the run had: its budget, or what was left of an outer one."""

    def __getitem__(self, stage: str) -> Any:
        """Return the value of a stage."""
        return self.values[stage]
