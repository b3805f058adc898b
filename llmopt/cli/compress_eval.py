"""`llmopt compress eval`: is anything lost, and how much is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.core.check import failures
from llmopt.errors import CheckFailed
from llmopt.prompts.evaluation.evaluate import evaluate
from llmopt.report.compress_eval_view import goals, payload, view
from llmopt.tokens.api import tokenizer_for


def evaluate_(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]", help="Paragraphs with questions (JSON lines or SQuAD). Default: built-in ones."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Whose tokens to count. Default: o200k_base.")
    ] = None,
    prompts: Annotated[
        str, typer.Option("--prompts", metavar="N", help="Made-up prompts, each at every level.")
    ] = "1000",
    questions: Annotated[
        str, typer.Option("--questions", metavar="N", help="Most questions asked; 0 for all.")
    ] = "300",
    seed: Annotated[str, typer.Option("--seed", metavar="N", help="The same seed, the same prompts.")] = "0",
    timed: Annotated[bool, typer.Option("--timed", help="Measure speed too; such figures differ each time.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a goal is missed.")] = False,
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Measure what compressing keeps and saves.

    Made-up prompts of many kinds show whether anything is lost at any level, and questions on paragraphs whether their
    answers stay in query mode.

    Example: llmopt compress eval --prompts 20 --questions 8
    """
    to = destination(format, output, quiet=quiet, charts=True)
    result = evaluate(
        data,
        tokenizer=tokenizer_for(model),
        prompts=values.whole(prompts, "--prompts", least=1) or 1,
        questions=values.whole(questions, "--questions") or None,
        seed=values.whole(seed, "--seed") or 0,
        timed=timed,
    )
    held = goals(result) if strict else ()
    failed = failures(held)
    write(view(result), payload(result, failed_checks=failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))
