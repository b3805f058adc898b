"""`llmopt prices`: look at the price table, compare, check and refresh it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.core.check import Check
from llmopt.cost.pricing import diff as comparing
from llmopt.cost.pricing.lint import lint
from llmopt.cost.pricing.listing import find_model, list_models, show_model
from llmopt.cost.pricing.load import default_root, read_single
from llmopt.cost.pricing.refresh import Refreshed
from llmopt.cost.pricing.refresh import refresh as refresh_files
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import CheckFailed, UsageError
from llmopt.report import prices_view as views
from llmopt.report.as_json import Json, document, plain

app = typer.Typer(
    name="prices",
    help="Look at the price table: rates, dates, tiers, sources.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ProviderOption = Annotated[str | None, typer.Option("--provider", metavar="NAME", help="Who bills.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Prices of that day. Default: the newest.")
]
PricesOption = Annotated[
    list[Path], typer.Option("--prices", metavar="FILE", help="Prices of your own (JSON); they win.")
]
DAY = re.compile(r"\d{4}-\d\d-\d\d")


@app.command("list")
def list_(
    provider: ProviderOption = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Only models whose id holds this.")] = None,
    as_of: AsOfOption = None,
    prices: PricesOption = [],  # noqa: B006
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """List models with their prices of today, or of another day.

    Example: llmopt prices list --provider anthropic --search opus
    """
    to = destination(format, output, quiet=quiet)
    table = PriceTable.load(extra=prices)
    models = list_models(table, provider, search, values.instant(as_of, "--as-of"))
    write(views.list_view(models), document("prices.list", {"models": plain(models)}), to)


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model, by any of its names.")],
    provider: ProviderOption = None,
    prices: PricesOption = [],  # noqa: B006
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Show every price row of one model: dates, tiers, bands, sources.

    Example: llmopt prices show gpt-4o
    """
    to = destination(format, output, quiet=quiet)
    shown = show_model(PriceTable.load(extra=prices), model, provider)
    write(views.show_view(shown), document("prices.show", {"model": plain(shown)}), to)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A day, a model, or a price file or folder.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The same, to compare with.")],
    as_of: AsOfOption = None,
    prices: PricesOption = [],  # noqa: B006
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Compare two days, two models, or two price files or folders.

    Example: llmopt prices diff gpt-4o gpt-4o-mini
    """
    to = destination(format, output, quiet=quiet)
    at = values.instant(as_of, "--as-of")
    changes: tuple[comparing.Change, ...]
    if Path(before).exists() and Path(after).exists():
        changes = comparing.diff_tables(comparing.Side(_table(before), at), comparing.Side(_table(after), at))
    else:
        table = PriceTable.load(extra=prices)
        days = [bool(DAY.fullmatch(text)) for text in (before, after)]
        if any(days) and not all(days):
            raise UsageError(
                "a day compares with a day, a model with a model", "llmopt prices diff 2024-01-01 2025-01-01"
            )
        if all(days):
            sides = [comparing.Side(table, values.instant(text, "A and B")) for text in (before, after)]
            changes = comparing.diff_tables(*sides)
        else:
            changes = comparing.diff_models(table, find_model(table, before), find_model(table, after), at)
    payload = document("prices.diff", {"before": before, "after": after, "changes": plain(changes)})
    write(views.diff_view(changes, before, after), payload, to)


def _table(path: str) -> PriceTable:
    """Return the prices in a folder, or in one file alone."""
    return PriceTable.load(Path(path)) if Path(path).is_dir() else PriceTable(read_single(Path(path)))


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Price files of your own to check as well.")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Check the price files: shape, dates, overlaps, names, sources.

    Example: llmopt prices check pricing/history/openai.json
    """
    to = destination(format, output, quiet=quiet)
    findings = lint(extra=files or [])
    held = (Check("price files", failures=tuple(map(str, findings))),)
    day = None if findings else PriceTable.load().date
    write(views.check_view(findings, day), document("prices.check", {"findings": plain(findings)}), to, held)
    if findings:
        raise CheckFailed("\n".join(map(str, findings)))


@app.command()
def refresh(
    root: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the price files.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Day of undated changes. Default: today.")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Add what the genai-prices package knows; the past stays.

    Reads the installed package, not the network. A price that changed without a date gets a row from --as-of on.

    Example: llmopt prices refresh --as-of 2026-11-01
    """
    to = destination(format, output, quiet=quiet)
    done = refresh_files(root or default_root(), _day(as_of))
    write(views.refresh_view(done), document("prices.refresh", _summary(done)), to)


def _summary(done: Refreshed) -> dict[str, Json]:
    """Return a refresh for machines: how many rows each model gained, not the rows."""
    additions: list[Json] = [
        {"provider": one.provider, "model": one.model, "new_model": one.new_model, "rows": len(one.rows)}
        for one in done.additions
    ]
    return {"generator": done.generator, "written": list(done.written), "additions": additions}


def _day(text: str | None) -> date:
    instant = values.instant(text, "--as-of")
    return (instant or datetime.now(UTC)).date()
