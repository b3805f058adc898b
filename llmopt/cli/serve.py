"""`llmopt serve`: a model behind HTTP, with requests that come together run together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
from llmopt.cli.options import QuietOption, VerboseOption
from llmopt.cli.serve_run import Asked, run

BATCHES, SERVER, LIMITS = "Batches; flags go before --config", "The server", "Limits of one request"


def _option(help: str, *names: str, metavar: str | None = None, panel: str = MODEL) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)
    return option


def serve(
    model: Annotated[str, TargetArgument],
    name: Annotated[str | None, _option("What clients call it. Default: the folder's name.", metavar="NAME")] = None,
    device: Annotated[str, _option("Where it runs.", metavar="auto|cpu|cuda[:N]")] = "auto",
    dtype: DtypeOption = None,
    attention: AttentionOption = None,
    compile: CompileOption = False,
    task: TaskOption = None,
    new_tokens: NewTokensOption = None,
    trust_remote_code: TrustRemoteCodeOption = False,
    config: Annotated[
        Path | None, _option("TOML that llmopt bench-batch wrote.", metavar="FILE", panel=BATCHES)
    ] = None,
    max_batch_size: Annotated[
        str | None, _option("Inputs in a batch. Default: 32.", "--max-batch-size", metavar="N", panel=BATCHES)
    ] = None,
    max_wait: Annotated[
        str | None,
        _option("How long a free device waits for a batch to fill. Default: 0.", metavar="5ms", panel=BATCHES),
    ] = None,
    max_batch_tokens: Annotated[
        str | None, _option("Padded tokens in a batch. Default: no limit.", metavar="N", panel=BATCHES)
    ] = None,
    max_queue: Annotated[
        str | None, _option("Inputs that may wait; more get 503. Default: 1024.", metavar="N", panel=BATCHES)
    ] = None,
    host: Annotated[str, _option("Address to listen on; there is no password.", metavar="ADDRESS", panel=SERVER)] = (
        "127.0.0.1"
    ),
    port: Annotated[str, _option("0 takes a free one.", metavar="N", panel=SERVER)] = "8000",
    drain: Annotated[
        str, _option("After SIGTERM: time to answer what was taken.", metavar="30s", panel=SERVER)
    ] = "30s",
    timeout: Annotated[str, _option("To answer in; then 504.", metavar="60s", panel=LIMITS)] = "60s",
    max_body: Annotated[str, _option("Bytes of a body; more get 413.", metavar="SIZE", panel=LIMITS)] = "4MiB",
    max_inputs: Annotated[str, _option("Inputs; more get 400.", metavar="N", panel=LIMITS)] = "2048",
    truncate: Annotated[
        bool, _option("Cut inputs that are too long, in place of a 400.", "--truncate", panel=LIMITS)
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Serve a model over HTTP, in batches that fill by themselves.

    POST /predict, /v1/embeddings as OpenAI has it, /metrics for Prometheus, /healthz. SIGTERM ends it when what was
    taken is answered.

    Example: llmopt serve models/minilm --port 8000
    """
    run(
        Asked(
            model=model,
            name=name,
            device=device,
            dtype=dtype,
            attention=attention,
            compile=compile,
            task=task,
            new_tokens=new_tokens,
            trust_remote_code=trust_remote_code,
            config=config,
            max_batch_size=max_batch_size,
            max_wait=max_wait,
            max_batch_tokens=max_batch_tokens,
            max_queue=max_queue,
            host=host,
            port=port,
            drain=drain,
            timeout=timeout,
            max_body=max_body,
            max_inputs=max_inputs,
            truncate=truncate,
        ),
        quiet=quiet,
        verbose=verbose,
    )
