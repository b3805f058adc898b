"""Where the texts go, and that nothing that is read is written over, nor what was written read again."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from llmopt.cli.compress_asked import Outputs
from llmopt.errors import UsageError
from llmopt.files import STDIN
from llmopt.tokens.counting.values import Job, Skipped


def places_of(
    jobs: Sequence[Job], paths: Sequence[str], to: Outputs, skipped: list[Skipped]
) -> tuple[list[Job], dict[str, Path]]:
    """Return what is to be compressed, and where the text of each goes if that is another file.

    What a run before this one has written below a folder that was named is no input, and is noted.

    Args:
        jobs: the inputs.
        paths: as the user named them.
        to: what goes where.
        skipped: told of what is left out.

    Raises:
        UsageError: something would be written over an input, or over another output.
    """
    reports = [("--audit", to.audit), *(("-o", place.path) for place in to.report.all)]
    written = [path for path in (to.texts, *(path for _, path in reports)) if path is not None]
    kept = []
    for job in jobs:
        if not job.asked and any(_holds(path, job, paths) for path in written):
            skipped.append(Skipped(job.shown, "where this run writes to", asked=False))
        else:
            kept.append(job)
    places = targets(kept, paths, to.texts, is_folder=to.is_folder) if to.texts is not None else {}
    for flag, report in reports:
        if report is not None:
            _refuse(flag, report, kept, places)
    return kept, places


def targets(jobs: Sequence[Job], paths: Sequence[str], output: Path, *, is_folder: bool = False) -> dict[str, Path]:
    """Return where the text of each input goes: one to the file, several below the folder, laid out as they are.

    Args:
        jobs: the inputs.
        paths: as the user named them.
        output: the file or folder.
        is_folder: it is to be a folder, there or not.

    Raises:
        UsageError: standard input among several, or a text would go over its own input.
    """
    if not jobs:
        return {}
    if len(jobs) == 1 and not (is_folder or output.is_dir()) and not any(Path(path).is_dir() for path in paths):
        found = {jobs[0].shown: output}
    else:
        base = _base(jobs, paths)
        found = {job.shown: output / os.path.relpath(_named(job), base) for job in jobs}
    inputs = {name: job.shown for job in jobs for name in _names(job.path)}
    for target in found.values():
        for name in _names(target) & inputs.keys():
            raise UsageError(f"-o {output} would write over {inputs[name]}", "--in-place does that, in one step a file")
    return found


def _holds(written: Path, job: Job, paths: Iterable[str]) -> bool:
    """Return whether a file is what is written, or lies below it where that is within a folder that was named."""
    if _same(written, job.path):
        return True
    place = os.path.realpath(written)
    within = any(_is_below(place, os.path.realpath(path)) for path in paths if Path(path).is_dir())
    return within and _is_below(os.path.realpath(job.path), place)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _refuse(flag: str, report: Path, jobs: Iterable[Job], places: Mapping[str, Path]) -> None:
    for job in jobs:
        if _same(report, job.path):
            raise UsageError(f"{flag} {report} would write over {job.shown}", "name another file")
    for place in places.values():
        if _same(report, place):
            raise UsageError(f"{flag} {report} would write over the text that -o puts there", "name another file")


def _same(one: Path | str, other: Path | str) -> bool:
    return bool(_names(one) & _names(other))


def _names(path: Path | str) -> set[str | tuple[int, int]]:
    """Return what tells a file from others: its name without links, and its inode, which hard links share."""
    found: set[str | tuple[int, int]] = {os.path.realpath(path)}
    with contextlib.suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 - not all are Paths
        if stat.S_ISREG(status.st_mode):
            found.add((status.st_dev, status.st_ino))
    return found


def _named(job: Job) -> str:
    if job.shown == STDIN:
        raise UsageError("standard input has no name in a folder", "give -o a file, or name files alone")
    return os.path.abspath(job.shown)  # noqa: PTH100 - links stay links


def _base(jobs: Sequence[Job], paths: Sequence[str]) -> str:
    """Return the folder that the layout is told from: that which was named, or the deepest that holds all."""
    folders = [os.path.abspath(path) for path in paths if Path(path).is_dir()]  # noqa: PTH100
    files = [os.path.dirname(_named(job)) for job in jobs if job.asked]  # noqa: PTH120
    return os.path.commonpath([*folders, *files])
