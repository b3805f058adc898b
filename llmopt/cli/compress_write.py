"""Put compressed texts where they go: stdout as they are, over their files, or below another folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from llmopt.cli.output import screen
from llmopt.errors import InputError, UsageError
from llmopt.files import PACKED, STDIN, Compression
from llmopt.prompts.files.reading import packed
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.files.writing import replace_file
from llmopt.report.compress_diff import diff_lines, diff_text
from llmopt.report.text import clean
from llmopt.tokens.counting.values import Job


def put_text(data: bytes) -> None:
    """Write bytes to stdout as they are; on a terminal without what it would obey, and with a line break at the end.

    Raises:
        InputError: stdout cannot be written.
    """
    try:
        if sys.stdout.isatty():
            lines = data.decode("utf-8", "replace").split("\n")
            text = "\n".join("\t".join(clean(part) for part in line.split("\t")) for line in lines)
            sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"stdout cannot be written: {error.strerror}") from error


def put_diff(files: Sequence[FileResult]) -> None:
    """Write the diff of files to stdout; in colour where that is a terminal."""
    terminal = screen()
    if terminal is None:
        put_text(diff_text(files).encode())
        return
    from llmopt.report import compress_diff_screen as drawn  # rich takes 50 ms to load, and a pipe does not need it

    lines = (line for file in files for line in diff_lines(file))
    sys.stdout.write(drawn.render(lines, terminal.width, color=terminal.color))


def put_in_place(file: FileResult) -> None:
    """Write a text over its file, packed as it was; a file that does not change is not touched.

    Raises:
        InputError: it is no regular file, cannot be written, or was written by somebody else meanwhile.
    """
    source = file.source
    if source.path != source.shown:
        raise InputError(f"{source.shown}: no regular file, cannot be written in place")
    if file.edits:
        data = packed(source.encoded(file.text), source.packing)
        replace_file(Path(source.path), data, stamp=source.stamp)


def put_below(file: FileResult, target: Path) -> None:
    """Write a text to another file, packed if its name says so.

    Raises:
        InputError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target.parent}: cannot be made: {error.strerror}", "name another folder with -o") from error
    replace_file(target, packed(file.source.encoded(file.text), _packing(target)))


def targets(jobs: Sequence[Job], paths: Sequence[str], output: Path) -> dict[str, Path]:
    """Return where the text of each input goes: one to the file, several below the folder, laid out as they are.

    Args:
        jobs: the inputs.
        paths: as the user named them.
        output: the file or folder.

    Raises:
        UsageError: standard input among several, or a text would go over its own input.
    """
    folder = output.is_dir() or str(output).endswith(("/", os.sep))
    if len(jobs) == 1 and not folder and not any(Path(path).is_dir() for path in paths):
        found = {jobs[0].shown: output}
    else:
        base = _base(jobs, paths)
        found = {job.shown: output / os.path.relpath(_named(job), base) for job in jobs}
    for job in jobs:
        if os.path.realpath(found[job.shown]) == os.path.realpath(job.path):
            raise UsageError(f"-o {output} would write over {job.shown}", "--in-place does that, in one step a file")
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


def _packing(target: Path) -> Compression:
    if target.suffix.lower() not in PACKED:
        return "none"
    return "gzip" if target.suffix.lower() in (".gz", ".gzip") else "zstd"
