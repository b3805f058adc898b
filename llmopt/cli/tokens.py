"""`llmopt tokens`: count the tokens of files, prompts and chat requests, and what they will cost."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.core.check import Check, failures
from llmopt.core.usage import TIERS
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.prompts import ModelPrice, PromptCost, price_of, prompt_cost
from llmopt.errors import CheckFailed, ConfigError, InputError, LlmoptError, UsageError
from llmopt.report.text import clean
from llmopt.report.tokens_view import payload, view
from llmopt.tokens.api import tokenizer_for
from llmopt.tokens.counting.paths import count_paths, targets_for
from llmopt.tokens.counting.values import Counted, FileCount, Target

_SHOWN = 20
WHICH, COST = "Which tokenizer (default: o200k_base, or each request's own model)", "What it costs"


def _option(help: str, *names: str, metavar: str | None = None, panel: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def tokens(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders, quoted globs; - for stdin.")],
    model: Annotated[
        str | None, _option("Model or models, comma-separated.", "--model", "-m", metavar="NAMES", panel=WHICH)
    ] = None,
    encoding: Annotated[
        str | None, _option("A public vocabulary, such as cl100k_base.", metavar="NAME", panel=WHICH)
    ] = None,
    tokenizer: Annotated[
        Path | None,
        _option("A tokenizer.json, tekken.json or sentencepiece file, or its folder.", metavar="FILE", panel=WHICH),
    ] = None,
    allow_download: Annotated[
        bool, _option("Let tiktoken download a vocabulary that is missing.", "--allow-download", panel=WHICH)
    ] = False,
    messages: Annotated[
        bool, _option("Read chat requests (JSON or JSON lines), and count their formatting too.", "--messages")
    ] = False,
    max_tokens: Annotated[str | None, _option("Exit 1 when a file is over this.", "--max-tokens", metavar="N")] = None,
    cost: Annotated[bool, _option("Price the prompts as input of --model.", "--cost", panel=COST)] = False,
    per_day: Annotated[
        str | None, _option("Requests a day with each file; shows day and month.", metavar="N", panel=COST)
    ] = None,
    provider: Annotated[
        str | None, _option("Who bills. Default: who makes the model.", metavar="NAME", panel=COST)
    ] = None,
    tier: Annotated[str, _option("Service tier.", metavar="|".join(TIERS), panel=COST)] = "default",
    as_of: Annotated[
        str | None, _option("Price of that day. Default: the newest.", "--as-of", metavar="DATE", panel=COST)
    ] = None,
    prices: Annotated[list[Path], _option("Prices of your own (JSON); they win.", metavar="FILE", panel=COST)] = [],  # noqa: B006
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Count the tokens of files, prompts and chats, offline.

    Counts are exact where the vocabulary is public, and estimated with an interval where it is not.

    Example: llmopt tokens samples/prompts --model gpt-4o,claude-sonnet-4-5
    """
    to = destination(format, output, quiet=quiet)
    limit = values.whole(max_tokens, "--max-tokens")
    daily = values.whole(per_day, "--per-day", least=1)
    priced = cost or daily is not None
    values.choice(tier, "--tier", TIERS)
    if model is not None and (encoding or tokenizer) and _is_setting(context, "model"):
        model = None  # a flag goes before a setting
    if priced and model is None:
        raise UsageError("--cost needs to know the model", "add --model NAME")
    if not priced and (provider or as_of or prices or tier != "default"):
        raise UsageError("--provider, --tier, --as-of and --prices are about dollars", "add --cost")
    targets, wrong = _targets(model, encoding, tokenizer, messages=messages, allow_download=allow_download)
    found, unpriced = _prices(targets, prices, provider, tier, values.instant(as_of, "--as-of")) if priced else ({}, [])
    result = count_paths(paths, targets, messages=messages)
    costs = _costs(result, found, daily) if priced else None
    held = _within(result, limit)
    failed = failures(held)
    shown = found if priced else None
    people = view(result, costs, shown, brief=quiet and not verbose)
    _complain(result, [*wrong, *unpriced], quiet=quiet)
    _perhaps_over(result, limit)
    write(people, payload(result, costs, shown, failed_checks=failed), to, held)
    if verbose:
        _memory(result)
    _end(result, failed, [*wrong, *unpriced])


