"""The values that an evaluation yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure."""

    name: str
    value: float | None
    """In `unit`; None where nothing was there to measure."""
    goal: float | None
    """What the figure should be; None where it is only told."""
    n: int
    """Prompts, contexts or documents behind it."""
    unit: str
    """`%`, `ms` or `MB/s`."""
    detail: str
    """What was measured, in a few words."""
    ok: bool | None
    """Whether the goal is met; None without a goal or a value."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A made-up prompt that lost something."""

    level: str
    kind: str
    """Of prompt."""
    number: int
    """Among the generated ones; with the seed, enough to make it again."""
    fault: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one run."""

    metrics: tuple[Metric, ...]
    failures: tuple[Failure, ...]
    """What the safety figures count, one a prompt and level."""
    data: str
    """Where the paragraphs came from."""
    bad_rows: tuple[str, ...]
    """Rows of the data that count nowhere: where, and what is wrong."""
    tokenizer: str
    seed: int


def at_least(name: str, value: float | None, goal: float | None, n: int, detail: str, unit: str = "%") -> Metric:
    """Return a figure that should be its goal or more."""
    ok = None if value is None or goal is None else value >= goal
    return Metric(name, value, goal, n, unit, detail, ok)


def at_most(name: str, value: float | None, goal: float | None, n: int, detail: str, unit: str = "%") -> Metric:
    """Return a figure that should be its goal or less."""
    ok = None if value is None or goal is None else value <= goal
    return Metric(name, value, goal, n, unit, detail, ok)


def share(part: int, whole: int) -> float | None:
    """Return a share in per cent; None of nothing."""
    return 100 * part / whole if whole else None


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return sum(values) / len(values) if values else None
