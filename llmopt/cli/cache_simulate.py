"""`llmopt cache simulate`: what a response cache would have saved on a log."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.cache_asked import share_of, sizes_of, ttls_of
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.core.check import Check, failures
from llmopt.errors import CheckFailed, InputError
from llmopt.report.cache_simulate_best import best, nothing_priced, saved, saved_share
from llmopt.report.cache_simulate_notes import USUAL_TENANT, nobody_named
from llmopt.report.cache_simulate_view import payload, view
from llmopt.report.figures import plural
from llmopt.report.text import percent
from llmopt.savings.caching_result import CacheSimulation
from llmopt.savings.daily import DayBill, scaled

NO_TENANT = "none"
READ, LIMITS, SHOW = "What is read", "Limits (exit 1 where one does not hold)", "What is shown"


def _option(help: str, *names: str, metavar: str | None = None, panel: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def simulate(
    logs: Annotated[list[str], typer.Argument(metavar="LOGS", help="Files, folders, quoted globs; - for stdin.")],
    ttl: Annotated[str, _option("How long answers are kept.", "--ttl", metavar="TIME,...")] = "1h,24h,7d",
    size: Annotated[str, _option("Room for answers, such as 64MB,1GB.", "--size", metavar="SIZE,...")] = "unbounded",
    tenant_by: Annotated[
        str,
        _option("What answers are never shared across: team, user, feature, a column; or none.", metavar="NAME"),
    ] = USUAL_TENANT,
    cache_sampled: Annotated[
        bool, _option("Answer requests that sample, or do not say, too.", "--cache-sampled")
    ] = False,
    since: Annotated[
        str | None, _option("Only requests from this day or instant on (UTC).", metavar="DATE", panel=READ)
    ] = None,
    until: Annotated[
        str | None, _option("Only requests before this instant; a bare day is included.", metavar="DATE", panel=READ)
    ] = None,
    input_format: Annotated[
        str, _option("Name of the log format; auto recognises each record.", metavar="NAME", panel=READ)
    ] = "auto",
    map: Annotated[
        list[str], _option("Your column=our field, or a file of such pairs.", metavar="FILE|COL=FIELD", panel=READ)
    ] = [],  # noqa: B006 - typer copies it
    format_spec: Annotated[list[Path], _option("A log format of your own (TOML).", metavar="FILE", panel=READ)] = [],  # noqa: B006
    prices: Annotated[list[Path], _option("Prices of your own (JSON); they win.", metavar="FILE", panel=READ)] = [],  # noqa: B006
    deployments: Annotated[
        Path | None, _option("Deployment name -> model, as JSON or TOML.", metavar="FILE", panel=READ)
    ] = None,
    cached: Annotated[
        str | None, _option("Does a mapped input count include cached tokens?", metavar="included|excluded", panel=READ)
    ] = None,
    as_of: Annotated[
        str | None, _option("Price records without a timestamp as of this day.", metavar="DATE", panel=READ)
    ] = None,
    per_day: Annotated[
        str | None, _option("Requests a day: what the best setting saves then.", metavar="N", panel=SHOW)
    ] = None,
    top: Annotated[str | None, _option("Show the N best tenants and models.", metavar="N", panel=SHOW)] = None,
    min_saving: Annotated[
        str | None, _option("Exit 1 where the best setting saves less of the bill.", metavar="PERCENT", panel=LIMITS)
    ] = None,
    strict: Annotated[
        bool, _option("Exit 1 on requests unknown, unpriced or rejected, and on warnings.", "--strict", panel=LIMITS)
    ] = False,
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say what a response cache would have saved on a log.

    The log's own requests are replayed in the order of time, once for each time to live and size.

    Example: llmopt cache simulate samples/caching --ttl 1h,24h
    """
    to = destination(format, output, quiet=quiet, charts=True)
    ttls_s, sizes_bytes = ttls_of(ttl, "--ttl"), sizes_of(size, "--size")
    daily, shown = values.whole(per_day, "--per-day", least=1), values.whole(top, "--top", least=1)
    least = share_of(min_saving, "--min-saving")
    from llmopt.savings import caching  # what reads logs loads a query engine; nothing else of `llmopt cache` needs it

    with ProgressLine(quiet=quiet) as line:
        line(0, 0, "replaying the log")
        result = caching.simulate(
            logs,
            ttls_s=ttls_s,
            sizes_bytes=sizes_bytes,
            tenant="" if tenant_by == NO_TENANT else tenant_by,
            cache_sampled=cache_sampled,
            since=values.instant(since, "--since"),
            until=values.instant(until, "--until", end_of_day=True),
            input_format=input_format,
            mapping=values.mapping(map, "--map"),
            format_specs=format_spec,
            prices=prices,
            deployments=values.mapping_file(deployments, "--deployments") if deployments else None,
            cached=values.choice(cached, "--cached", ("included", "excluded")),
            as_of=values.instant(as_of, "--as-of"),
        )
    projection = None if daily is None else projected(result, daily)
    held = (*_enough(result, least), *((Check("--strict", failures=_unknown(result)),) if strict else ()))
    failed = failures(held)
    dated = since is not None or until is not None
    people = view(result, projection=projection, top=shown, brief=quiet and not verbose, dated=dated)
    write(people, payload(result, projection=projection, failed_checks=failed), to, held, prices=prices)
    _end(result, failed)


def projected(result: CacheSimulation, calls_per_day: int) -> DayBill | None:
    """Return what the best setting saves at so many requests a day; None where nothing was simulated or has a price."""
    chosen = best(result)
    if chosen is None or nothing_priced(result):
        return None
    return scaled(calls_per_day, result.requests, result.cost_usd, saved(result.settings[chosen]))


def _enough(result: CacheSimulation, least: Decimal | None) -> tuple[Check, ...]:
    """Return whether the best setting saves what it has to; nothing where it need not save anything."""
    if least is None:
        return ()
    found, name, limit = saved_share(result), "--min-saving", percent(least)
    failed: tuple[str, ...] = ()
    if found < least and nothing_priced(result):
        failed = (f"what the best setting saves is not known: no request has a price ({name} {limit})",)
    elif found < least:
        failed = (f"the best setting saves {percent(found)} of the bill, under {name} {limit}",)
    return (Check(name, limit, percent(found), failures=failed),)


def _unknown(result: CacheSimulation) -> tuple[str, ...]:
    """Return a line for everything that a strict run does not let pass."""
    lines = [
        f"{plural(one.requests, 'request')} not simulated: {one.reason}, first at {one.first} (--strict)"
        for one in result.left_out
        if not one.known
    ]
    if result.unpriced:
        lines.append(f"{plural(result.unpriced, 'request')} without a price (--strict)")
    if nobody_named(result) and result.tenant != USUAL_TENANT:
        lines.append(f"no record names a {result.tenant}: all are taken for one (--strict)")
    lines += [
        f"{plural(one.count, 'record')} rejected: {one.reason}, first at {one.first} (--strict)"
        for one in result.rejected
    ]
    return (*lines, *(f"warning: {warning} (--strict)" for warning in result.warnings))


def _end(result: CacheSimulation, failed: tuple[str, ...]) -> None:
    """Fail after the report was printed: first where nothing could be read, then where a check does not hold."""
    if result.rejected and not (result.requests or result.free or result.aggregated):
        raise InputError("no record could be read", "see the reasons in the report; --input-format names the format")
    if failed:
        raise CheckFailed("\n".join(failed))
