"""`llmopt bench`: models in turn on one machine, and what one gains and loses against another."""

from __future__ import annotations

from typing import Annotated

import typer

from llmopt.cli.bench_models_asked import Typed, settled
from llmopt.cli.bench_models_run import run
from llmopt.cli.model_gates import CHECKS, DataOption, MaxQualityDropOption, PricePerMonthOption, from_settings
from llmopt.cli.model_options import (
    MODEL,
    AttentionOption,
    CompileOption,
    DtypeOption,
    NewTokensOption,
    TaskOption,
    TrustRemoteCodeOption,
)
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination

RUN = "How long and how well"


def _option(help: str, *names: str, metavar: str | None = None, panel: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def bench(
    ctx: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Folders of checkpoints (results of llmopt quantize too), names in the hub's cache, module:function.",
        ),
    ],
    data: DataOption = None,
    against: Annotated[
        str | None, _option("What the others are compared with. Default: the first.", metavar="BASE")
    ] = None,
    batch_size: Annotated[
        str, _option("Requests of a batch; several sizes are measured each.", "--batch-size", metavar="8")
    ] = "8",
    seq_len: Annotated[
        str | None,
        _option("Tokens of a request. Default: as long as those of --data, else 128.", "--seq-len", metavar="128"),
    ] = None,
    device: Annotated[str, _option("Where they run.", metavar="auto|cpu|cuda[:N]", panel=MODEL)] = "auto",
    dtype: DtypeOption = None,
    attention: AttentionOption = None,
    compile: CompileOption = False,
    task: TaskOption = None,
    new_tokens: NewTokensOption = None,
    trust_remote_code: TrustRemoteCodeOption = False,
    max_quality_drop: MaxQualityDropOption = None,
    min_speedup: Annotated[
        str | None, _option("Times faster than the base.", "--min-speedup", metavar="1.5", panel=CHECKS)
    ] = None,
    allow_noisy: Annotated[
        bool, _option("Do not fail because other work ran on the machine.", "--allow-noisy", panel=CHECKS)
    ] = False,
    price_per_month: PricePerMonthOption = None,
    min_rounds: Annotated[
        str, _option("Rounds in which each model has its turn, at least.", "--min-rounds", metavar="N", panel=RUN)
    ] = "30",
    max_time: Annotated[
        str,
        _option("For the rounds; loading and quality are not counted.", "--max-time", metavar="120s", panel=RUN),
    ] = "120s",
    ci: Annotated[
        str, _option("A speed-up is known well enough within this share.", metavar="0.02", panel=RUN)
    ] = "0.02",
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare models in turn: speed, memory, answers, dollars.

    Latency, throughput, memory and size of each; the speed-up with its interval; on your own texts how close the
    answers are; and what the speed-up does to the bill.

    Example: llmopt bench models/minilm models/fast --data texts.txt
    """
    to = destination(format, output, quiet=quiet, charts=True)
    typed = Typed(
        models=tuple(models),
        data=data,
        against=against,
        batch_size=batch_size,
        seq_len=seq_len,
        device=device,
        dtype=dtype,
        attention=attention,
        compile=compile,
        task=task,
        new_tokens=new_tokens,
        trust_remote_code=trust_remote_code,
        min_speedup=min_speedup,
        max_quality_drop=max_quality_drop,
        price_per_month=price_per_month,
        min_rounds=min_rounds,
        max_time=max_time,
        ci=ci,
        allow_noisy=allow_noisy,
    )
    run(settled(typed, from_settings(ctx)), to, brief=quiet and not verbose)
