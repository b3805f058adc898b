"""The list of commands, and a typer group that imports a command's module only when it runs.

`llmopt --help` shows names and help lines from the list below and loads none of the modules behind them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from llmopt.cli.fast import spare, spare_pydantic
from llmopt.cli.settings import defaults_for

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: what the help says of it and where it lives."""

    name: str
    help: str
    """One line; must equal the first line of the command's own help."""
    module: str
    attribute: str
    """A function (one command) or a `typer.Typer` (a command with subcommands)."""
    reads_files: bool = False
    """Whether it reads the settings files itself, since its table there holds more than options."""


COMMANDS: tuple[Entry, ...] = (
    Entry("cost", "Price request logs: what was spent, on what, at which rates.", "llmopt.cli.cost", "cost"),
    Entry("tokens", "Count the tokens of files, prompts and chats, offline.", "llmopt.cli.tokens", "tokens"),
    Entry("prices", "Look at the price table: rates, dates, tiers, sources.", "llmopt.cli.prices", "app"),
    Entry("compress", "Cut the tokens of prompts, and nothing that matters.", "llmopt.cli.compress", "app"),
    Entry(
        "bench-batch",
        "Measure a model at many batch sizes, and say how to batch it.",
        "llmopt.cli.bench_batch",
        "bench_batch",
    ),
    Entry(
        "quantize",
        "Make a model smaller or faster, and say what that costs.",
        "llmopt.cli.quantize",
        "quantize",
    ),
    Entry(
        "distill",
        "Train a small model to answer like a big one, and prove it.",
        "llmopt.cli.distill",
        "distill",
    ),
    Entry(
        "bench",
        "Compare models in turn: speed, memory, answers, dollars.",
        "llmopt.cli.bench_models",
        "bench",
    ),
    Entry(
        "inspect",
        "Look into a checkpoint: tensors, sizes, possible savings.",
        "llmopt.cli.inspect",
        "inspect",
    ),
    Entry("cache", "Cache responses: what that saves, and what a store holds.", "llmopt.cli.cache", "app"),
    Entry("route", "Send requests to the cheapest model that will do.", "llmopt.cli.route", "app"),
    Entry("project", "Project what a plan saves: replay the log, not the brochure.", "llmopt.cli.project", "project"),
    Entry("estimate", "Estimate what planned traffic will cost.", "llmopt.cli.estimate", "estimate"),
    Entry("serve", "Serve a model over HTTP, in batches that fill by themselves.", "llmopt.cli.serve", "serve"),
    Entry(
        "gateway",
        "Put one door before models: cache, routes, budgets, metrics.",
        "llmopt.cli.gateway",
        "gateway",
        reads_files=True,
    ),
    Entry("init", "Write a commented llmopt.toml, with every option as it is.", "llmopt.cli.init", "init"),
    Entry("doctor", "Check this installation: versions, extras, prices, settings.", "llmopt.cli.doctor", "doctor"),
    Entry("dashboard", "Write rules for Prometheus, and a dashboard for Grafana.", "llmopt.cli.dashboard", "app"),
)


def markup_mode() -> Literal["rich"] | None:
    """Return `rich` where help goes to a terminal; elsewhere rich is not worth its loading time."""
    return "rich" if sys.stdout.isatty() else None


class LazyGroup(TyperGroup):
    """A group whose commands are stubs until one of them is run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for entry in COMMANDS:
            stub = TyperCommand(entry.name, help=entry.help, rich_markup_mode=self.rich_markup_mode)
            self.add_command(stub)

    def get_help_option(self, ctx: Any) -> Any:
        """Return the help option; typer makes it late, after the other parameters."""
        option = super().get_help_option(ctx)
        spare(option)
        return option

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that `args` name, and give it the user's settings as defaults."""
        name, stub, rest = super().resolve_command(ctx, args)
        entry = next((entry for entry in COMMANDS if entry.name == name), None)
        if entry is None:
            return name, stub, rest
        command = load(entry)
        spare_pydantic(command, ctx)
        if not ctx.resilient_parsing and not {"-h", "--help"} & set(rest):
            ctx.default_map = {entry.name: defaults_for(command, files=not entry.reads_files)}
        return name, command, rest


def load(entry: Entry) -> TyperCommand | TyperGroup:
    """Import the module of `entry` and build its command."""
    target: typer.Typer | Callable[..., None] = getattr(import_module(entry.module), entry.attribute)
    if isinstance(target, typer.Typer):
        target.rich_markup_mode = markup_mode()
        group = typer.main.get_group(target)
        group.name, group.help = entry.name, group.help or entry.help
        return group
    app = typer.Typer(add_completion=False, rich_markup_mode=markup_mode())
    app.command(entry.name)(target)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)  # noqa: S101 - get_command gives no narrower type
    return command
