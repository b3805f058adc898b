"""`llmopt distill`: a small model that answers as a big one, and both side by side on texts that it has not seen."""

from __future__ import annotations

from typing import Annotated

import typer

from llmopt.cli.distill_asked import Typed, settled
from llmopt.cli.distill_run import run
from llmopt.cli.model_gates import CHECKS, PricePerMonthOption, from_settings
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination
from llmopt.models.distill.config import LOSSES, STUDENT

LEARNED, TRAINING = "What is learned", "How it is trained"


def _option(help: str, *names: str, metavar: str | None = None, panel: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def distill(
    ctx: typer.Context,
    teacher: Annotated[
        str, typer.Argument(metavar="TEACHER", help="Folder of a checkpoint, or its name in the hub's cache.")
    ],
    dst: Annotated[str, typer.Argument(metavar="DST", help="Folder to make; must not exist yet.")],
    data: Annotated[
        str | None,
        _option(
            "Texts to learn from: lines of text, JSONL (with labels or not) or CSV; - is stdin. Required.",
            metavar="FILE",
        ),
    ] = None,
    eval: Annotated[
        str | None,
        _option("Texts for the proof, in no part of the training. Default: some of --data.", metavar="FILE"),
    ] = None,
    student: Annotated[
        str,
        _option(
            "Its beginning: layers of the teacher (layers=3, layers=0,2,5, layers=half), a table of token vectors, "
            "a narrower config.json, or a checkpoint.",
            metavar="layers=N|static|FILE.json|FOLDER",
        ),
    ] = STUDENT,
    loss: Annotated[
        str | None,
        _option(
            "Classes, sentence vectors, or next and missing tokens. Default: by what the teacher is for.",
            metavar="|".join(LOSSES),
            panel=LEARNED,
        ),
    ] = None,
    temperature: Annotated[
        str | None,
        _option("Softens both distributions. Default: 3 for kd, 1 or 2 for lm.", metavar="3", panel=LEARNED),
    ] = None,
    soft_weight: Annotated[
        str,
        _option(
            "Share of the teacher's answers; the rest is of labels (kd) or of the text itself (lm).",
            "--soft-weight",
            metavar="0.9",
            panel=LEARNED,
        ),
    ] = "0.9",
    epochs: Annotated[
        str | None,
        _option(
            "Passes over the texts. Default: 3, or with --max-time as many as there is time for.",
            metavar="N",
            panel=TRAINING,
        ),
    ] = None,
    max_time: Annotated[
        str | None,
        _option("For the teacher's answers and the training together.", "--max-time", metavar="10m", panel=TRAINING),
    ] = None,
    batch_size: Annotated[
        str, _option("Texts of a batch; fewer where they are long.", "--batch-size", metavar="N", panel=TRAINING)
    ] = "64",
    lr: Annotated[
        str | None,
        _option("Highest learning rate. Default: by the kind of student.", metavar="3e-4", panel=TRAINING),
    ] = None,
    seed: Annotated[str, _option("The same seed, the same student.", metavar="N", panel=TRAINING)] = "0",
    device: Annotated[str, _option("Where it runs.", metavar="auto|cpu|cuda[:N]|mps", panel=TRAINING)] = "auto",
    resume: Annotated[
        bool, _option("Go on where a run that was stopped left its checkpoint.", "--resume", panel=TRAINING)
    ] = False,
    min_quality: Annotated[
        str | None,
        _option("Share of the teacher's quality to keep.", "--min-quality", metavar="95%", panel=CHECKS),
    ] = None,
    min_speedup: Annotated[
        str | None, _option("Times faster than the teacher.", "--min-speedup", metavar="2", panel=CHECKS)
    ] = None,
    price_per_month: PricePerMonthOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train a small model to answer like a big one, and prove it.

    The teacher answers the texts once, the student learns from the answers, and both are put side by side on texts that
    it has not seen: quality, parameters, size, speed with its interval, and what it does to the bill. The student is an
    ordinary checkpoint that transformers and the other commands load.

    Example: llmopt distill models/minilm models/small --data texts.txt
    """
    to = destination(format, output, quiet=quiet)
    typed = Typed(
        teacher=teacher,
        dst=dst,
        data=data,
        eval=eval,
        student=student,
        loss=loss,
        temperature=temperature,
        soft_weight=soft_weight,
        epochs=epochs,
        max_time=max_time,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        device=device,
        resume=resume,
        min_quality=min_quality,
        min_speedup=min_speedup,
        price_per_month=price_per_month,
    )
    run(settled(typed, from_settings(ctx)), to, brief=quiet and not verbose)
