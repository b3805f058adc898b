"""Options that `llmopt route train` and `llmopt route eval` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt.cli import values
from llmopt.errors import UsageError

if TYPE_CHECKING:
    from llmopt.savings.routing_result import RouterAsked

LogsArgument = Annotated[list[str], typer.Argument(metavar="LOG", help="Files, folders, quoted globs; - for stdin.")]
QualityOption = Annotated[
    str,
    typer.Option(
        "--quality-col", metavar="NAME", help="Column with the quality of an answer: a number, higher is better."
    ),
]
CheapOption = Annotated[
    str | None, typer.Option("--cheap", metavar="MODEL", help="The cheap model. Default: found in the log.")
]
StrongOption = Annotated[
    str | None, typer.Option("--strong", metavar="MODEL", help="The strong model. Default: found in the log.")
]
PassMarkOption = Annotated[
    str | None,
    typer.Option("--pass-mark", metavar="X", help="An answer of this quality or more is good, any other is not."),
]
KeepOption = Annotated[
    str, typer.Option("--keep", metavar="PERCENT", help="How much of the strong model's gain the threshold keeps.")
]
HeldOutOption = Annotated[
    str, typer.Option("--held-out", metavar="PERCENT", help="Share of the prompts that training never sees.")
]
SeedOption = Annotated[str, typer.Option("--seed", metavar="N", help="Which prompts are held out.")]
InputFormatOption = Annotated[
    str, typer.Option("--input-format", metavar="NAME", help="Name of the log format; auto recognises each record.")
]
PricesOption = Annotated[
    list[Path] | None, typer.Option("--prices", metavar="FILE", help="Prices of your own (JSON); they win.")
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Price calls without a timestamp as of this day.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit 1 when the score is not better than a random router for certain.")
]


def asked(cheap: str | None, strong: str | None, keep: str, held_out: str, seed: str) -> RouterAsked:
    """Return how to train and evaluate, from what was typed.

    Raises:
        UsageError: a value makes no sense.
    """
    from llmopt.savings.routing_result import RouterAsked  # reading logs is dear to load

    if cheap is not None and strong is not None and cheap.lower() == strong.lower():
        raise UsageError(f"--cheap and --strong are both {cheap!r}", "name two models")
    kept = values.percentage(keep, "--keep")
    if kept is None or not 0 < kept <= 1:
        raise UsageError(f"--keep {keep!r}: not above 0% and up to 100%", "such as --keep 90%")
    share = values.percentage(held_out, "--held-out")
    if share is None or not 0 < share * 10 <= 8:
        raise UsageError(f"--held-out {held_out!r}: not above 0% and up to 80%", "such as --held-out 20%")
    return RouterAsked(cheap, strong, float(kept), float(share), values.whole(seed, "--seed") or 0)
