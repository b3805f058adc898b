"""What `llmopt project` was asked for: plans from files, with the levers that flags turn on or set otherwise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmopt.cli import values
from llmopt.cli.cost_asked import ENGINES
from llmopt.errors import UsageError
from llmopt.prompts.context import LEVELS
from llmopt.savings.project import parsed
from llmopt.savings.project.arithmetic import multiplied
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    CompressionLever,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SelfHostLever,
    SwapLever,
)
from llmopt.savings.project.plan_file import load_plan
from llmopt.savings.project.plan_levers import AUTO, NO_TENANT, SHIPPED
from llmopt.savings.project.result import Arithmetic

ARITHMETIC = frozenset(("baseline", "step", "min_savings", "format", "output", "quiet", "verbose"))
"""Parameters of the form without a log."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that set a plan, by the names of their parameters, as they were typed; None or empty: not given."""

    ttl: str | None = None
    size: str | None = None
    tenant_by: str | None = None
    only_deterministic: bool = False
    route: str | None = None
    swap: Sequence[str] = ()
    compress: str | None = None
    prompt_cache: str | None = None
    batch: Sequence[str] = ()
    self_host: Path | None = None
    price_per_hour: str | None = None
    utilization: str | None = None
    growth: str | None = None
    seed: str | None = None
    min_savings: str | None = None

    @property
    def least(self) -> Decimal | None:
        """The share that has to be saved; None: no limit."""
        return None if self.min_savings is None else parsed.share(self.min_savings, "--min-savings")

    def only(self, typed: Collection[str]) -> Flags:
        """Return those that were typed; the others come from the settings."""
        settings: dict[str, Any] = {one.name: one.default for one in fields(self) if one.name not in typed}
        return replace(self, **settings)


def plans_of(files: Sequence[Path], flags: Flags, typed: Collection[str]) -> tuple[Plan, ...]:
    """Return the plans of the files, each with what was typed; one made of the flags alone where there is no file.

    A plan goes before the settings, and a flag on the command line before both. A limit in the settings holds for the
    plans that have none.

    Args:
        files: plan files.
        flags: from the command line and the settings.
        typed: names of those from the command line.

    Raises:
        UsageError: a flag makes no sense.
        ConfigError: a plan file is wrong.
    """
    if not files:
        return (with_flags(Plan(), flags),)
    plans = [with_flags(load_plan(file), flags.only(typed)) for file in files]
    names = [plan.name for plan in plans]
    return tuple(
        replace(
            plan,
            name=f"{plan.name} ({plan.where})" if names.count(plan.name) > 1 else plan.name,
            min_savings=flags.least if plan.min_savings is None else plan.min_savings,
        )
        for plan in plans
    )


def is_on_spark(engine: str, master: str | None) -> bool:
    """Return whether a cluster is asked for.

    Raises:
        UsageError: there is no such engine, or a master without a cluster.
    """
    values.choice(engine, "--engine", ENGINES)
    if master is not None and engine != "spark":
        raise UsageError("--master is for --engine spark", "add --engine spark")
    return engine == "spark"


def with_flags(plan: Plan, flags: Flags) -> Plan:
    """Return a plan in which the flags that were given go before what it says itself."""
    seed, growth = values.whole(flags.seed, "--seed"), flags.growth
    return replace(
        plan,
        cache=_cache(plan.cache, flags),
        routing=_routing(plan.routing, flags.route),
        swap=_swap(plan.swap, flags.swap),
        compression=_compression(plan.compression, flags.compress),
        prompt_cache=_prompt_cache(plan.prompt_cache, flags.prompt_cache),
        batch=_batch(plan.batch, flags.batch),
        self_host=_self_host(plan.self_host, flags),
        seed=plan.seed if seed is None else seed,
        growth_per_month=plan.growth_per_month if growth is None else parsed.growth(growth, "--growth"),
        min_savings=plan.min_savings if flags.min_savings is None else flags.least,
    )


