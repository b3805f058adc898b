"""`llmopt cost`: price request logs, show what was spent on what, and check it against limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli.cost_asked import Typed, settled
from llmopt.cli.cost_run import run
from llmopt.cli.options import CostFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination
from llmopt.cost.groups import ALL as GROUPS
from llmopt.report.render import CHECK_FORMATS, COST_FORMATS, FORMATS

READ, LIMITS, SHOW = "What is read", "Limits (exit 1 where one does not hold)", "What is shown"
RUN = "Where and how it runs"


def _option(help: str, *names: str, metavar: str | None = None, panel: str = READ) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def cost(
    ctx: typer.Context,
    logs: Annotated[
        list[str],
        typer.Argument(metavar="LOGS", help="Files, folders, quoted globs, URLs of object stores; - for stdin."),
    ] = [],  # noqa: B006 - typer copies it
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
    sql: Annotated[
        str | None, _option('A query in place of LOGS, such as "SELECT * FROM calls".', metavar="QUERY")
    ] = None,
    db: Annotated[
        str | None,
        _option("With --sql: a file of SQLite or DuckDB, or postgresql://user@host/name.", metavar="DATABASE"),
    ] = None,
    engine: Annotated[str, _option("Who adds up: this machine, or Spark.", metavar="local|spark", panel=RUN)] = "local",
    master: Annotated[
        str | None,
        _option("With --engine spark: such as spark://host:7077 or local[4].", metavar="URL", panel=RUN),
    ] = None,
    state: Annotated[
        Path | None,
        _option("Remember there what was read; the next run prices only what is new.", metavar="DIR", panel=RUN),
    ] = None,
    rebuild: Annotated[
        list[str],
        _option("With --state: read this day again, such as 2026-11-01.", metavar="DAY", panel=RUN),
    ] = [],  # noqa: B006
    follow: Annotated[
        bool, _option("Go on as the logs grow, until Ctrl-C; then the whole report.", "--follow", panel=RUN)
    ] = False,
    every: Annotated[
        str | None,
        _option("With --follow: how often to look, such as 5 or 500ms. Default: 2s.", metavar="SECONDS", panel=RUN),
    ] = None,
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
    format: CostFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Price request logs: what was spent, on what, at which rates.

    Formats are recognised by content, also compressed (.gz, .zst) and mixed in one folder. Every record is
    accounted for: priced, free, unpriced, duplicate or rejected.

    Example: llmopt cost samples/openai-chat.jsonl --by model --max-cost 500
    """
    to = destination(format, output, quiet=quiet, charts=True, formats=(*FORMATS, *CHECK_FORMATS, *COST_FORMATS))
    typed = Typed(
        logs=logs,
        by=by,
        since=since,
        until=until,
        as_of=as_of,
        input_format=input_format,
        map=map,
        format_spec=format_spec,
        prices=prices,
        deployments=deployments,
        cached=cached,
        dedupe=dedupe,
        jobs=jobs,
        memory=memory,
        sql=sql,
        db=db,
        engine=engine,
        master=master,
        state=state,
        rebuild=rebuild,
        follow=follow,
        every=every,
        strict=strict,
        max_cost=max_cost,
        max_monthly=max_monthly,
        max_cost_per_request=max_cost_per_request,
        max_unpriced=max_unpriced,
        baseline=baseline,
        max_increase=max_increase,
        top=top,
    )
    names = [name for name in ctx.params if _is_setting(ctx, name)]
    run(settled(typed, names), to, brief=quiet and not verbose)


def _is_setting(ctx: typer.Context, name: str) -> bool:
    """Whether an option comes from a file of settings or a variable, and not from the command line."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"
