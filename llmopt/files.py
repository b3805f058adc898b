"""Find the files behind the paths a user gives, and open each unpacked.

How a file is packed is told by its first bytes, not by its name. Standard input and pipes are copied to a file, so that
they can be read twice.
"""

from __future__ import annotations

import glob
import gzip
import io
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from llmopt.errors import InputError, next_step

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["none", "gzip", "zstd"]
PACKED = (".gz", ".zst", ".gzip", ".zstd")
"""Endings of packed files."""
_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_ENDLESS = {"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
_READ_BYTES = 64 * 2**10
STDIN = "<stdin>"
"""What standard input is called."""
DAMAGE = (EOFError, OSError, zlib.error, zstd.ZstdError)
"""What reading a damaged compressed file raises."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file behind a path that a user gave."""

    path: str
    """Where to read it: the file itself, or a copy of what can be read only once."""
    shown: str
    """What to call it."""


def expand(path: str, spool: Path, inside: Callable[[str], list[str]]) -> list[Found]:
    """Return the files behind one path: a file, a directory, a quoted glob, a pipe, or `-` for standard input.

    Args:
        path: as the user wrote it.
        spool: a directory for copies of what can be read only once.
        inside: lists the files wanted of a directory, sorted.

    Raises:
        InputError: there is no such file, none matches, or it cannot be read.
    """
    if path == "-":
        return [Found(_spooled_input(spool), STDIN)]
    if os.path.isdir(path):
        return [Found(name, name) for name in inside(path)]
    if not os.path.exists(path) and glob.has_magic(path):
        names = sorted(name for name in glob.glob(path, recursive=True) if os.path.isfile(name))
        if not names:
            raise InputError(f"no file matches {path}", "check the pattern; ** goes into folders")
        return [Found(name, name) for name in names]
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file or directory", "check the name; a pattern goes in quotes")
    return [Found(path if os.path.isfile(path) else _spooled_pipe(path, spool), path)]


def files_in(
    directory: str, wanted: Callable[[str], bool], unlisted: Callable[[OSError], None] | None = None
) -> list[str]:
    """Return the files of a directory and those below it, sorted; nothing hidden, and only names that are wanted.

    Args:
        directory: where to look.
        wanted: tells by the name of a file.
        unlisted: told of each folder that cannot be listed; None: the first one is an error.

    Raises:
        InputError: a folder cannot be listed, and nobody is to be told.
    """
    names: list[str] = []
    for folder, folders, files in os.walk(directory, onerror=unlisted or _unlisted):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found = [os.path.join(folder, name) for name in sorted(files) if not name.startswith(".") and wanted(name)]
        names += [name for name in found if os.path.isfile(name)]
    return names


def _unlisted(error: OSError) -> None:
    """Stop at a folder that cannot be listed; leaving it out would lose what is in it."""
    raise InputError(f"{error.filename}: cannot be listed: {error.strerror}", next_step(error)) from error


def unpacked_name(name: str) -> str:
    """Return the name of a file in lower case, without the endings of packed files."""
    lower = name.lower()
    for packed in PACKED:
        lower = lower.removesuffix(packed)
    return lower


def ends_with(name: str, suffixes: Sequence[str]) -> bool:
    """Return whether a file, unpacked, has one of these endings."""
    return unpacked_name(name).endswith(tuple(suffixes))


def compression_of(path: str) -> Compression:
    """Return how a file is packed, by its first bytes.

    Raises:
        InputError: when it cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", next_step(error)) from error
    return packed_as(magic)


def packed_as(magic: bytes) -> Compression:
    """Return how a file that begins with these bytes is packed."""
    return next((packed for start, packed in _MAGIC.items() if magic.startswith(start)), "none")


def open_unpacked(file: str | io.RawIOBase, compression: Compression) -> IO[bytes]:
    """Open a file, unpacked: that at a path, or one that is open already. Reading may raise one of `DAMAGE`."""
    if compression == "none":
        return open(file, "rb") if isinstance(file, str) else io.BufferedReader(file, _READ_BYTES)
    unpack = gzip.open if compression == "gzip" else zstd.open
    return io.BufferedReader(unpack(file, "rb"))


def _spooled_input(spool: Path) -> str:
    """Copy standard input to a file, once."""
    target = spool / "stdin"
    if not target.exists():
        if sys.stdin is None:
            raise InputError("standard input is closed", "pipe something in, or name a file in place of -")
        with target.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    return str(target)


def _spooled_pipe(path: str, spool: Path) -> str:
    """Copy a named pipe, or what a shell puts in place of `<(command)`, to a file."""
    if os.path.realpath(path) in _ENDLESS:
        raise InputError(f"{path}: a device that never ends", "give a file, or - for stdin")
    target = spool / f"pipe-{len(list(spool.iterdir()))}"
    try:
        with open(path, "rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", next_step(error)) from error
    return str(target)
