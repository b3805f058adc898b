"""`llmopt cache`: measure what a response cache would save, look into one, delete from it, judge its semantic mode."""

from __future__ import annotations

import typer

from llmopt.cli.cache_audit import audit_
from llmopt.cli.cache_simulate import simulate
from llmopt.cli.cache_store import purge, stats

app = typer.Typer(
    name="cache",
    help="Cache responses: what that saves, and what a store holds.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("simulate")(simulate)
app.command("stats")(stats)
app.command("purge")(purge)
app.command("audit")(audit_)
