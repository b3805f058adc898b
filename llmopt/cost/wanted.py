"""What reading a log call by call needs, put together from the options that all such readings share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from llmopt.cost.keying import Keying
from llmopt.cost.mapping import mapped_specs
from llmopt.cost.plan import Plan
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.quote import Quotes
from llmopt.cost.spec.load import GROUP_FIELDS, Spec, load_specs
from llmopt.cost.spec.values import epoch_micros
from llmopt.errors import InputError, UsageError


@dataclass(frozen=True, slots=True)
class Options:
    """How to read; the fields are the arguments of `llmopt.cost.calls.read_calls`."""

    since: datetime | None = None
    until: datetime | None = None
    input_format: str = "auto"
    mapping: Mapping[str, str] = field(default_factory=dict)
    format_specs: Sequence[Path] = ()
    prices: Sequence[Path] = ()
    deployments: Mapping[str, str] = field(default_factory=dict)
    cached: str | None = None
    dedupe: str = "auto"
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Formats, plan and prices of one reading."""

    specs: tuple[Spec, ...]
    """Formats to look for."""
    plan: Plan
    table: PriceTable
    quotes: Quotes
    names: str
    """Of all formats, for messages."""

    def nothing(self, files: Sequence[str], first: str) -> InputError:
        """Return the error for a log with nothing in it.

        Args:
            files: names of the files.
            first: where and why the first record was rejected; empty where there is none.
        """
        if not files:
            return InputError("no log is named", "name files, directories or globs, or - for standard input")
        if not first:
            return InputError(f"{', '.join(files)}: no record in it", "is it a request log? See docs/cost.md")
        return InputError(first, f"nothing in the log could be read; formats: {self.names}")


def wanted_by(options: Options) -> Wanted:
    """Load formats and prices.

    Raises:
        UsageError: no such format.
        ConfigError: a wrong spec, mapping or price file.
    """
    table = PriceTable.load(extra=options.prices, deployments=options.deployments)
    known = mapped_specs(tuple(load_specs(tuple(options.format_specs), {"cached": options.cached})), options.mapping)
    hours = table.hour_cuts()
    plan = Plan(
        Keying(table.change_dates(), table.band_thresholds(), hours.minutes, hours.names),
        by=GROUP_FIELDS,
        since_us=epoch_micros(_utc(options.since)),
        until_us=epoch_micros(_utc(options.until)),
        dedupe=options.dedupe,
        deployments={name.lower(): model for name, model in options.deployments.items()},
    )
    quotes = Quotes(table, _utc(options.as_of))
    names = ", ".join(sorted(spec.name for spec in known))
    return Wanted(_chosen(known, options.input_format), plan, table, quotes, names)


def _utc(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant


def _chosen(specs: tuple[Spec, ...], input_format: str) -> tuple[Spec, ...]:
    """Return the formats to look for.

    Raises:
        UsageError: no such format.
    """
    names = sorted(spec.name for spec in specs)
    if input_format == "auto":
        return specs
    if input_format not in names:
        raise UsageError(f"no such input format: {input_format!r}", f"one of auto, {', '.join(names)}")
    return tuple(spec for spec in specs if spec.name == input_format)
