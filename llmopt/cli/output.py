"""Put a result where the user wants it: stdout, a file, and the step summary of GitHub Actions."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmopt import __version__
from llmopt.cli.options import SettingFormat
from llmopt.cli.typed import TYPED, command
from llmopt.core.check import Check, failures
from llmopt.errors import InputError, UsageError, next_step
from llmopt.report.about import About
from llmopt.report.as_json import Json
from llmopt.report.picture import PICTURES, Picture, check_picture, picture
from llmopt.report.render import CHECK_FORMATS, FORMATS, SUFFIXES, Format, Screen, format_of, format_of_file, render
from llmopt.report.table import PriceStamp, Report
from llmopt.report.text import clean

STDOUT = Path("-")
"""What `-o` calls stdout."""
_BARE: tuple[Format | Picture, ...] = ("csv", "focus", *PICTURES)
"""Formats without warnings."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the result goes and as what; made before the work starts, so that a typo costs nothing."""

    format: Format | Picture
    path: Path | None
    """None: stdout."""
    quiet: bool = False
    also: tuple[Destination, ...] = ()
    """Where it goes besides."""

    @property
    def all(self) -> tuple[Destination, ...]:
        """This place and the others."""
        return (self, *self.also)

    @property
    def formats(self) -> set[Format | Picture]:
        """Those that are written anywhere."""
        return {place.format for place in self.all}

    @property
    def is_drawn(self) -> bool:
        """Whether charts will be seen anywhere."""
        return not self.formats.isdisjoint(("html", *PICTURES))


def destination(
    format: str | None,
    output: Path | Sequence[Path] | None,
    *,
    quiet: bool = False,
    charts: bool = False,
    formats: Sequence[Format] = (*FORMATS, *CHECK_FORMATS),
) -> Destination:
    """Return where to write: as --format says, else by the suffix of `output`, else by the settings.

    Where several files are named, --format is for stdout and for those whose suffix says nothing.

    Args:
        format: as typed or set.
        output: files; `-` is stdout. None or none: stdout alone.
        quiet: without warnings on stderr.
        charts: whether the report has something to draw.
        formats: those that the command has, pictures apart.

    Raises:
        UsageError: no such format, or the suffix of `output` says nothing and `format` is not given either; a picture
            of what has no chart, or on a terminal.
        InputError: there is no place for `output`.
        MissingExtraError: what makes such a picture is not installed.
    """
    chosen = format_of(format, formats) if format is not None else None
    if isinstance(format, SettingFormat) and chosen in PICTURES and not charts:
        chosen = None  # a setting is for many commands, and only some have something to draw
    paths = [output] if isinstance(output, Path) else list(output or [STDOUT])
    suffix_first = len(paths) > 1 or isinstance(format, SettingFormat)
    first, *others = (_place(path, chosen, formats, suffix_first=suffix_first, quiet=quiet) for path in paths)
    for place in (first, *others):
        if place.format == "svg" or place.format == "png":
            _check_picture(place.format, place.path, charts=charts)
    return replace(first, also=tuple(others))


def _place(
    path: Path, chosen: Format | Picture | None, formats: Sequence[Format], *, suffix_first: bool, quiet: bool
) -> Destination:
    if path == STDOUT:
        return Destination(chosen or "table", None, quiet)
    by_suffix = format_of_file(path)
    format = by_suffix or chosen if suffix_first else chosen or by_suffix
    if format is None:
        known = ", ".join(suffix for suffix, name in SUFFIXES.items() if name in (*formats, *PICTURES))
        raise UsageError(f"{path}: which format? The suffix is none of {known}", "add --format")
    check_place(path)
    return Destination(format_of(format, formats), path, quiet)


def _check_picture(format: Picture, output: Path | None, *, charts: bool) -> None:
    if not charts:
        raise UsageError(f"this report has no chart: {format} is not for it", f"choose one of {', '.join(FORMATS)}")
    if format == "png" and output is None and sys.stdout.isatty():
        raise UsageError("a terminal does not show a PNG", "add -o chart.png")
    check_picture(format)


