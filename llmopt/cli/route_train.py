"""`llmopt route train`: a learned score from one's own labelled log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import check_place, destination, write
from llmopt.cli.route_read import (
    AsOfOption,
    CheapOption,
    HeldOutOption,
    InputFormatOption,
    KeepOption,
    LogsArgument,
    PassMarkOption,
    PricesOption,
    QualityOption,
    SeedOption,
    StrictOption,
    StrongOption,
    asked,
)
from llmopt.core.check import Check
from llmopt.errors import CheckFailed, UsageError
from llmopt.serving.routing.weights import is_weights_file, save_weights


def train(
    logs: LogsArgument,
    quality_col: QualityOption,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="Write the trained score there (JSON).")
    ] = None,
    cheap: CheapOption = None,
    strong: StrongOption = None,
    pass_mark: PassMarkOption = None,
    keep: KeepOption = "90%",
    held_out: HeldOutOption = "20%",
    seed: SeedOption = "0",
    input_format: InputFormatOption = "auto",
    prices: PricesOption = None,
    as_of: AsOfOption = None,
    strict: StrictOption = False,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Learn from a scored log which prompts need a strong model.

    Best from prompts that both models answered; with one model's answers the score learns which of them fall short.
    Held-out prompts, which the training never sees, say what it is worth.

    Example: llmopt route train log.jsonl --quality-col score
    """
    from llmopt.report.route_train_view import missed, payload, view  # reading logs is dear to load
    from llmopt.savings.routing import train_router
    from llmopt.savings.routing_log import read_answers

    to = destination(format, output, quiet=quiet)
    how = asked(cheap, strong, keep, held_out, seed)
    if weights is not None:
        _check_weights(weights)
    answers = read_answers(
        logs,
        quality_col,
        pass_mark=values.number(pass_mark, "--pass-mark"),
        input_format=input_format,
        prices=prices or (),
        as_of=values.instant(as_of, "--as-of"),
    )
    result = train_router(answers, how)
    if weights is not None:
        save_weights(result.weights, weights)
    failed = missed(result) if strict else ()
    held = (Check("--strict", failures=failed),) if strict else ()
    write(view(result, weights), payload(result, weights, failed_checks=failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))


def _check_weights(path: Path) -> None:
    """Refuse a place that cannot be written, or that holds something else, before the work.

    Raises:
        InputError: it cannot be written.
        UsageError: it is another file of the user's.
    """
    check_place(path, "--weights")
    if path.exists() and path.stat().st_size and not is_weights_file(path):
        raise UsageError(f"--weights {path}: the file is there and holds no weights", "name another file")
