"""A scenario as plain values: which levers are on, and how each is set. No file is read here.

A value that makes no sense is refused where it is set, whoever sets it: a flag, a plan file or a program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from llmopt.errors import UsageError

LEVERS = ("cache", "routing", "swap", "compression", "prompt_cache", "batch", "self_host")
"""Names of all levers, in the order in which a request meets them."""
DAY_S = 86_400.0
_LONGEST_S = 100 * 366 * DAY_S
_FASTEST = 10


def _amount(name: str, value: Decimal, least: int, most: int | None, hint: str) -> None:
    """Refuse what is not a number within bounds; stands here since defaults below are checked as they are made."""
    if not isinstance(value, Decimal):
        raise UsageError(f"{name}: {value!r} is no Decimal", hint)
    if not value.is_finite() or value < least or (most is not None and value > most):
        raise UsageError(f"{name}: {value} makes no sense", hint)


def _ttl(name: str, ttl_s: float) -> None:
    if not (math.isfinite(ttl_s) and 1e-6 <= ttl_s <= _LONGEST_S):
        raise UsageError(f"{name}: {ttl_s} s", "from a microsecond to 100 years")


@dataclass(frozen=True, slots=True)
class OwnCost:
    """What running a lever costs by itself, besides what the replay sees (cache writes, machines)."""

    usd_per_month: Decimal = Decimal(0)
    """30 days; charged for the time that the log covers."""
    usd_per_call: Decimal = Decimal(0)
    """For each call that reaches the lever."""

    def __post_init__(self) -> None:
        """Refuse amounts that are none."""
        for name in ("usd_per_month", "usd_per_call"):
            _amount(name, getattr(self, name), 0, None, "dollars, 0 or more")


@dataclass(frozen=True, slots=True)
class CacheLever:
    """A response cache in front of everything: a repeat within the TTL of the fill costs nothing."""

    ttl_s: float = DAY_S
    size_bytes: int | None = None
    """Room for answers; None for no bound."""
    tenant: str = "team"
    """Group or column that answers are never shared across; empty: all share them."""
    only_deterministic: bool = False
    """Answer only requests whose settings say that they do not sample (temperature 0, a seed)."""
    own: OwnCost = OwnCost()

    def __post_init__(self) -> None:
        """Refuse a time or a room that holds nothing."""
        _ttl("the TTL of the cache", self.ttl_s)
        if self.size_bytes is not None and self.size_bytes < 1:
            raise UsageError(f"a cache of {self.size_bytes} bytes holds nothing", "None for no bound")


@dataclass(frozen=True, slots=True)
class RoutingLever:
    """A routing policy that chooses the model of each call."""

    policy: Path | None = None
    """TOML of `llmopt route`; None: the shipped policy."""
    models: tuple[str, ...] = ()
    """Only calls of these models are routed; empty: all."""
    own: OwnCost = OwnCost()


@dataclass(frozen=True, slots=True)
class SwapLever:
    """Other models in the place of those that are used."""

    swaps: tuple[tuple[str, str], ...] = ()
    """(model as in the price table or the log, model instead)."""
    own: OwnCost = OwnCost()


@dataclass(frozen=True, slots=True)
class CompressionLever:
    """Prompt compression, measured on the distinct prompts of the log."""

    level: str = "safe"
    sample: int = 2_000
    """Distinct prompts that are measured at most; if there are more, a seeded sample stands for all."""
    own: OwnCost = OwnCost()

    def __post_init__(self) -> None:
        """Refuse a sample of nothing."""
        if self.sample < 1:
            raise UsageError(f"a sample of {self.sample} prompts says nothing", "1 or more are needed")


@dataclass(frozen=True, slots=True)
class PromptCacheLever:
    """The provider's own cache of prompt prefixes, used as its rules in `pricing/` allow."""

    ttl_s: float | None = None
    """Instead of the provider's own."""
    own: OwnCost = OwnCost()

    def __post_init__(self) -> None:
        """Refuse a time that is none."""
        if self.ttl_s is not None:
            _ttl("the TTL of the provider's cache", self.ttl_s)


@dataclass(frozen=True, slots=True)
class BatchLever:
    """The provider's batch tier for calls that can wait: those with a tag, or of the night."""

    tags: tuple[tuple[str, str], ...] = ()
    """(group or column, value): any of them."""
    hours: tuple[int, int] | None = None
    """From the first hour (UTC) to before the second; (22, 6) goes over midnight."""
    own: OwnCost = OwnCost()

    def __post_init__(self) -> None:
        """Refuse hours that no day has."""
        if self.hours is None:
            return
        first, end = self.hours
        if not (0 <= first <= 23 and 0 <= end <= 24) or first == end:
            raise UsageError(f"no such hours: {first}-{end}", "from 0-23 to 0-24, not the same twice, such as (22, 6)")


@dataclass(frozen=True, slots=True)
class SelfHostLever:
    """Own machines that serve some of the models, by the result of a benchmark."""

    result: Path = Path()
    """JSON of `llmopt bench-batch` or `llmopt quantize`."""
    usd_per_hour: Decimal = Decimal(0)
    """Of one machine."""
    utilization: Decimal = Decimal("0.6")
    """Mean load as a share of what a machine can serve at its sweet spot; above 0, at most 1."""
    models: tuple[str, ...] = ()
    """Whose calls go there (as logged, or as routed); empty: all."""
    tags: tuple[tuple[str, str], ...] = ()
    """Only calls with one of these (group or column, value); empty: all."""
    own: OwnCost = OwnCost()

    def __post_init__(self) -> None:
        """Refuse a price or a load that is none."""
        _amount("usd_per_hour", self.usd_per_hour, 0, None, "dollars, 0 or more")
        _amount("utilization", self.utilization, 0, 1, "a share above 0, up to 1, such as 0.6")
        if not self.utilization:
            raise UsageError("utilization: 0 needs machines without end", "a share above 0, such as 0.6")


@dataclass(frozen=True, slots=True)
class Plan:
    """One scenario. A lever that is None is off."""

    name: str = "plan"
    cache: CacheLever | None = None
    routing: RoutingLever | None = None
    swap: SwapLever | None = None
    compression: CompressionLever | None = None
    prompt_cache: PromptCacheLever | None = None
    batch: BatchLever | None = None
    self_host: SelfHostLever | None = None
    growth_per_month: Decimal = Decimal(0)
    """0.1: each month has 10 % more calls than the one before."""
    seed: int = 0
    min_savings: Decimal | None = None
    """Share of the bill, 0 to 1, that has to be saved; None: no gate."""
    where: str = ""
    """File that it was read from; empty for none."""
    prices: tuple[Path, ...] = field(default=())
    """Further price files."""

    def __post_init__(self) -> None:
        """Refuse a growth or a gate that makes no sense."""
        _amount("growth_per_month", self.growth_per_month, -1, _FASTEST, "such as 0.1, for 10 %")
        if self.min_savings is not None:
            _amount("min_savings", self.min_savings, 0, 1, "a share from 0 to 1, such as 0.2, for 20 %")

    @property
    def on(self) -> tuple[str, ...]:
        """Names of the levers that are on, in the order of `LEVERS`."""
        return tuple(name for name in LEVERS if getattr(self, name) is not None)
