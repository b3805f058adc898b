"""`llmopt route eval`: what a learned score, or a policy, would have saved on a log, and what quality that costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt.cli import values
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
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
from llmopt.serving.routing.policy import load_policy
from llmopt.serving.routing.router import Router
from llmopt.serving.routing.weights import load_weights

if TYPE_CHECKING:
    from llmopt.savings.routing_log import Route


def evaluate_(
    logs: LogsArgument,
    quality_col: QualityOption,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="A trained score. Default: one is trained on the log first."),
    ] = None,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="The weights come from another log: all prompts of this one count.")
    ] = False,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="FILE", help="Test a policy beside the score; `default` for the shipped one."),
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
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Measure on a scored log what routing saves and loses.

    Only prompts that both models answered count. Beside each way of routing stands a random router that
    spends the same money: only what is above it is worth anything.

    Example: llmopt route eval log.jsonl --quality-col score
    """
    from llmopt.report.route_eval_view import missed, payload, view  # reading logs is dear to load
    from llmopt.savings.routing import evaluate_router
    from llmopt.savings.routing_log import read_answers

    to = destination(format, output, quiet=quiet, charts=True)
    how = asked(cheap, strong, keep, held_out, seed)
    if unseen and weights is None:
        raise UsageError("--unseen says where the weights come from", "add --weights FILE")
    learned = None if weights is None else load_weights(weights)
    answers = read_answers(
        logs,
        quality_col,
        pass_mark=values.number(pass_mark, "--pass-mark"),
        route=None if policy is None else _route(policy),
        input_format=input_format,
        prices=prices or (),
        as_of=values.instant(as_of, "--as-of"),
    )
    result = evaluate_router(answers, how, weights=learned, unseen=unseen)
    failed = missed(result) if strict else ()
    held = (Check("--strict", failures=failed),) if strict else ()
    write(view(result), payload(result, failed_checks=failed), to, held, prices=prices or ())
    if failed:
        raise CheckFailed("\n".join(failed))


def _route(policy: str) -> Route:
    """Return what a policy picks for the body of a request."""
    router = Router(load_policy(None if policy == "default" else Path(policy)))

    def route(body: Mapping[str, Any]) -> tuple[str, str]:
        decision = router.decide(body)
        return decision.route, decision.model

    return route
