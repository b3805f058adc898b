"""Read what a user typed after the flags of `llmopt cost`, and find what cannot go together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from llmopt.cli import values
from llmopt.cost.gates import Limits
from llmopt.cost.price_options import PriceOptions
from llmopt.cost.stores.address import is_url
from llmopt.errors import UsageError

ENGINES = ("local", "spark")
EVERY_S = 2.0
"""Between two looks of --follow, where the user does not say."""
_NEEDED = (
    ("master", "engine", "is for --engine spark", "add --engine spark"),
    ("rebuild", "state", "is for --state", "add --state DIR"),
    ("every", "follow", "is for --follow", "add --follow"),
    ("sql", "db", "asks a database, and none is named", "add --db FILE or --db URL"),
    ("db", "sql", "is where --sql asks, and nothing is asked", 'add --sql "SELECT ..."'),
    ("max_increase", "baseline", "compares with a baseline", "add --baseline FILE"),
)
"""Option, the one it needs, what to say of it without that, and the next step."""
_EXCLUDING = (
    ("follow", "engine", "Spark reads what is there; a log that grows is followed on one machine"),
    ("follow", "state", "what is followed is in memory until it ends"),
    ("follow", "sql", "a query has an end"),
    ("state", "engine", "a state is kept by one machine"),
    ("state", "sql", "rows of a query are not in files that could be known again"),
    ("sql", "engine", "a query is asked by one machine; let Spark read the table, in a notebook"),
)
"""Two options that cannot go together, and why."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the user typed, an option a field; None, False and the defaults where nothing was."""

    logs: Sequence[str] = ()
    by: str = "model"
    since: str | None = None
    until: str | None = None
    as_of: str | None = None
    input_format: str = "auto"
    map: Sequence[str] = ()
    format_spec: Sequence[Path] = ()
    prices: Sequence[Path] = ()
    deployments: Path | None = None
    cached: str | None = None
    dedupe: str = "auto"
    jobs: str | None = None
    memory: str | None = None
    sql: str | None = None
    db: str | None = None
    engine: str = "local"
    master: str | None = None
    state: Path | None = None
    rebuild: Sequence[str] = ()
    follow: bool = False
    every: str | None = None
    strict: bool = False
    max_cost: str | None = None
    max_monthly: str | None = None
    max_cost_per_request: str | None = None
    max_unpriced: str | None = None
    baseline: Path | None = None
    max_increase: str | None = None
    top: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, read."""

    options: PriceOptions
    by: tuple[str, ...]
    """Groups of the report; `options` may have more."""
    limits: Limits
    top: int | None
    """Groups to show; None: all."""
    rebuild: tuple[str, ...]
    """Days to read again, as `2024-05-01`."""
    every_s: float
    """Seconds between two looks of --follow."""


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Typed)}


def settled(typed: Typed, from_settings: Collection[str]) -> Typed:
    """Return what was typed without those settings that do not go with it.

    Settings are for many runs: a state folder for the nightly one is no fault of a run that follows, and a flag goes
    before what a setting says instead.

    Args:
        typed: all options.
        from_settings: names of those that a file of settings or a variable gave.
    """
    dropped = {
        one if one in from_settings else other
        for one, other, _ in _EXCLUDING
        if _given(typed, one) and _given(typed, other) and (one in from_settings) != (other in from_settings)
    }
    if typed.logs:
        dropped |= {"sql", "db"}
    fits = _without(typed, dropped & set(from_settings))
    lost = {name for name, needed, *_ in _NEEDED if name != "max_increase" and not _given(fits, needed)}
    return _without(fits, lost & set(from_settings))


def check(typed: Typed) -> None:
    """Find what cannot go together.

    Raises:
        UsageError: something; the first that is found.
    """
    values.choice(typed.engine, "--engine", ENGINES)
    for name, needed, why, hint in _NEEDED:
        if _given(typed, name) and not _given(typed, needed):
            raise UsageError(f"{_flag(name)} {why}", hint)
    for one, other, why in _EXCLUDING:
        if _given(typed, one) and _given(typed, other):
            raise UsageError(f"{_flag(one)} and {_flag(other)} exclude each other: {why}", "name one of them")
    if typed.sql is not None and typed.logs:
        raise UsageError("--sql and LOGS exclude each other", "leave the paths out, or the query")
    if typed.follow and any(map(is_url, typed.logs)):
        raise UsageError("--follow watches files of this machine, and a URL is named", "leave out --follow")
    if typed.sql is None and not typed.logs:
        raise UsageError("no logs are named", "llmopt cost LOGS: files, folders, quoted globs; - for stdin")


def asked(typed: Typed, *, daily: bool = False) -> Asked:
    """Read the options.

    Args:
        typed: all of them.
        daily: whether to tell what was spent by day, which a chart shows.

    Raises:
        UsageError: one is not what it should be.
        ConfigError: a file of names cannot be read.
    """
    limits = _limits(typed)
    options = _options(typed, dearest=limits.max_cost_per_request_usd is not None, daily=daily)
    every_s = values.duration_s(typed.every, "--every", bare=True)
    if every_s is not None and every_s <= 0:
        raise UsageError(f"--every {typed.every!r}: more than 0 is needed", "such as --every 5")
    return Asked(
        options=options,
        by=tuple(options["by"]),
        limits=limits,
        top=values.whole(typed.top, "--top", least=1),
        rebuild=tuple(_day(text) for text in typed.rebuild),
        every_s=EVERY_S if every_s is None else every_s,
    )


def _options(typed: Typed, *, dearest: bool, daily: bool) -> PriceOptions:
    return PriceOptions(
        by=values.names(typed.by),
        since=values.instant(typed.since, "--since"),
        until=values.instant(typed.until, "--until", end_of_day=True),
        as_of=values.instant(typed.as_of, "--as-of"),
        input_format=typed.input_format,
        mapping=values.mapping(typed.map, "--map"),
        format_specs=typed.format_spec,
        prices=typed.prices,
        deployments=values.mapping_file(typed.deployments, "--deployments") if typed.deployments else None,
        cached=values.choice(typed.cached, "--cached", ("included", "excluded")),
        dedupe=values.choice(typed.dedupe, "--dedupe", ("auto", "all", "none")) or "auto",
        jobs=values.whole(typed.jobs, "--jobs", least=1),
        memory_bytes=values.size_bytes(typed.memory, "--memory"),
        dearest=dearest,
        daily=daily,
    )


def _limits(typed: Typed) -> Limits:
    return Limits(
        max_cost_usd=values.money(typed.max_cost, "--max-cost"),
        max_monthly_usd=values.money(typed.max_monthly, "--max-monthly"),
        max_cost_per_request_usd=values.money(typed.max_cost_per_request, "--max-cost-per-request"),
        max_unpriced=values.whole(typed.max_unpriced, "--max-unpriced"),
        max_increase=values.percentage(typed.max_increase, "--max-increase"),
        strict=typed.strict,
    )


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise UsageError(f"--rebuild {text!r}: not a day", "such as --rebuild 2024-05-01") from error


def _given(typed: Typed, name: str) -> bool:
    value = getattr(typed, name)
    return bool(value != _DEFAULTS[name] and value not in ([], ""))


def _flag(name: str) -> str:
    return "--engine spark" if name == "engine" else f"--{name.replace('_', '-')}"


def _without(typed: Typed, names: Collection[str]) -> Typed:
    return replace(typed, **{name: _DEFAULTS[name] for name in names})
