"""`llmopt inspect`: what is in a checkpoint, and what a scheme would save, from its headers only."""

from __future__ import annotations

from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.models.stored.inspect import inspect as look
from llmopt.report.inspect_view import payload, view

TARGETS = ("transformers", "vllm")


def inspect(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CKPT",
            help="A folder, a file of weights, an index, or a name in the hub's local cache.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str, typer.Option("--target", metavar="|".join(TARGETS), help="What is to load the smaller checkpoint.")
    ] = "transformers",
    group_size: Annotated[
        str, typer.Option("--group-size", metavar="N", help="Columns that share a scale in w8a16 and w4a16.")
    ] = "128",
    skip: Annotated[
        list[str],
        typer.Option("--skip", metavar="PATTERN", help="Tensors and modules that are to stay; may be given again."),
    ] = [],  # noqa: B006
    tensors: Annotated[bool, typer.Option("--tensors", help="List all tensors, not the largest alone.")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Look into a checkpoint: tensors, sizes, possible savings.

    Only headers are read: nothing is loaded, and nothing in it is run, pickles neither.

    Example: llmopt inspect models/minilm
    """
    to = destination(format, output, quiet=quiet)
    values.choice(target, "--target", TARGETS)
    columns = values.whole(group_size, "--group-size", least=1) or 1
    found = look(checkpoint, target=target, group_size=columns, skip=tuple(skip))
    write(view(found, every=tensors, brief=quiet), payload(found), to)
