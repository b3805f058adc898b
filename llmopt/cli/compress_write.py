"""Put compressed texts where they go: stdout as they are, over their files, or below another folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from llmopt.cli.output import screen
from llmopt.errors import InputError, next_step
from llmopt.files import PACKED, Compression
from llmopt.prompts.files.reading import packed
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.files.writing import replace_file
from llmopt.report.compress_diff import diff_lines, diff_text
from llmopt.report.text import clean


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
        raise InputError(f"stdout cannot be written: {error.strerror}", next_step(error)) from error


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
        raise InputError(f"{source.shown}: no regular file, cannot be written in place", "write elsewhere with -o")
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


def _packing(target: Path) -> Compression:
    if target.suffix.lower() not in PACKED:
        return "none"
    return "gzip" if target.suffix.lower() in (".gz", ".gzip") else "zstd"
