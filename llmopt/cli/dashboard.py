"""`llmopt dashboard`: files that make Prometheus and Grafana tell what a gateway spends and saves."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli.options import QuietOption, VerboseOption
from llmopt.cli.output import save, to_stdout
from llmopt.errors import InputError, UsageError
from llmopt.report.text import clean
from llmopt.serving.gateway.dashboards import grafana as for_grafana
from llmopt.serving.gateway.dashboards import prometheus as for_prometheus

app = typer.Typer(
    name="dashboard",
    help="Write rules for Prometheus, and a dashboard for Grafana.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
FolderOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Folder for the files; made if missing. Default: stdout."),
]
_TARGET = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_LARGEST_PORT = 65_535


@app.command()
def prometheus(
    target: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The gateway, for the configuration that -o writes as well.")
    ] = "127.0.0.1:8080",
    output: FolderOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write recording rules and alerts for Prometheus.

    Hourly spend, projected month, latency, hit rate, errors. With -o comes a whole configuration that scrapes one
    gateway.

    Example: llmopt dashboard prometheus -o monitoring
    """
    match = _TARGET.fullmatch(target)
    if match is None or not 0 < int(match[2]) <= _LARGEST_PORT:
        raise UsageError(f"--target {target!r}: not HOST:PORT", "such as 127.0.0.1:8080")
    files = {
        for_prometheus.RULES_FILE: for_prometheus.rules_text(),
        for_prometheus.CONFIG_FILE: for_prometheus.config_text(target),
    }
    _put(files, for_prometheus.RULES_FILE, output, quiet=quiet)


@app.command()
def grafana(
    output: FolderOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write a dashboard for Grafana, which reads those rules.

    Example: llmopt dashboard grafana -o monitoring
    """
    files = {for_grafana.DASHBOARD_FILE: for_grafana.dashboard_text()}
    _put(files, for_grafana.DASHBOARD_FILE, output, quiet=quiet)


def _put(files: Mapping[str, str], first: str, folder: Path | None, *, quiet: bool) -> None:
    """Write files into a folder and say so, or the one that matters to stdout."""
    if folder is None:
        to_stdout(files[first])
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}", "name another folder with -o") from error
    for name, text in files.items():
        save(folder / name, text)
        if not quiet:
            sys.stderr.write(f"llmopt: wrote {clean(str(folder / name))}\n")
