"""`llmopt cost`: price request logs, show what was spent on what, and check it against limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.cost import api
from llmopt.cost.baseline import compare, read_baseline
from llmopt.cost.gates import Limits, failed_checks
from llmopt.cost.groups import ALL as GROUPS
from llmopt.cost.result import CostReport
from llmopt.errors import CheckFailed, InputError, UsageError
from llmopt.report.cost_view import payload, view

READ, LIMITS, SHOW = "What is read", "Limits (exit 1 where one does not hold)", "What is shown"


def _option(help: str, *names: str, metavar: str | None = None, panel: str = READ) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def cost(
    logs: Annotated[list[str], typer.Argument(metavar="LOGS", help="Files, folders, quoted globs; - for stdin.")],
    by: Annotated[
        str, _option(f"Group by these, comma-separated: {', '.join(GROUPS)}.", metavar="NAMES", panel=SHOW)
    ] = "model",
    since: Annotated[str | None, _option("Only records from this day or instant on (UTC).", metavar="DATE")] = None,
    until: Annotated[
        str | None, _option("Only records before this instant; a bare day is included.", metavar="DATE")
    ] = None,
    as_of: Annotated[
        str | None, _option("Price records without a timestamp as of this day.", "--as-of", metavar="DATE")
    ] = None,
    input_format: Annotated[
        str, _option("Name of the log format; auto recognises each record.", "--input-format", metavar="NAME")
    ] = "auto",
    map: Annotated[
        list[str], _option("Your column=our field, or a file of such pairs.", metavar="FILE|COL=FIELD")
    ] = [],  # noqa: B006 - typer copies it
    format_spec: Annotated[
        list[Path], _option("A log format of your own (TOML).", "--format-spec", metavar="FILE")
    ] = [],  # noqa: B006
    prices: Annotated[list[Path], _option("Prices of your own (JSON); they win.", metavar="FILE")] = [],  # noqa: B006
    deployments: Annotated[Path | None, _option("Deployment name -> model, as JSON or TOML.", metavar="FILE")] = None,
    cached: Annotated[
        str | None, _option("Does a mapped input count include cached tokens?", metavar="included|excluded")
    ] = None,
    dedupe: Annotated[str, _option("Which repeated records to drop.", metavar="auto|all|none")] = "auto",
    jobs: Annotated[str | None, _option("Processor cores to use. Default: all.", metavar="N")] = None,
    memory: Annotated[str | None, _option("Memory for the query engine, such as 400MB.", metavar="SIZE")] = None,
    strict: Annotated[bool, _option("No record unpriced or rejected, no warning.", "--strict", panel=LIMITS)] = False,
    max_cost: Annotated[str | None, _option("Total cost.", metavar="USD", panel=LIMITS)] = None,
    max_monthly: Annotated[str | None, _option("Cost scaled to 30 days.", metavar="USD", panel=LIMITS)] = None,
    max_cost_per_request: Annotated[
        str | None, _option("Cost of the dearest request.", metavar="USD", panel=LIMITS)
    ] = None,
    max_unpriced: Annotated[str | None, _option("Requests without a price.", metavar="N", panel=LIMITS)] = None,
    baseline: Annotated[
        Path | None, _option("An earlier --format json report to compare with.", metavar="FILE", panel=SHOW)
    ] = None,
    max_increase: Annotated[
        str | None, _option("Cost over the baseline's, such as 10%.", metavar="PERCENT", panel=LIMITS)
    ] = None,
    top: Annotated[str | None, _option("Show the N dearest groups; JSON has all.", metavar="N", panel=SHOW)] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Price request logs: what was spent, on what, at which rates.

    Formats are recognised by content, also compressed (.gz, .zst) and mixed in one folder. Every record is
    accounted for: priced, free, unpriced, duplicate or rejected.
    """
    to = destination(format, output, quiet=quiet)
    limits = _limits(max_cost, max_monthly, max_cost_per_request, max_unpriced, max_increase, strict=strict)
    if max_increase is not None and baseline is None:
        raise UsageError("--max-increase compares with a baseline", "add --baseline FILE")
    shown = values.whole(top, "--top", least=1)
    earlier = read_baseline(baseline) if baseline else None
    report = api.price_logs(
        logs,
        by=values.names(by),
        since=values.instant(since, "--since"),
        until=values.instant(until, "--until", end_of_day=True),
        as_of=values.instant(as_of, "--as-of"),
        input_format=input_format,
        mapping=values.mapping(map, "--map"),
        format_specs=format_spec,
        prices=prices,
        deployments=values.mapping_file(deployments, "--deployments") if deployments else None,
        cached=values.choice(cached, "--cached", ("included", "excluded")),
        dedupe=values.choice(dedupe, "--dedupe", ("auto", "all", "none")) or "auto",
        jobs=values.whole(jobs, "--jobs", least=1),
        memory_bytes=values.size_bytes(memory, "--memory"),
        dearest=limits.max_cost_per_request_usd is not None,
    )
    comparison = compare(report, earlier) if earlier else None
    failed = failed_checks(report, limits, comparison)
    people = view(report, top=shown, comparison=comparison, brief=quiet and not verbose)
    write(people, payload(report, comparison=comparison, failed_checks=failed), to)
    _end(report, failed)


def _limits(
    cost: str | None,
    monthly: str | None,
    per_request: str | None,
    unpriced: str | None,
    increase: str | None,
    *,
    strict: bool,
) -> Limits:
    return Limits(
        max_cost_usd=values.money(cost, "--max-cost"),
        max_monthly_usd=values.money(monthly, "--max-monthly"),
        max_cost_per_request_usd=values.money(per_request, "--max-cost-per-request"),
        max_unpriced=values.whole(unpriced, "--max-unpriced"),
        max_increase=values.percentage(increase, "--max-increase"),
        strict=strict,
    )


def _end(report: CostReport, failed: tuple[str, ...]) -> None:
    """Fail after the report was printed: first where there was nothing to price, then where a limit was broken."""
    if report.rejected and report.read == sum(entry.count for entry in report.rejected):
        raise InputError("no record could be read", "see the reasons in the report; --input-format names the format")
    if failed:
        raise CheckFailed("\n".join(failed))
