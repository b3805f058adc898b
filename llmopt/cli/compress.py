"""`llmopt compress`: fewer prompt tokens, and an account of every one that went."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import compress_asked as asked
from llmopt.cli.compress_eval import evaluate_
from llmopt.cli.compress_group import DefaultGroup
from llmopt.cli.compress_run import Settings, pricing_of, run
from llmopt.cli.options import FormatOption, QuietOption, VerboseOption
from llmopt.cli.values import percentage
from llmopt.errors import UsageError
from llmopt.prompts.context import JSON_FORMS, LEVELS
from llmopt.prompts.options import options_of

app = typer.Typer(
    name="compress",
    help="Cut the tokens of prompts, and nothing that matters.",
    cls=DefaultGroup,
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
)
HOW, WHERE, COST = "How", "What goes where", "What it saves"
OUTPUTS = frozenset({"in_place", "output", "diff", "audit", "check", "format"})
"""Options that say what goes where. One of them on the command line, and those of the settings do not hold."""


def _option(help: str, *names: str, metavar: str | None = None, panel: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


@app.command("compress", epilog="llmopt compress eval [DATA] measures what is kept and saved; see its --help.")
def compress(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders, quoted globs; - for stdin.")],
    level: Annotated[str, _option("How far to go.", "--level", "-l", metavar="|".join(LEVELS), panel=HOW)] = "safe",
    query: Annotated[
        str | None, _option("Keep what this needs, and leave out the rest.", metavar="TEXT|@FILE", panel=HOW)
    ] = None,
    budget: Annotated[
        str | None, _option("With --query: at most these tokens, or this share.", metavar="800|25%", panel=HOW)
    ] = None,
    model: Annotated[
        str | None, _option("Whose tokens to count. Default: o200k_base.", "--model", "-m", metavar="NAME", panel=HOW)
    ] = None,
    tokenizer: Annotated[
        Path | None,
        _option("A tokenizer.json, tekken.json or sentencepiece file, or its folder.", metavar="FILE", panel=HOW),
    ] = None,
    keep: Annotated[list[str], _option("What matches this stays; may be repeated.", metavar="REGEX", panel=HOW)] = [],  # noqa: B006
    stable_prefix: Annotated[
        str | None,
        _option("So many tokens at the start stay, or all up to a text.", metavar="N|MARKER", panel=HOW),
    ] = None,
    json_form: Annotated[
        str, _option("How to write JSON, where that has fewer tokens.", metavar="|".join(JSON_FORMS), panel=HOW)
    ] = "minified",
    messages: Annotated[
        bool,
        _option("Read chat requests (JSON or JSON lines); seen by itself in .json files.", "--messages", panel=HOW),
    ] = False,
    scorer: Annotated[
        Path | None, _option("A sentence model that ranks beside BM25 (extra semantic).", metavar="DIR", panel=HOW)
    ] = None,
    llmlingua: Annotated[
        Path | None, _option("An LLMLingua-2 model for aggressive (extra llmlingua).", metavar="DIR", panel=HOW)
    ] = None,
    in_place: Annotated[
        bool, _option("Write over the files, each in one step.", "--in-place", "-i", panel=WHERE)
    ] = False,
    output: Annotated[
        list[str],
        _option(
            "Write there instead of to stdout; with --check it may be repeated.",
            "--output",
            "-o",
            metavar="FILE|DIR",
            panel=WHERE,
        ),
    ] = [],  # noqa: B006
    diff: Annotated[bool, _option("Show what changes.", "--diff", panel=WHERE)] = False,
    audit: Annotated[
        str | None, _option("Every removal (.json, .csv, .md, .html, .txt); - for stdout.", metavar="FILE", panel=WHERE)
    ] = None,
    check: Annotated[bool, _option("Exit 1 when a file has too much waste.", "--check", panel=WHERE)] = False,
    max_waste: Annotated[
        str, _option("Share that the level would remove.", "--max-waste", metavar="PERCENT", panel=WHERE)
    ] = "10%",
    per_day: Annotated[
        str | None, _option("Requests a day with each file; shows the month.", metavar="N", panel=COST)
    ] = None,
    provider: Annotated[
        str | None, _option("Who bills. Default: who makes the model.", metavar="NAME", panel=COST)
    ] = None,
    as_of: Annotated[
        str | None, _option("Price of that day. Default: the newest.", "--as-of", metavar="DATE", panel=COST)
    ] = None,
    prices: Annotated[list[Path], _option("Prices of your own (JSON); they win.", metavar="FILE", panel=COST)] = [],  # noqa: B006
    format: FormatOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Cut the tokens of prompts, and nothing that matters.

    The compressed text of one file goes to stdout, a summary to stderr. Code, placeholders, tags, numbers and
    negations stay.

    Example: llmopt compress samples/wordy/order.md --diff
    """
    off = _given_way(context, paths)
    in_place, check, diff = in_place and "in_place" not in off, check and "check" not in off, diff and "diff" not in off
    output, audit = ([] if "output" in off else output), (None if "audit" in off else audit)
    to = asked.outputs(
        paths, in_place=in_place, output=output, diff=diff, audit=audit, check=check, format=format, quiet=quiet
    )
    most = percentage(max_waste, "--max-waste")
    if model is not None and tokenizer is not None and _is_setting(context, "model"):
        model = None  # a flag goes before a setting
    pricing = pricing_of(
        model, per_day=per_day, provider=provider, as_of=as_of, own=prices, prefixed=stable_prefix is not None
    )
    if model is not None and "," in model:
        raise UsageError(f"--model {model}: one model at a time", "llmopt tokens compares several")
    if query is None and _is_setting(context, "budget"):
        budget = None
    if (query is None) != (budget is None):
        raise UsageError("--query and --budget go together", "give both, or neither")
    if scorer is not None and query is None and not _is_setting(context, "scorer"):
        raise UsageError("--scorer ranks for a query", "add --query TEXT --budget N")
    if llmlingua is not None and level != LEVELS[-1] and not _is_setting(context, "llmlingua"):
        raise UsageError("--llmlingua rewords", f"add --level {LEVELS[-1]}")
    options = options_of(
        level=level,
        query=asked.query_of(query),
        budget=asked.budget_of(budget),
        model=model,
        keep=keep,
        stable_prefix=asked.prefix_of(stable_prefix),
        json_form=json_form,
        tokenizer=tokenizer,
        scorer=asked.scorer_of(scorer) if query is not None else None,
        rewriter=asked.rewriter_of(llmlingua) if level == LEVELS[-1] else None,
    )
    run(
        paths,
        Settings(options, to, pricing, most or Decimal(0), messages=messages, brief=quiet and not verbose, quiet=quiet),
    )


def _given_way(context: typer.Context, paths: list[str]) -> set[str]:
    """Return which of the settings on what goes where do not hold, since the command line asks for something else."""
    on = {name for name in OUTPUTS if context.params[name]}
    if context.params["audit"] != "-":  # a file beside goes with everything
        on.discard("audit")
    typed = {name for name in on if not _is_setting(context, name)}
    lost = on - typed if typed else set()
    return lost | ({"in_place"} - typed if "-" in paths else set())


def _is_setting(context: typer.Context, name: str) -> bool:
    """Whether the value of an option comes from the settings and not from the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"


app.command("eval")(evaluate_)
