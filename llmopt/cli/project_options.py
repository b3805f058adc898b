"""Options of `llmopt project`, by what they are for: the levers, what is read, the arithmetic form, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_LEVERS = "Levers (a flag goes before the plan)"
_READ = "What is read"
_RUN = "Where it runs"
_STEPS = "Arithmetic, without a log"
_LIMITS = "Limits (exit 1 where one does not hold)"


def _option(help: str, name: str, panel: str | None, metavar: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def _lever(help: str, name: str, metavar: str | None = None) -> typer.models.OptionInfo:
    return _option(help, name, _LEVERS, metavar)


def _read(help: str, name: str, metavar: str) -> typer.models.OptionInfo:
    return _option(help, name, _READ, metavar)


LogsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="LOGS", help="Files, folders, quoted globs; - for stdin.", show_default=False),
]
PlanOption = Annotated[
    list[Path] | None, _option("A scenario (TOML); repeat it to compare several.", "--plan", None, "FILE")
]
SeedOption = Annotated[str | None, _option("Of samples and intervals. Default: the plan's, or 0.", "--seed", None, "N")]

TtlOption = Annotated[str | None, _lever("A response cache that keeps answers for so long.", "--ttl", "TIME")]
SizeOption = Annotated[str | None, _lever("Room for its answers, such as 1GB.", "--size", "SIZE")]
TenantOption = Annotated[
    str | None,
    _lever("What its answers are never shared across: team, user, a column; or none.", "--tenant-by", "NAME"),
]
DeterministicOption = Annotated[bool, _lever("It answers no requests that sample, or may.", "--only-deterministic")]
RouteOption = Annotated[str | None, _lever("Route by this policy, or the shipped one.", "--route", "FILE|default")]
SwapOption = Annotated[list[str] | None, _lever("Another model in the place of one.", "--swap", "MODEL=MODEL,...")]
CompressOption = Annotated[str | None, _lever("Compress prompts.", "--compress", "lossless|safe|aggressive")]
PromptCacheOption = Annotated[
    str | None,
    _lever("Use the provider's cache of prompts; TIME instead of its own.", "--prompt-cache", "auto|TIME"),
]
BatchOption = Annotated[
    list[str] | None,
    _lever("The batch tier for a tag, or for hours of the night (UTC).", "--batch", "NAME=VALUE|night=22-6"),
]
SelfHostOption = Annotated[
    Path | None, _lever("Own machines, as bench-batch or quantize measured them (JSON).", "--self-host", "FILE")
]
HourlyOption = Annotated[str | None, _lever("What one machine costs.", "--price-per-hour", "USD")]
UtilizationOption = Annotated[
    str | None, _lever("Mean load of a machine. Default: the plan's, or 0.6.", "--utilization", "SHARE")
]
GrowthOption = Annotated[str | None, _lever("Growth of the traffic each month, such as 5%.", "--growth", "PERCENT")]

SinceOption = Annotated[str | None, _read("Only requests from this day or instant on (UTC).", "--since", "DATE")]
UntilOption = Annotated[
    str | None, _read("Only requests before this instant; a bare day is included.", "--until", "DATE")
]
InputFormatOption = Annotated[
    str, _read("Name of the log format; auto recognises each record.", "--input-format", "NAME")
]
MapOption = Annotated[
    list[str] | None, _read("Your column=our field, or a file of such pairs.", "--map", "FILE|COL=FIELD")
]
FormatSpecOption = Annotated[list[Path] | None, _read("A log format of your own (TOML).", "--format-spec", "FILE")]
PricesOption = Annotated[list[Path] | None, _read("Prices of your own (JSON); they win.", "--prices", "FILE")]
DeploymentsOption = Annotated[Path | None, _read("Deployment name -> model, as JSON or TOML.", "--deployments", "FILE")]
CachedOption = Annotated[
    str | None, _read("Does a mapped input count include cached tokens?", "--cached", "included|excluded")
]
AsOfOption = Annotated[str | None, _read("Price records without a timestamp as of this day.", "--as-of", "DATE")]

EngineOption = Annotated[str, _option("Who replays: this machine, or Spark.", "--engine", _RUN, "local|spark")]
MasterOption = Annotated[
    str | None, _option("With --engine spark: such as spark://host:7077 or local[4].", "--master", _RUN, "URL")
]

BaselineOption = Annotated[str | None, _option("The bill that the steps cut.", "--baseline", _STEPS, "USD")]
StepOption = Annotated[
    list[str] | None, _option("What a step is said to save; repeat it.", "--step", _STEPS, "NAME=SHARE")
]
MinSavingsOption = Annotated[
    str | None, _option("A plan saves at least this share of the bill.", "--min-savings", _LIMITS, "PERCENT")
]
StrictOption = Annotated[bool, _option("Nothing is unpriced, rejected or unseen, and no warning.", "--strict", _LIMITS)]
