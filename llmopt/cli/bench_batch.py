"""`llmopt bench-batch`: measure a model at many batch sizes, and say how to batch it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli.bench_batch_asked import Typed, settled
from llmopt.cli.bench_batch_run import bench
from llmopt.cli.model_options import (
    MODEL,
    AttentionOption,
    CompileOption,
    DtypeOption,
    NewTokensOption,
    TargetArgument,
    TaskOption,
    TrustRemoteCodeOption,
)
from llmopt.cli.options import ChartFormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination

GRID, TRAFFIC, RUN, CHECKS, SERVER = (
    "What is measured",
    "What is asked of it",
    "How long and how well",
    "Checks (exit 1 where one does not hold)",
    "A server",
)


def _option(help: str, *names: str, metavar: str | None = None, panel: str = GRID) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def bench_batch(
    ctx: typer.Context,
    target: Annotated[str | None, TargetArgument] = None,
    url: Annotated[
        str | None, _option("An OpenAI-compatible server in place of a model.", metavar="URL", panel=SERVER)
    ] = None,
    model: Annotated[
        str | None, _option("With --url: the model to ask. Default: the only one.", metavar="NAME", panel=SERVER)
    ] = None,
    api_key_env: Annotated[
        str | None, _option("With --url: variable that holds the key.", "--api-key-env", metavar="NAME", panel=SERVER)
    ] = None,
    batch_sizes: Annotated[
        str, _option("Requests in a batch; auto doubles as long as throughput grows.", metavar="1,2,4|auto")
    ] = "auto",
    seq_len: Annotated[str | None, _option("Tokens of a request. Default: 128.", "--seq-len", metavar="32,128")] = None,
    lengths: Annotated[
        Path | None, _option("A log (as of llmopt cost) whose requests are as long as yours will be.", metavar="LOG")
    ] = None,
    inputs: Annotated[
        Path | None, _option("Requests for a function: JSON lines or lines of text.", metavar="FILE")
    ] = None,
    device: Annotated[str, _option("Where it runs.", metavar="auto|cpu|cuda[:N][,...]", panel=MODEL)] = "auto",
    ray: Annotated[
        str | None,
        _option(
            "Deal the shapes to the GPUs (or hosts) of a Ray cluster; local starts one here.",
            metavar="auto|local|HOST:PORT",
            panel=MODEL,
        ),
    ] = None,
    dtype: DtypeOption = None,
    attention: AttentionOption = None,
    compile: CompileOption = False,
    task: TaskOption = None,
    new_tokens: NewTokensOption = None,
    trust_remote_code: TrustRemoteCodeOption = False,
    slo_p99: Annotated[
        str | None, _option("What the p99 may be, from arrival to answer.", "--slo-p99", metavar="250ms", panel=CHECKS)
    ] = None,
    rate: Annotated[
        str | None,
        _option(
            "Your rate of requests: for devices and dollars; with --url the rates to hold.",
            metavar="100/s",
            panel=TRAFFIC,
        ),
    ] = None,
    arrivals: Annotated[
        Path | None, _option("A log whose requests come as yours will.", metavar="LOG", panel=TRAFFIC)
    ] = None,
    price_per_hour: Annotated[
        str | None, _option("Dollars for one device.", "--price-per-hour", metavar="2.5", panel=TRAFFIC)
    ] = None,
    verify: Annotated[bool, _option("Run the recommendation, and show what came true.", "--verify", panel=RUN)] = False,
    min_samples: Annotated[
        str, _option("Batches of each shape at least.", "--min-samples", metavar="N", panel=RUN)
    ] = "30",
    max_time: Annotated[
        str, _option("For the whole run, loading and verifying included.", "--max-time", metavar="60s", panel=RUN)
    ] = "60s",
    ci: Annotated[
        str, _option("Throughput is known well enough within this share.", metavar="0.02", panel=RUN)
    ] = "0.02",
    baseline: Annotated[
        Path | None, _option("JSON report of an earlier run to compare with.", metavar="FILE", panel=CHECKS)
    ] = None,
    fail_on_regression: Annotated[
        str | None,
        _option(
            "Fail where it is slower than the baseline by more.", "--fail-on-regression", metavar="5%", panel=CHECKS
        ),
    ] = None,
    resume: Annotated[
        Path | None, _option("Keep raw samples there; a run that was stopped goes on.", metavar="FILE", panel=RUN)
    ] = None,
    allow_noisy: Annotated[
        bool, _option("Do not fail because other work ran on the machine.", "--allow-noisy", panel=CHECKS)
    ] = False,
    save_config: Annotated[
        Path | None,
        _option("Write the recommendation for llmopt serve --config.", "--save-config", metavar="FILE", panel=RUN),
    ] = None,
    format: ChartFormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Measure a model at many batch sizes, and say how to batch it.

    Throughput and latency of each size, the setting that carries the most requests in time, its price, and with
    --verify what came true of it.

    Example: llmopt bench-batch models/minilm --slo-p99 250ms --verify
    """
    started_s = time.monotonic()
    to = destination(format, output, quiet=quiet, charts=True)
    typed = Typed(
        target=target,
        url=url,
        model=model,
        api_key_env=api_key_env,
        batch_sizes=batch_sizes,
        seq_len=seq_len,
        lengths=lengths,
        inputs=inputs,
        device=device,
        ray=ray,
        dtype=dtype,
        attention=attention,
        compile=compile,
        task=task,
        new_tokens=new_tokens,
        trust_remote_code=trust_remote_code,
        slo_p99=slo_p99,
        rate=rate,
        arrivals=arrivals,
        price_per_hour=price_per_hour,
        verify=verify,
        min_samples=min_samples,
        max_time=max_time,
        ci=ci,
        baseline=baseline,
        fail_on_regression=fail_on_regression,
        resume=resume,
        allow_noisy=allow_noisy,
        save_config=save_config,
    )
    names = [name for name in ctx.params if _is_setting(ctx, name)]
    bench(settled(typed, names), to, started_s=started_s, brief=quiet and not verbose)


def _is_setting(ctx: typer.Context, name: str) -> bool:
    """Whether an option comes from a file of settings or a variable, and not from the command line."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"
