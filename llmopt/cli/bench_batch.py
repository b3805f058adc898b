"""`llmopt bench-batch`: measure a model at many batch sizes, and say how to batch it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli.bench_batch_asked import Typed
from llmopt.cli.bench_batch_run import bench
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination

MODEL, GRID, TRAFFIC, RUN, CHECKS, SERVER = (
    "The model",
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
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL|MODULE:CALLABLE",
            help="Folder of a checkpoint, its name in the hub's cache, or a Python function from a list to a list.",
        ),
    ] = None,
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
        str, _option("Requests in a batch; auto doubles while it helps.", metavar="1,2,4|auto")
    ] = "auto",
    seq_len: Annotated[str | None, _option("Tokens of a request. Default: 128.", "--seq-len", metavar="32,128")] = None,
    lengths: Annotated[
        Path | None, _option("A log (as of llmopt cost) whose requests have the lengths to expect.", metavar="LOG")
    ] = None,
    inputs: Annotated[
        Path | None, _option("Requests for a function: JSON lines or lines of text.", metavar="FILE")
    ] = None,
    device: Annotated[str, _option("Where it runs.", metavar="auto|cpu|cuda[:N][,...]", panel=MODEL)] = "auto",
    dtype: Annotated[str | None, _option("Such as float32, float16 or bfloat16.", metavar="NAME", panel=MODEL)] = None,
    attention: Annotated[str | None, _option("Such as sdpa, eager.", metavar="NAME", panel=MODEL)] = None,
    compile: Annotated[bool, _option("Run it through torch.compile.", "--compile", panel=MODEL)] = False,
    task: Annotated[
        str | None,
        _option("What it is for. Default: as its config says.", metavar="embed|classify|generate", panel=MODEL),
    ] = None,
    new_tokens: Annotated[
        str | None, _option("Tokens that each request generates.", "--new-tokens", metavar="N", panel=MODEL)
    ] = None,
    trust_remote_code: Annotated[
        bool, _option("Run Python files of the checkpoint.", "--trust-remote-code", panel=MODEL)
    ] = False,
    slo_p99: Annotated[
        str | None, _option("Bound of the p99, from arrival to answer.", "--slo-p99", metavar="250ms", panel=CHECKS)
    ] = None,
    rate: Annotated[str | None, _option("Your own rate of requests.", metavar="100/s", panel=TRAFFIC)] = None,
    arrivals: Annotated[
        Path | None, _option("A log whose requests come as is to be expected.", metavar="LOG", panel=TRAFFIC)
    ] = None,
    price_per_hour: Annotated[
        str | None, _option("Dollars for the device.", "--price-per-hour", metavar="2.5", panel=TRAFFIC)
    ] = None,
    verify: Annotated[
        bool, _option("Run the recommendation open loop; predicted beside measured.", "--verify", panel=RUN)
    ] = False,
    min_samples: Annotated[
        str, _option("Batches of each shape at least.", "--min-samples", metavar="N", panel=RUN)
    ] = "30",
    max_time: Annotated[str, _option("For the whole run.", "--max-time", metavar="60s", panel=RUN)] = "60s",
    ci: Annotated[
        str, _option("Half of the throughput's interval that is narrow enough.", metavar="0.02", panel=RUN)
    ] = "0.02",
    baseline: Annotated[
        Path | None, _option("JSON report of an earlier run to compare with.", metavar="FILE", panel=CHECKS)
    ] = None,
    fail_on_regression: Annotated[
        str | None, _option("Slow-down against it.", "--fail-on-regression", metavar="5%", panel=CHECKS)
    ] = None,
    resume: Annotated[
        Path | None, _option("Keep raw samples there; a run that was stopped goes on.", metavar="FILE", panel=RUN)
    ] = None,
    allow_noisy: Annotated[
        bool, _option("Let a machine pass that was not quiet.", "--allow-noisy", panel=CHECKS)
    ] = False,
    save_config: Annotated[
        Path | None, _option("Write the recommendation for llmopt serve.", "--save-config", metavar="FILE")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Measure a model at many batch sizes, and say how to batch it.

    Throughput and latency of each size, the setting that carries the most requests in time, its price, and with
    --verify what came true of it.
    """
    started_s = time.monotonic()
    to = destination(format, output, quiet=quiet)
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
    bench(typed, to, started_s=started_s, brief=quiet and not verbose)