def check_place(path: Path, flag: str = "-o") -> None:
    """Refuse a file that has no place, before the work that it is to hold.

    Raises:
        InputError: it is a folder, its folder does not exist, or it may not be written.
    """
    reason = ""
    if path.is_dir():
        reason = os.strerror(errno.EISDIR)
    elif not path.parent.is_dir():
        reason = os.strerror(errno.ENOENT)
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        reason = os.strerror(errno.EACCES)
    if reason:
        raise InputError(f"{path}: cannot be written: {reason}", f"name another file with {flag}")


def write(
    report: Report,
    payload: Mapping[str, Json],
    to: Destination,
    checks: Sequence[Check] = (),
    *,
    prices: Sequence[Path] | None = None,
) -> None:
    """Write one result, and append it to the step summary where GitHub Actions keeps one.

    Warnings that no result on stdout carries are repeated on stderr; not those that a failed check, which gets a line
    there anyway, says as well.

    Args:
        report: for people.
        payload: for machines.
        to: where it goes.
        checks: what the user asked to hold.
        prices: price files besides those that ship with llmopt; None: the result needs no prices, or names them itself.

    Raises:
        InputError: a file, or stdout, cannot be written.
    """
    report = replace(report, checks=tuple(checks)) if checks else report
    if prices is not None and any(place.format == "html" for place in to.all):
        report = replace(report, prices=_stamp(prices))
    for place in to.all:
        _put(report, payload, place)
    if not to.quiet:
        _warn(report, to)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        save(Path(summary), render(report, payload, "markdown") + "\n", append=True)


def _put(report: Report, payload: Mapping[str, Json], place: Destination) -> None:
    if place.format == "svg" or place.format == "png":
        _put_picture(picture(report, place.format), place.path)
    elif place.path is None:
        to_stdout(render(report, payload, place.format, screen(), about()))
    else:
        save(place.path, render(report, payload, place.format, about=about()))


def _warn(report: Report, to: Destination) -> None:
    """Say on stderr what nobody sees on stdout."""
    if "junit" in to.formats and not report.checks:
        sys.stderr.write("llmopt: warning: no check was asked for, so the JUnit report holds none\n")
    if any(place.path is None and place.format not in _BARE for place in to.all):
        return
    said = "\n".join(failures(report.checks)).casefold()
    for warning in (warning for warning in report.warnings if warning.rstrip(".").casefold() not in said):
        sys.stderr.write(f"llmopt: warning: {clean(warning)}\n")


def about() -> About:
    """Return what is told of this run below a page."""
    return About(__version__, platform.python_version(), command(TYPED.get()))


def _stamp(prices: Sequence[Path]) -> PriceStamp:
    """Return which prices there were, for the foot of a page."""
    from llmopt.cost.pricing.table import PriceTable  # a tenth of a second, which only pages wait for

    table = PriceTable.load(extra=prices)
    return PriceStamp(table.date, table.sha256)


def _put_picture(drawn: bytes, path: Path | None) -> None:
    if path is None:
        to_stdout(drawn)
    else:
        save(path, drawn)


def to_stdout(text: str | bytes) -> None:
    """Write a text, or the bytes of a picture, to stdout.

    Raises:
        InputError: it cannot be written.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"stdout cannot be written: {error.strerror}", next_step(error)) from error


def save(path: Path, text: str | bytes, *, append: bool = False) -> None:
    """Write a text, or the bytes of a picture, to a file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        if isinstance(text, bytes):
            path.write_bytes(text)
            return
        with path.open("a" if append else "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", "name another file with -o") from error


def screen() -> Screen | None:
    """Return the terminal on stdout; None for a pipe or a file."""
    if not sys.stdout.isatty():
        return None
    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    boxes = "utf" in (sys.stdout.encoding or "").lower()
    return Screen(shutil.get_terminal_size().columns, color=color, boxes=boxes)
