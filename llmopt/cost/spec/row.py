"""One log record in canonical form: what both compilers agree on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Protocol

from llmopt.core.counted import Counted
from llmopt.core.usage import Usage

MAX_COUNT = 2**32 - 1
"""Largest token count believed of one request; the longest context on the market is a thousandth of it."""
MAX_AGGREGATE = 10**15
"""Largest token count believed of a row that adds up many requests."""


class Outcome(IntEnum):
    """What becomes of a record; the numbers are what the duckdb query returns."""

    OK = 0
    """Has usage: to be priced."""
    FREE = 1
    """Costs nothing by rule: a gateway's cache hit, a failed request without usage."""
    NO_USAGE = 2
    """A request whose usage is not in the log: counted from its text where that is there; else unpriced, never free."""
    BAD = 3
    """Of a known format, but cannot be read right."""
    UNKNOWN = 4
    """Not of a format that the file is known to hold (or not JSON at all)."""
    SKIP = 5
    """Not a request."""


class Told(Protocol):
    """What a reader of single calls makes of a record, beyond what a bill needs."""

    identity: tuple[str | None, ...] | bytes | None
    """By what it is told which records are of one response; set by whoever tells."""

    def absorb(self, other: Told) -> None:
        """Take what only another record of the same call says."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """A record as read by one spec."""

    spec: str
    outcome: Outcome
    reason: str = ""
    """Why the outcome is BAD."""
    request_id: str | None = None
    timestamp: datetime | None = None
    """UTC."""
    naive: bool = False
    """The log gave no time zone; UTC was assumed."""
    provider: str | None = None
    model: str | None = None
    tier: str = "default"
    usage: Usage = field(default_factory=Usage)
    requests: int = 1
    aggregate: bool = False
    """The row adds up many requests."""
    groups: dict[str, str | None] = field(default_factory=dict)
    reported_usd: Decimal | None = None
    prompt: str | None = None
    """What was asked, as text or JSON; only of a record without usage."""
    response: str | None = None
    """What was answered, as text or JSON; only of a record without usage."""
    counted: Counted | None = None
    """How `usage` was counted from the text of a record without usage; None for one with usage."""
    place: tuple[int, ...] = ()
    """Position in each nested list, from 1; empty for formats with a record a line."""
    key: tuple[str | None, ...] = ()
    """De-duplication key; empty where the format has none."""
    order: tuple[float, ...] = ()
    span: str | None = None
    """Identity of a span of a trace; None for formats without."""
    parent: str | None = None
    """Identity of the span above."""
    told: Told | None = field(default=None, compare=False, repr=False)
    """What else was made of the record, where calls are read one by one."""

    @property
    def has_text(self) -> bool:
        """Is there text to count, since there is no usage?"""
        return self.prompt is not None or self.response is not None
