"""The library's two entry points: price logs, price one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.usage import Usage
from llmopt.cost.prepared import prepare, utc
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.read import read_logs
from llmopt.cost.result import CostReport
from llmopt.errors import PricingError

if TYPE_CHECKING:
    from llmopt.cost.read import Logs


def price_logs(
    paths: Logs,
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
) -> CostReport:
    """Price request logs.

    Args:
        paths: files, directories (recursive), globs, `-` for standard input, folders of Delta and Iceberg tables; also
            frames of pandas and polars, Arrow tables and streams, duckdb relations, and queries (`llmopt.Query`).
        by: groups of the report, of `llmopt.cost.groups.ALL`.
        since: leave out records before this instant (without a time zone it is UTC), and those without a time.
        until: leave out records from this instant on.
        as_of: price records without a timestamp as of then; None: at the newest prices, with a warning.
        input_format: name of a format; `auto` tells each file's by its content.
        mapping: column of a table or generic log -> canonical field.
        format_specs: more format specs (`docs/format-specs.md`).
        prices: more price files; they replace the tiers of the models that they mention.
        deployments: deployment name as logged -> model.
        cached: `included` or `excluded`: whether the input count of a generic log holds its cached tokens.
        dedupe: `auto` (formats that repeat by nature, and any log in which repeats are found), `all`, `none`.
        jobs: threads; None: all cores, as far as the memory goes.
        memory_bytes: what duckdb may use; it spills to disk beyond. None: 256 MiB.
        dearest: also find the cost of the dearest single request.
        daily: also tell what was spent by UTC day and model.

    Raises:
        InputError: nothing could be read.
        UsageError: an unknown group or format.
        ConfigError: a wrong spec, mapping or price file.
        MissingExtraError: what reads a DataFrame, a lake table or a PostgreSQL query is not installed.
    """
    prepared = prepare(
        by=by,
        since=since,
        until=until,
        as_of=as_of,
        input_format=input_format,
        mapping=mapping,
        format_specs=format_specs,
        prices=prices,
        deployments=deployments,
        cached=cached,
        dedupe=dedupe,
        jobs=jobs,
        memory_bytes=memory_bytes,
        dearest=dearest,
        daily=daily,
    )
    return prepared.report(read_logs(paths, prepared.settings))


def price(
    model: str,
    usage: Usage,
    *,
    at: datetime | None = None,
    tier: str = "default",
    provider: str | None = None,
    prices: Sequence[Path] = (),
) -> Decimal:
    """Return what one call costs, in exact US dollars.

    Args:
        model: as logged, with or without provider prefix, region and date.
        usage: tokens in disjoint buckets.
        at: when; None: at the newest prices.
        tier: one of `llmopt.core.usage.TIERS`.
        provider: where the name alone does not tell.
        prices: more price files.

    Raises:
        PricingError: the model, or a rate that the usage needs, is not in the price table.
        UsageError: no such tier.
    """
    table = PriceTable.load(extra=prices)
    resolved = table.resolve(model, provider)
    if resolved is None:
        close = table.suggest(model)
        raise PricingError(f"no price for the model {model!r}", f"did you mean {close!r}?" if close else "")
    choice = table.price_at(resolved, tier, utc(at))
    if choice.price is None:
        raise PricingError(
            f"no {tier} price for {resolved.model} ({resolved.provider})",
            "`llmopt prices show` says which tiers it has; a price file of your own adds one",
        )
    try:
        return cost_usd(usage, choice.price)
    except UnpricedBucket as error:
        raise PricingError(
            f"{choice.price.price_id} has no price for {error.bucket} tokens",
            "add the rate in a price file of your own: docs/pricing.md",
        ) from error
