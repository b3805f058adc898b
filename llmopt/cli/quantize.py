"""`llmopt quantize`: a smaller checkpoint, or a faster model on a CPU, and what that did to its answers."""

from __future__ import annotations

from typing import Annotated

import typer

from llmopt.cli.model_gates import CHECKS, DataOption, MaxQualityDropOption, PricePerMonthOption, from_settings
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination
from llmopt.cli.quantize_asked import Typed, settled
from llmopt.cli.quantize_run import run
from llmopt.models.quantizing.config import SCHEMES, TARGETS

SPEED, RUN = "Measuring speed (--target cpu)", "How it runs"


def _option(help: str, *names: str, metavar: str | None = None, panel: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def quantize(
    ctx: typer.Context,
    src: Annotated[str, typer.Argument(metavar="SRC", help="Folder of a checkpoint, or one .safetensors file.")],
    dst: Annotated[str, typer.Argument(metavar="DST", help="Folder to make; must not exist yet.")],
    scheme: Annotated[
        str,
        _option(
            "Numbers to compute in; auto: on a CPU the fastest within the gate, elsewhere w8a8.",
            metavar="|".join(SCHEMES),
        ),
    ] = "auto",
    target: Annotated[str, _option("What will load it.", metavar="|".join(TARGETS))] = "transformers",
    group_size: Annotated[
        str, _option("Columns that share a scale (w4a16, w8a16).", "--group-size", metavar="N")
    ] = "128",
    skip: Annotated[
        list[str] | None,
        _option("Tensors to leave as they are: a pattern such as *.mlp.*, or re:REGEX; repeats.", metavar="PATTERN"),
    ] = None,
    data: DataOption = None,
    max_quality_drop: MaxQualityDropOption = None,
    min_speedup: Annotated[
        str | None,
        _option(
            "Times faster than the strongest FP32 measured (--target cpu).",
            "--min-speedup",
            metavar="1.5",
            panel=CHECKS,
        ),
    ] = None,
    price_per_month: PricePerMonthOption = None,
    batch_size: Annotated[str, _option("Requests of a batch.", "--batch-size", metavar="N", panel=SPEED)] = "8",
    seq_len: Annotated[str, _option("Tokens of each.", "--seq-len", metavar="N", panel=SPEED)] = "128",
    jobs: Annotated[str | None, _option("Threads. Default: as many as there are CPUs.", metavar="N", panel=RUN)] = None,
    max_memory: Annotated[
        str,
        _option(
            "Of the whole process, libraries included, while files are streamed.",
            "--max-memory",
            metavar="512MB",
            panel=RUN,
        ),
    ] = "512MB",
    resume: Annotated[bool, _option("Go on where a run that was killed stopped.", "--resume", panel=RUN)] = False,
    trust_pickle: Annotated[
        bool, _option("Take the tensors of a pickle that you know to be good.", "--trust-pickle", panel=RUN)
    ] = False,
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Make a model smaller or faster, and say what that costs.

    Streams a checkpoint into one that transformers or vLLM load; with --target cpu, searches the fastest way to run the
    model here. Tells sizes, the error of each layer, and on your own texts the quality that is lost; for a CPU also the
    speed-up against the strongest FP32, and what it does to the bill.

    Example: llmopt quantize models/llama models/llama-w4a16 --scheme w4a16
    """
    to = destination(format, output, quiet=quiet, charts=True)
    typed = Typed(
        src=src,
        dst=dst,
        scheme=scheme,
        target=target,
        group_size=group_size,
        skip=tuple(skip or ()),
        data=data,
        max_quality_drop=max_quality_drop,
        min_speedup=min_speedup,
        price_per_month=price_per_month,
        batch_size=batch_size,
        seq_len=seq_len,
        jobs=jobs,
        max_memory=max_memory,
        resume=resume,
        trust_pickle=trust_pickle,
    )
    run(settled(typed, from_settings(ctx)), to, brief=quiet and not verbose)
