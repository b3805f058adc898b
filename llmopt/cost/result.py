"""What pricing a log gives: plain values that know nothing of screens or files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from llmopt.core.counted import Counted

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests, tokens and dollars of a set of priced records."""

    requests: int = 0
    input_tokens: int = 0
    """Everything the models read: uncached + cached + written to a cache."""
    input_uncached_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    """Everything the models wrote, reasoning included."""
    reasoning_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    """Exact; unpriced records add nothing here and are listed apart."""
    reported_usd: Decimal | None = None
    """What the log itself says it cost; None where the format reports no cost."""
    estimated_input_tokens: int = 0
    """The part of `input_tokens` that was counted from text instead of billed, exactly or as an estimate."""
    estimated_output_tokens: int = 0
    """The part of `output_tokens` that was counted from text instead of billed, exactly or as an estimate."""
    cost_low_usd: Decimal = Decimal(0)
    """`cost_usd` with every estimate at the lower end of its interval; equals it where nothing was estimated."""
    cost_high_usd: Decimal = Decimal(0)
    """`cost_usd` with every estimate at the upper end of its interval; equals it where nothing was estimated."""
    counted_usd: Decimal = Decimal(0)
    """The part of `cost_usd` that is for tokens counted from text."""
    counted: Counted = field(default_factory=Counted)
    """The requests without usage that were counted from their text, by side and method."""


@dataclass(frozen=True, slots=True)
class Group:
    """One row of the report: the totals of the records that share a key."""

    key: dict[str, str | None]
    """Group name (as in `by`) -> value; None where the record has none."""
    totals: Totals


@dataclass(frozen=True, slots=True)
class Resolved:
    """Which price row the requests of one logged model name were priced at."""

    model: str
    """The name as logged."""
    provider: str
    price_id: str
    tier: str
    effective_from: date | None
    """First day of the row; None when its source gives no date."""
    requests: int
    rule: str
    """How the name was matched: `exact`, `alias`, `prefix`, `date suffix`, `deployment` …"""
    band: str
    """Long-context rule that applied, such as `> 200,000 input tokens (cliff)`; empty for none."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Requests that have no price, and why."""

    model: str | None
    requests: int
    input_tokens: int
    output_tokens: int
    suggestion: str | None
    """A known model with a similar name."""
    reason: str
    """`unknown model`, `no usage in the record`, `no price for …`."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Records that could not be read, one entry a reason."""

    reason: str
    count: int
    first: str
    """`file:line` of the first one."""


@dataclass(frozen=True, slots=True)
class Period:
    """First and last timestamp of the priced records (UTC); None when no record has one."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class PriceSource:
    """Which price table was used."""

    sha256: str
    date: date


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What one model cost on one day."""

    day: date
    """UTC."""
    model: str
    """As logged; empty where a record has none."""
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Hint:
    """A saving that the log itself points at."""

    title: str
    saving_usd: Decimal
    """Upper bound over the period of the log."""
    command: str
    """What to run next."""


@dataclass(frozen=True, slots=True)
class CostReport:
    """A priced log.

    `read` = priced requests' records + `free` + unpriced records + `duplicates` + rejected records, always.
    """

    by: tuple[str, ...]
    total: Totals
    groups: tuple[Group, ...]
    """Dearest first."""
    resolved: tuple[Resolved, ...]
    unpriced: tuple[Unpriced, ...]
    rejected: tuple[Rejected, ...]
    read: int
    """Records that claim to be requests."""
    priced: int
    """Records priced; fewer than `total.requests` where a row adds up several."""
    free: int
    duplicates: int
    skipped: int
    """Lines of a known format that are no requests (a user's turn in a transcript)."""
    formats: dict[str, int]
    """Format name -> records read as such, without duplicates and rejects."""
    period: Period
    monthly_usd: Decimal | None
    """`total.cost_usd` scaled to 30 days; None when the period is unknown or shorter than an hour."""
    prices: PriceSource
    warnings: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    estimated_share: Decimal = Decimal(0)
    """Share of `total.cost_usd` that is counted from text instead of billed, exactly or as an estimate; 0 to 1."""
    dearest_request_usd: Decimal | None = None
    """Cost of the dearest single request; only computed when asked for."""
    files: tuple[str, ...] = field(default=())
    """Log files read, in order."""
    days: tuple[DaySpend, ...] = ()
    """What was spent by day and model; only told when asked for, and not of records without a time."""

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a group: the columns of `by`, then the fields of `Totals`, dearest first.

        Dollars are exact `Decimal` objects; write `frame["cost_usd"].astype(float)` to plot them.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        # pandas takes half a second to load, which only those who ask for a frame wait for.
        from llmopt.cost.frames import groups_frame

        return groups_frame(self)
