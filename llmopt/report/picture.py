"""The main chart of a report as a picture: SVG by ourselves, PNG with the extra `charts`."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Literal, get_args

from llmopt.errors import MissingExtraError, UsageError
from llmopt.report.svg import standalone
from llmopt.report.table import Report

Picture = Literal["svg", "png"]
PICTURES: tuple[Picture, ...] = get_args(Picture)


def check_picture(format: Picture) -> None:
    """Find out whether such a picture can be made here, before the work that it is to show.

    Raises:
        MissingExtraError: what makes it is not installed.
    """
    if format == "png":
        _png()


def picture(report: Report, format: Picture) -> bytes:
    """Return the main chart of a report as a file.

    Raises:
        UsageError: it has no chart.
        MissingExtraError: what makes the picture is not installed.
    """
    if not report.drawn:
        raise UsageError("there is nothing to draw in this report", "choose another --format, such as html or table")
    chart = report.drawn[0]
    if format == "svg":
        return standalone(chart).encode()
    drawn: bytes = _png().png(chart)
    return drawn


def _png() -> ModuleType:
    try:
        return import_module("llmopt.report.png")
    except ModuleNotFoundError as error:
        if error.name != "vl_convert":
            raise
        raise MissingExtraError("vl-convert-python", "charts") from error
