"""What is asked of a log, checked and with the prices at hand, before a line of it is read.

Whoever reads logs in parts (on a cluster, or night by night) needs the same answers in each process: all of this can
be put together again from the same arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from llmopt.cost.days import spent_by_day, with_day, without_day
from llmopt.cost.groups import ALL
from llmopt.cost.keying import Keying
from llmopt.cost.mapping import mapped_specs
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.quote import Quotes
from llmopt.cost.read import DEFAULT_MEMORY_BYTES, Reading, Settings
from llmopt.cost.result import CostReport
from llmopt.cost.settle import Settlement
from llmopt.cost.spec.load import load_specs
from llmopt.cost.weights import weigher
from llmopt.errors import InputError, UsageError


@dataclass(frozen=True, slots=True)
class Prepared:
    """How to read a log, and how to price what was read."""

    settings: Settings
    table: PriceTable
    groups: tuple[str, ...]
    as_of: datetime | None
    """When records without a timestamp are priced as of; None: at the newest prices."""
    daily: bool = False
    """Whether reports tell what was spent by day."""

    def priced(self, reading: Reading) -> CostReport:
        """Price what was read, whatever it is."""
        specs = self.settings.specs
        if not self.daily:
            return Settlement(reading, self.table, specs, self.groups).report(self.as_of)
        days = spent_by_day(reading.ledger, self.settings.by, Quotes(self.table, self.as_of))
        if self.settings.by != self.groups:
            reading = replace(reading, ledger=without_day(reading.ledger))
        return replace(Settlement(reading, self.table, specs, self.groups).report(self.as_of), days=days)

    def report(self, reading: Reading) -> CostReport:
        """Price what was read.

        Raises:
            InputError: there was nothing in it.
        """
        report = self.priced(reading)
        if not (report.read or report.skipped):
            raise InputError(f"{', '.join(report.files)}: no record in it", "is it a request log? See docs/cost.md")
        if report.read == sum(item.count for item in report.rejected) and not report.skipped:
            first = report.rejected[0]
            names = ", ".join(sorted(spec.name for spec in self.settings.specs))
            hint = f"nothing in the log could be read; formats: {names}"
            raise InputError(f"{first.first}: {first.reason}", hint)
        return report


def prepare(
    *,
    by: Sequence[str] = ("model",),
    since: datetime | None = None,
    until: datetime | None = None,
    as_of: datetime | None = None,
    input_format: str = "auto",
    mapping: Mapping[str, str] | None = None,
    format_specs: Sequence[Path] = (),
    prices: Sequence[Path] = (),
    deployments: Mapping[str, str] | None = None,
    cached: str | None = None,
    dedupe: str = "auto",
    jobs: int | None = None,
    memory_bytes: int | None = None,
    dearest: bool = False,
    daily: bool = False,
) -> Prepared:
    """Check what is asked, as for `llmopt.price_logs`, and load the prices and formats that it needs.

    Raises:
        UsageError: an unknown group or format.
        ConfigError: a wrong spec, mapping or price file.
    """
    groups = _checked_groups(by)
    table = PriceTable.load(extra=prices, deployments=deployments)
    specs = tuple(load_specs(tuple(format_specs), {"cached": cached}))
    specs = mapped_specs(specs, mapping or {})
    names = sorted(spec.name for spec in specs)
    if input_format != "auto" and input_format not in names:
        raise UsageError(f"no such input format: {input_format!r}", f"one of auto, {', '.join(names)}")
    hours = table.hour_cuts()
    settings = Settings(
        specs=specs,
        keying=Keying(table.change_dates(), table.band_thresholds(), hours.minutes, hours.names),
        by=with_day(groups) if daily else groups,
        since=utc(since),
        until=utc(until),
        input_format=input_format,
        dedupe=dedupe,
        deployments=deployments or {},
        jobs=jobs,
        memory_bytes=memory_bytes or DEFAULT_MEMORY_BYTES,
        weigh=weigher(table, utc(as_of)) if dearest else None,
    )
    return Prepared(settings, table, groups, utc(as_of), daily)


def utc(stamp: datetime | None) -> datetime | None:
    """Return an instant in UTC; one without a time zone is UTC."""
    if stamp is None:
        return None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def _checked_groups(by: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in by if name not in ALL]
    if unknown:
        raise UsageError(f"cannot group by {unknown[0]!r}", f"one of {', '.join(ALL)}")
    return tuple(dict.fromkeys(by))
