"""Options that commands share, and readers of the values that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from llmopt.report.picture import PICTURES
from llmopt.report.render import CHECK_FORMATS, COST_FORMATS, FORMATS


def _set_verbose(ctx: typer.Context, value: bool) -> bool:
    """Remember -v where `main` looks when a bug surfaces."""
    state: Any = ctx.find_root().obj
    if value and isinstance(state, dict):
        state["verbose"] = True
    return value


class SettingFormat(str):
    """A format that comes from the settings and not from the command line; the suffix of -o goes before it."""

    __slots__ = ()


def _mark_setting(ctx: typer.Context, value: str | None) -> str | None:
    source = ctx.get_parameter_source("format")
    return SettingFormat(value) if value and source is not None and source.name == "DEFAULT_MAP" else value


FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        callback=_mark_setting,
        metavar="|".join((*FORMATS, *CHECK_FORMATS)),
        help="Output format. Default: by the suffix of -o, else table.",
    ),
]
"""`format: FormatOption = None`; `llmopt.cli.output.write` makes sense of it."""
ChartFormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        callback=_mark_setting,
        metavar="|".join((*FORMATS, *PICTURES, *CHECK_FORMATS)),
        help="Output format; svg and png are the main chart. Default: by the suffix of -o, else table.",
    ),
]
"""The same for commands whose report has a chart."""
CostFormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        callback=_mark_setting,
        metavar="|".join((*FORMATS, *PICTURES, *CHECK_FORMATS, *COST_FORMATS)),
        help="Output format; svg and png are the main chart. Default: by the suffix of -o, else table.",
    ),
]
"""The same for `llmopt cost`, which has FOCUS besides."""
OutputOption = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write there instead of to stdout (-); may be repeated."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result: no progress, no background.")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", callback=_set_verbose, help="More background; a traceback for a bug.")
]