def _is_setting(context: typer.Context, name: str) -> bool:
    """Whether the value of an option comes from the settings and not from the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"


def _targets(
    model: str | None, encoding: str | None, tokenizer: Path | None, *, messages: bool, allow_download: bool
) -> tuple[list[Target], list[LlmoptError]]:
    """Return what to count for, and the models that nobody knows; the rest is counted all the same.

    Raises:
        UsageError: flags that exclude each other, or no model at all that is known.
    """
    if model is None:
        return [_unnamed(encoding, tokenizer, messages=messages, allow_download=allow_download)], []
    if encoding is not None or tokenizer is not None:
        raise UsageError("--model, --encoding and --tokenizer exclude each other", "name one of them")
    targets: list[Target] = []
    wrong: list[LlmoptError] = []
    for name in values.names(model):
        try:
            target = targets_for(name, allow_download=allow_download)
            (target.tokenizer or tokenizer_for()).count("")
        except (ConfigError, UsageError) as error:
            wrong.append(error)
        else:
            targets.append(target)
    if not targets and len(wrong) > 1:
        raise UsageError("; ".join(error.message for error in wrong), wrong[0].hint)
    if not targets:
        raise wrong[0] if wrong else UsageError("--model names no model", "such as --model gpt-4o")
    return targets, wrong


def _unnamed(encoding: str | None, tokenizer: Path | None, *, messages: bool, allow_download: bool) -> Target:
    """Return the target where no model is named; chat requests then name their own."""
    if messages and encoding is None and tokenizer is None:
        return Target(None, None)
    chosen = tokenizer_for(encoding=encoding, path=tokenizer, allow_download=allow_download)
    chosen.count("")  # a vocabulary that is missing is noticed here
    return Target(None, chosen, "openai" if tokenizer is None else "other")


def _prices(
    targets: Sequence[Target], own: Sequence[Path], provider: str | None, tier: str, at: datetime | None
) -> tuple[dict[str, ModelPrice], list[LlmoptError]]:
    table = PriceTable.load(extra=own)
    found: dict[str, ModelPrice] = {}
    missing: list[LlmoptError] = []
    for target in targets:
        name = target.model or ""
        try:
            found[name] = price_of(table, name, provider=provider, tier=tier, at=at)
        except UsageError as error:
            missing.append(error)
    return found, missing


def _costs(result: Counted, prices: dict[str, ModelPrice], per_day: int | None) -> dict[str, list[PromptCost | None]]:
    costs: dict[str, list[PromptCost | None]] = {}
    for file in result.files:
        price = prices.get(file.model or "")
        one = None if price is None else prompt_cost(file, price.price, per_day=per_day)
        costs.setdefault(file.model or "", []).append(one)
    return costs


def _within(result: Counted, limit: int | None) -> tuple[Check, ...]:
    """Return whether each file keeps to the limit; nothing without one."""
    return () if limit is None else tuple(_checked(file, limit) for file in result.files)


def _checked(file: FileCount, limit: int) -> Check:
    found, name = f"{file.count.tokens:,}", "--max-tokens"
    model = f" for {file.model}" if file.model else ""
    over = (f"{file.path}: {found} tokens{model} are over {name} {limit:,}",) if file.count.tokens > limit else ()
    return Check(name, f"{limit:,}", found, f"{file.path}{model}", file.path, over)


def _perhaps_over(result: Counted, limit: int | None) -> None:
    """Name the files that are under the limit by their estimate, and over it at the end of its interval."""
    for file in result.files:
        if limit is not None and file.count.tokens <= limit < file.count.high:
            what = f"{file.path}: about {file.count.tokens:,} tokens, up to {file.count.high:,}"
            sys.stderr.write(f"llmopt: warning: {clean(what)}: may be over --max-tokens {limit:,}\n")


def _complain(result: Counted, wrong: Sequence[LlmoptError], *, quiet: bool) -> None:
    """Say what is not in the report: one line each."""
    for error in wrong:
        hint = f"; {error.hint}" if error.hint else ""
        sys.stderr.write(f"llmopt: error: {clean(error.message + hint)}\n")
    skipped = [item for item in result.skipped if item.asked or not quiet]
    for item in skipped[:_SHOWN]:
        sys.stderr.write(f"llmopt: {'error' if item.asked else 'skipped'}: {clean(f'{item.path}: {item.reason}')}\n")
    if len(skipped) > _SHOWN:
        sys.stderr.write(f"llmopt: skipped: {len(skipped) - _SHOWN:,} more; --format json lists all\n")


def _memory(result: Counted) -> None:
    asked = result.memo_hits + result.memo_misses
    if asked:
        share = result.memo_hits / asked
        sys.stderr.write(f"llmopt: memo: {result.memo_hits:,} of {asked:,} parts ({share:.1%}) were counted before\n")


def _end(result: Counted, failed: Sequence[str], wrong: Sequence[LlmoptError]) -> None:
    """Fail after the report was printed: where a file is over the limit, and where something named was not counted."""
    if failed:
        more = [f"and {len(failed) - _SHOWN:,} more; --format json lists all"] if len(failed) > _SHOWN else []
        raise CheckFailed("\n".join([*failed[:_SHOWN], *more]))
    if not result.files:
        raise InputError("nothing was counted", "see the reasons above")
    left_out = sum(item.asked for item in result.skipped) + len(wrong)
    if left_out:
        raise InputError(f"{left_out:,} of what was named could not be counted or priced", "the rest is in the report")