def steps_of(baseline: str | None, steps: Sequence[str], typed: Collection[str]) -> Arithmetic:
    """Return the steps of the arithmetic form, multiplied.

    Args:
        baseline: the bill.
        steps: what each is said to save.
        typed: names of all parameters from the command line.

    Raises:
        UsageError: something is missing, makes no sense, or belongs to the other form.
    """
    others = sorted(set(typed) - ARITHMETIC)
    if others:
        name = others[0].upper() if others[0] == "logs" else f"--{others[0].replace('_', '-')}"
        raise UsageError(f"{name} has no place beside --baseline and --step", "leave these two out to replay a log")
    if baseline is None or not steps:
        missing = "--baseline: what is the bill?" if baseline is None else "--step: what saves what?"
        raise UsageError(missing, "such as llmopt project --baseline 1000000 --step caching=0.7 --step routing=0.68")
    bill = values.money(baseline, "--baseline") or Decimal(0)
    return multiplied(bill, [parsed.step(step, "--step") for step in steps])


def _cache(lever: CacheLever | None, flags: Flags) -> CacheLever | None:
    if lever is None and flags.ttl is None:
        if flags.size is not None or flags.tenant_by is not None or flags.only_deterministic:
            raise UsageError("--size, --tenant-by and --only-deterministic are of the response cache", "add --ttl 24h")
        return None
    lever = lever or CacheLever()
    if flags.ttl is not None:
        lever = replace(lever, ttl_s=parsed.ttl_s(flags.ttl, "--ttl"))
    if flags.size is not None:
        lever = replace(lever, size_bytes=parsed.room(flags.size, "--size"))
    if flags.tenant_by is not None:
        lever = replace(lever, tenant="" if flags.tenant_by == NO_TENANT else flags.tenant_by)
    return replace(lever, only_deterministic=lever.only_deterministic or flags.only_deterministic)


def _routing(lever: RoutingLever | None, route: str | None) -> RoutingLever | None:
    if route is None:
        return lever
    if not route.strip():
        raise UsageError("--route '': no file is named", f"a policy (TOML), or {SHIPPED} for the one that is shipped")
    return replace(lever or RoutingLever(), policy=None if route == SHIPPED else Path(route))


def _swap(lever: SwapLever | None, swaps: Sequence[str]) -> SwapLever | None:
    return replace(lever or SwapLever(), swaps=parsed.swaps(",".join(swaps), "--swap")) if swaps else lever


def _compression(lever: CompressionLever | None, level: str | None) -> CompressionLever | None:
    if level is None:
        return lever
    return replace(lever or CompressionLever(), level=values.choice(level, "--compress", LEVELS) or level)


def _prompt_cache(lever: PromptCacheLever | None, kept: str | None) -> PromptCacheLever | None:
    if kept is None:
        return lever
    ttl_s = None if kept == AUTO else parsed.ttl_s(kept, "--prompt-cache", example=f"{AUTO} or 5min")
    return replace(lever or PromptCacheLever(), ttl_s=ttl_s)


def _batch(lever: BatchLever | None, which: Sequence[str]) -> BatchLever | None:
    if not which:
        return lever
    tags, hours = parsed.batch(",".join(which), "--batch")
    return replace(lever or BatchLever(), tags=tags, hours=hours)


def _self_host(lever: SelfHostLever | None, flags: Flags) -> SelfHostLever | None:
    price, load = flags.price_per_hour, flags.utilization
    if lever is None and flags.self_host is None:
        if price is not None or load is not None:
            raise UsageError("--price-per-hour and --utilization are of own machines", "add --self-host FILE")
        return None
    if lever is None and price is None:
        raise UsageError("--self-host: what does a machine cost?", "add --price-per-hour 2.50")
    lever = lever or SelfHostLever()
    if flags.self_host is not None:
        lever = replace(lever, result=flags.self_host)
    if price is not None:
        lever = replace(lever, usd_per_hour=values.money(price, "--price-per-hour") or Decimal(0))
    if load is None:
        return lever
    busy = parsed.share(load, "--utilization")
    if not busy:
        raise UsageError(f"--utilization {load!r}: a machine that does nothing serves nobody", "such as 0.6 or 60%")
    return replace(lever, utilization=busy)
