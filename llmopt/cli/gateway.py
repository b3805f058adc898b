"""`llmopt gateway`: one door before models, with cache, routes, budgets and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import gateway_run
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.errors import UsageError

SERVER, PIPELINE, BUDGET, SETTINGS = "The server", "On the way", "Budget and record", "Settings"


def _option(help: str, *names: str, metavar: str | None = None, panel: str = SERVER) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *names, help=help, metavar=metavar, rich_help_panel=panel, show_default=False
    )
    return option


Text = str | None


def gateway(
    upstream: Annotated[Text, _option("Server that answers, with or without /v1.", metavar="URL")] = None,
    api_key_env: Annotated[
        Text,
        _option("Variable with the server's key. Default: callers bring theirs.", metavar="NAME"),
    ] = None,
    host: Annotated[Text, _option("Address to listen on. Default: 127.0.0.1.", metavar="ADDRESS")] = None,
    port: Annotated[Text, _option("0 takes a free one. Default: 8080.", metavar="N")] = None,
    workers: Annotated[Text, _option("Processes that answer. Default: 1.", metavar="N")] = None,
    timeout: Annotated[Text, _option("Until an answer begins; then 504. Default: 10min.", metavar="10min")] = None,
    drain: Annotated[
        Text, _option("After SIGTERM: time to answer what was taken. Default: 30s.", metavar="30s")
    ] = None,
    cache: Annotated[
        Text,
        _option("memory, an SQLite file, redis://, or off. Default: memory.", metavar="STORE", panel=PIPELINE),
    ] = None,
    cache_ttl: Annotated[
        Text, _option("How long answers are kept. Default: 24h.", metavar="24h", panel=PIPELINE)
    ] = None,
    policy: Annotated[Text, _option("Which model answers what, in TOML.", metavar="FILE", panel=PIPELINE)] = None,
    compress: Annotated[Text, _option("Shorten prompts.", metavar="lossless|safe|aggressive", panel=PIPELINE)] = None,
    usd_per_day: Annotated[Text, _option("Most that a tenant spends.", metavar="USD", panel=BUDGET)] = None,
    usd_per_month: Annotated[Text, _option("Most that a tenant spends.", metavar="USD", panel=BUDGET)] = None,
    log: Annotated[
        Text, _option("Request log that llmopt cost reads; - for stdout.", metavar="FILE", panel=BUDGET)
    ] = None,
    log_bodies: Annotated[
        bool | None, _option("Log requests and answers, too.", "--log-bodies/--no-log-bodies", panel=BUDGET)
    ] = None,
    prices: Annotated[
        list[Path] | None, _option("Prices of your own (JSON); they win.", "--prices", metavar="FILE", panel=BUDGET)
    ] = None,
    tutorial_metrics: Annotated[
        bool | None,
        _option("Metrics as llm_api_* and llm_cache_*, too.", "--tutorial-metrics/--no-tutorial-metrics", panel=BUDGET),
    ] = None,
    config: Annotated[
        Path | None,
        _option("Settings file. Default: the llmopt.toml that is found.", metavar="FILE", panel=SETTINGS),
    ] = None,
    only_check: Annotated[
        bool, _option("Check everything, show what would run, and end.", "--check", panel=SETTINGS)
    ] = False,
    new_key: Annotated[
        Text, _option("Make a key for a caller, and print its table.", "--new-key", metavar="NAME", panel=SETTINGS)
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Put one door before models: cache, routes, budgets, metrics.

    Point the base_url of any OpenAI or Anthropic client at it. Without keys of its own it passes on the caller's.

    Example: llmopt gateway --upstream https://api.openai.com --log calls.jsonl
    """
    flags = {
        "upstream": upstream,
        "api_key_env": api_key_env,
        "host": host,
        "port": port,
        "workers": workers,
        "timeout": timeout,
        "drain": drain,
        "cache": cache,
        "cache_ttl": cache_ttl,
        "policy": policy,
        "compress": compress,
        "usd_per_day": usd_per_day,
        "usd_per_month": usd_per_month,
        "log": log,
        "log_bodies": log_bodies,
        "prices": [str(path) for path in prices or []] or None,
        "tutorial_metrics": tutorial_metrics,
        "format": format,
    }
    if new_key is not None:
        gateway_run.new_key(new_key)
        return
    asked = gateway_run.read({name: value for name, value in flags.items() if value is not None}, config)
    if output and not only_check:
        raise UsageError("-o is for what --check finds", "the request log goes to --log FILE")
    if only_check:
        gateway_run.check(asked, output, quiet=quiet or asked.quiet)
    else:
        gateway_run.serve(asked.config, quiet=quiet or asked.quiet, verbose=verbose or asked.verbose)
