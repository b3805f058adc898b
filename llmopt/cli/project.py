"""`llmopt project`: what a plan saves, from a log that is replayed through every lever; or by arithmetic."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from llmopt.cli import project_options as options
from llmopt.cli import values
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import Destination, destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.cli.project_asked import Flags, is_on_spark, plans_of, steps_of
from llmopt.core.check import Check, failures
from llmopt.errors import CheckFailed, InputError, UsageError
from llmopt.report.project_json import arithmetic_payload, payload
from llmopt.report.project_limits import savings, savings_of, unknown
from llmopt.report.project_view import arithmetic_view, view

if TYPE_CHECKING:
    from pathlib import Path

    from llmopt.savings.project.api import Reading
    from llmopt.savings.project.plan import Plan
    from llmopt.savings.project.result import Arithmetic, Projection


_PAGES = ("markdown", "html", "svg", "png")
"""Formats with room for drawings; a terminal shows them with --verbose."""


def project(
    context: typer.Context,
    logs: options.LogsArgument = None,
    plan: options.PlanOption = None,
    ttl: options.TtlOption = None,
    size: options.SizeOption = None,
    tenant_by: options.TenantOption = None,
    only_deterministic: options.DeterministicOption = False,
    route: options.RouteOption = None,
    swap: options.SwapOption = None,
    compress: options.CompressOption = None,
    prompt_cache: options.PromptCacheOption = None,
    batch: options.BatchOption = None,
    self_host: options.SelfHostOption = None,
    price_per_hour: options.HourlyOption = None,
    utilization: options.UtilizationOption = None,
    growth: options.GrowthOption = None,
    seed: options.SeedOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    input_format: options.InputFormatOption = "auto",
    map: options.MapOption = None,
    format_spec: options.FormatSpecOption = None,
    prices: options.PricesOption = None,
    deployments: options.DeploymentsOption = None,
    cached: options.CachedOption = None,
    as_of: options.AsOfOption = None,
    engine: options.EngineOption = "local",
    master: options.MasterOption = None,
    baseline: options.BaselineOption = None,
    step: options.StepOption = None,
    min_savings: options.MinSavingsOption = None,
    strict: options.StrictOption = False,
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Project what a plan saves: replay the log, not the brochure.

    Every call of the log goes through all levers of the plan, in the order of time. What each lever is worth,
    alone and beside the others, stands next to what multiplying their savings would claim.

    Example: llmopt project samples/projecting --ttl 24h --prompt-cache auto
    """
    to = destination(format, output, quiet=quiet, charts=True)
    flags = Flags(
        ttl=ttl,
        size=size,
        tenant_by=tenant_by,
        only_deterministic=only_deterministic,
        route=route,
        swap=swap or (),
        compress=compress,
        prompt_cache=prompt_cache,
        batch=batch or (),
        self_host=self_host,
        price_per_hour=price_per_hour,
        utilization=utilization,
        growth=growth,
        seed=seed,
        min_savings=min_savings,
    )
    typed = _typed(context)
    if baseline is not None or step:
        _multiply(steps_of(baseline, step or (), typed), flags, to)
        return
    plans, spark = plans_of(plan or (), flags, typed), is_on_spark(engine, master)
    if not logs:
        raise UsageError("no LOGS are named", "such as llmopt project logs/ --ttl 24h; --baseline needs none")
    from llmopt.savings.project.api import Reading  # what reads logs loads a query engine; the rest needs none

    reading = Reading(
        since=values.instant(since, "--since"),
        until=values.instant(until, "--until", end_of_day=True),
        input_format=input_format,
        mapping=values.mapping(map or (), "--map"),
        format_specs=format_spec or (),
        prices=prices or (),
        deployments=values.mapping_file(deployments, "--deployments") if deployments else None,
        cached=values.choice(cached, "--cached", ("included", "excluded")),
        as_of=values.instant(as_of, "--as-of"),
    )
    results = _on_spark(logs, plans, master, reading, to) if spark else _replayed(logs, plans, reading, to)
    _show(results, to, verbose=verbose, strict=strict, prices=prices or ())


def _typed(context: typer.Context) -> frozenset[str]:
    """Return the names of the parameters that come from the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE")


def _multiply(result: Arithmetic, flags: Flags, to: Destination) -> None:
    """Write the arithmetic form, and fail where it saves too little."""
    held = savings_of(result, flags.least)
    failed = failures(held)
    write(arithmetic_view(result), arithmetic_payload(result, failed_checks=failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))


def _replayed(logs: Sequence[str], plans: Sequence[Plan], reading: Reading, to: Destination) -> tuple[Projection, ...]:
    """Replay the log under each plan."""
    from llmopt.savings.project.api import project_all

    with ProgressLine(quiet=to.quiet) as line:
        line(0, 0, "replaying the log")
        return project_all(logs, plans, **reading)


def _on_spark(
    logs: Sequence[str], plans: Sequence[Plan], master: str | None, reading: Reading, to: Destination
) -> tuple[Projection, ...]:
    """Have a cluster do it."""
    from llmopt.savings.project.parts.limits import NOT_DRAWN  # as above, and what follows loads Spark
    from llmopt.savings.project.spark.run import project_on_spark

    with ProgressLine(quiet=to.quiet) as line:
        line(0, 0, "replaying the log on Spark")
        results = project_on_spark(logs, plans, master, **reading)
    if not to.quiet:
        sys.stderr.write(f"llmopt: {NOT_DRAWN}\n")
    return results


def _show(
    results: Sequence[Projection], to: Destination, *, verbose: bool, strict: bool, prices: Sequence[Path]
) -> None:
    """Write what came out, and fail where a check does not hold."""
    held = (*savings(results), *((Check("--strict", failures=unknown(results)),) if strict else ()))
    failed = failures(held)
    shown = view(
        results, brief=to.quiet and not verbose, full=verbose or (not to.quiet and not to.formats.isdisjoint(_PAGES))
    )
    write(shown, payload(results, failed_checks=failed), to, held, prices=prices)
    _end(results, failed)


def _end(results: Sequence[Projection], failed: tuple[str, ...]) -> None:
    """Fail after the report was printed: first where nothing could be read, then where a check does not hold."""
    if not results[0].replay.calls and results[0].rejected:
        raise InputError("no record could be read", "see the reasons in the report; --input-format names the format")
    if failed:
        raise CheckFailed("\n".join(failed))
