"""One call of a log, and what reading a log call by call gives: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from llmopt.core.ledger import Key
from llmopt.core.usage import Usage
from llmopt.cost.identity import Identity
from llmopt.cost.result import Rejected

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a log."""

    where: str
    """`file:line`."""
    at: datetime | None
    """When, in UTC: as a bill has it, and within that second as the line says; None where the log does not say."""
    model: str | None
    """As logged."""
    provider: str | None
    """As logged."""
    request: Mapping[str, Any] | None
    """What was asked, as a decoded object: the body of the request with whatever of it is logged (`messages`,
    `temperature`, `tools` …); a prompt logged as plain text is `{"prompt": text}`. None where the log does not say."""
    whole: bool
    """Whether `request` is the body as it was sent; False: parts of it, and settings that are missing are unknown."""
    response: str | None
    """What was answered, as text or JSON; None where the log does not say."""
    usage: Usage | None
    """Billed, or counted from the text; None where neither is there."""
    cost_usd: Decimal | None
    """Exact; None where there is no price (`unpriced` says why)."""
    unpriced: str = ""
    counted: bool = False
    """Whether `usage` was counted from text."""
    latency_s: float | None = None
    """From the request to the end of the answer; None where the log does not say."""
    groups: Mapping[str, str | None] = field(default_factory=dict)
    """`user`, `team`, `feature`, `project`, `session`."""
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """The extra columns asked for, as text."""
    prompt_hash: str | None = None
    """A hash in the place of what was asked; None where `request` says it, or the log has none."""
    key: Key | None = None
    """What the price depends on, as a bill has it; None for one that was never read from a log."""
    identity: Identity | None = None
    """By what its records are told to be of one response; None where nothing tells."""
    naive: bool = False
    """Whether its time has no time zone in the log."""


@dataclass(frozen=True, slots=True)
class Calls(Generic[T]):
    """What was taken of each call, by time, and what of the log is no call."""

    taken: tuple[T, ...]
    """By time; those without one come last, in the order of the log."""
    files: tuple[str, ...]
    untimed: int
    """Calls without a readable time."""
    aggregated: int
    """Records that add up many requests; not in `taken`."""
    free: int
    """Cache hits of a gateway and failed requests; not in `taken`."""
    duplicates: int
    """Further records of calls that are in `taken` already."""
    skipped: int
    """Records of other things."""
    rejected: tuple[Rejected, ...]
    """Lines that cannot be read, by reason."""
    warnings: tuple[str, ...]
    aggregated_usd: Decimal = Decimal(0)
    """What the aggregated records cost, as far as they have a price."""
