"""Options of the commands that open a model: `bench-batch` and `serve`."""

from __future__ import annotations

from typing import Annotated

import typer

MODEL = "The model"
"""Panel of these options in the help."""

TargetArgument = typer.Argument(
    metavar="MODEL|MODULE:CALLABLE",
    help="Folder of a checkpoint, its name in the hub's cache, or a Python function from a list to a list.",
)
DtypeOption = Annotated[
    str | None,
    typer.Option(help="Numbers it computes with, such as float32 or bfloat16.", metavar="NAME", rich_help_panel=MODEL),
]
AttentionOption = Annotated[
    str | None, typer.Option(help="How it attends, such as sdpa or eager.", metavar="NAME", rich_help_panel=MODEL)
]
CompileOption = Annotated[bool, typer.Option("--compile", help="Run it through torch.compile.", rich_help_panel=MODEL)]
TaskOption = Annotated[
    str | None,
    typer.Option(
        help="What it is for. Default: as its config says.", metavar="embed|classify|generate", rich_help_panel=MODEL
    ),
]
NewTokensOption = Annotated[
    str | None,
    typer.Option(
        "--new-tokens", help="Tokens that each request generates. Default: 32.", metavar="N", rich_help_panel=MODEL
    ),
]
TrustRemoteCodeOption = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run Python files of the checkpoint.", rich_help_panel=MODEL),
]
