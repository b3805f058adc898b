"""What a projection says: plain values, exact dollars. How they are shown is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from llmopt.cost.result import Rejected
from llmopt.savings.project.plan import Plan


@dataclass(frozen=True, slots=True)
class Lever:
    """What one lever is worth in this log, beside the others that are on."""

    name: str
    saved_usd: Decimal
    """Its Shapley value: mean of what it adds to every order of the levers. All of them add up to the whole saving."""
    alone_usd: Decimal
    """Saved with no other lever on."""
    last_in_usd: Decimal
    """What would be lost without it, all others being on; below 0: it hurts."""
    calls: int
    """Calls that it changes when all levers are on."""
    own_usd: Decimal
    """What running it costs over the log, already taken off what it saves."""
    low_usd: Decimal | None = None
    """Saved at the dear end of what is estimated (tokens of another tokenizer, a sample of prompts); None: exact."""
    high_usd: Decimal | None = None
    unseen: int = 0
    """Calls that it could not look at."""
    notes: tuple[str, ...] = ()
    """What it could not see, and what else one should know, in words."""


@dataclass(frozen=True, slots=True)
class Hurt:
    """A lever that makes another cost money, or takes its ground away, beyond sharing the same calls."""

    lever: str
    hurts: str
    usd: Decimal
    """Lost over the log, above 0."""
    why: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The log itself, replayed."""

    baseline_usd: Decimal
    """What its priced calls cost, as `llmopt cost` says."""
    optimized_usd: Decimal
    """With all levers of the plan on, their own costs included."""
    savings_usd: Decimal
    savings_ratio: Decimal
    """Of the baseline, to the millionth; 0 where that is 0."""
    low_usd: Decimal | None
    """Lowest `optimized_usd` where something is estimated; None: exact."""
    high_usd: Decimal | None
    calls: int
    levers: tuple[Lever, ...]
    hurts: tuple[Hurt, ...]


@dataclass(frozen=True, slots=True)
class Monthly:
    """30 days at the pace of the log, with its weekdays."""

    days: int
    """Whole days (UTC) of log behind it."""
    baseline_usd: Decimal
    optimized_usd: Decimal
    savings_usd: Decimal
    low: Decimal
    """Of the savings: 95 % interval by block bootstrap over days."""
    high: Decimal
    growth_per_month: Decimal
    months: tuple[Decimal, ...]
    """Savings of the next twelve months, with growth."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brochure:
    """What multiplying what each lever saves alone would claim."""

    optimized_usd: Decimal
    savings_ratio: Decimal
    gap_usd: Decimal
    """Claimed beyond the replay: `replay.optimized_usd - optimized_usd`."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One setting of the response cache, alone."""

    ttl_s: float
    size_bytes: int | None
    hits: int
    saved_usd: Decimal
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From where on a cache pays for itself."""

    by_ttl: tuple[CurvePoint, ...]
    by_size: tuple[CurvePoint, ...]
    recommended_ttl_s: float | None
    """Shortest that gets 95 % of what the longest gets; None: nothing repeats."""
    least_usd_per_month: Decimal | None
    """What the store may cost a month until the cache saves nothing; None: too short a log."""
    sampled: Decimal | None = None
    """Share of the calls that the curve by TTL comes from, scaled up; None: all of them."""
    sizes_sampled: Decimal | None = None
    """The same for the curve by room."""
    sizes_estimated: bool = False
    """Some sizes of answers are estimated from their tokens."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A place where prompts stop being alike, and what it would be worth to move it."""

    model: str
    shared_tokens: int
    """Tokens before the first difference (estimated)."""
    needed_tokens: int
    """Least prefix that the provider caches."""
    calls: int
    text: str
    """What stands there: a few characters before and behind."""
    saved_usd: Decimal
    """If what differs stood at the end of the prompt."""
    first: str
    """`file:line` of one of the calls."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist."""

    name: str
    on: bool
    potential_usd: Decimal | None
    """Saved over the log: when on, its share; when off, alone with its usual settings. None: not measured."""
    say: str
    """How to turn it on, or why nothing is known."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Records that the replay leaves out."""

    reason: str
    records: int
    cost_usd: Decimal | None
    """None: not known."""


@dataclass(frozen=True, slots=True)
class Projection:
    """One plan on one log."""

    name: str
    files: tuple[str, ...]
    first: datetime | None
    """Call; those more than a month away from most others, whose times may be wrong, left out (a warning says so)."""
    last: datetime | None
    days: tuple[tuple[date, Decimal, Decimal], ...]
    """(UTC day, baseline, optimised) in dollars; calls without a time are in none."""
    replay: Replay
    monthly: Monthly | None
    monthly_note: str
    """Why there is no month, or how far to trust it."""
    brochure: Brochure
    break_even: BreakEven | None
    divergences: tuple[Divergence, ...]
    checklist: tuple[Check, ...]
    left_out: tuple[Unseen, ...]
    rejected: tuple[Rejected, ...]
    warnings: tuple[str, ...]
    seed: int
    min_savings: Decimal | None
    plan: Plan
    """As it was asked for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the arithmetic form."""

    name: str
    saved: Decimal
    """Share that it is said to save, 0 to 1."""
    before_usd: Decimal
    after_usd: Decimal


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Savings multiplied, as a brochure does."""

    baseline_usd: Decimal
    optimized_usd: Decimal
    savings_usd: Decimal
    savings_ratio: Decimal
    steps: tuple[Step, ...]
