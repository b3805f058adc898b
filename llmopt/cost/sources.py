"""Find the log files behind the paths a user gives, and open each as a stream of lines.

What a file is, is told by its bytes, not by its name: gzip and Zstandard by their magic numbers, Parquet by its
own, JSON by what its first lines parse as. Names only decide which files of a directory are looked at. A file may be an
object of a store; who reads it here need not know.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from llmopt.cost.lake.tables import refuse_remote, snapshots
from llmopt.cost.stores.address import is_url, scheme_of
from llmopt.cost.stores.stored import Ranges, Stored, StoreError
from llmopt.errors import InputError
from llmopt.files import DAMAGE as DAMAGE  # what opening a source may raise belongs to its readers
from llmopt.files import Compression, compression_of, ends_with, expand, files_in, open_unpacked, packed_as

if TYPE_CHECKING:
    from llmopt.cost.stores.listing import Listing

Kind = Literal["lines", "document", "csv", "parquet", "other"]
HEAD_BYTES = 256 * 1024
MAX_LINE_BYTES = 16 * 2**20
"""How far a file is looked into for the end of its first line."""
SAMPLED_LINES = 24
"""Lines looked at from the start of a file; a quarter as many from its middle and its end."""
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".log", ".csv", ".tsv", ".parquet", ".txt")
_NO_LOG = f"logs end in {' '.join(_SUFFIXES)}, also .gz and .zst"


@dataclass(frozen=True, slots=True)
class Source:
    """One log file."""

    path: str
    """Where to read it: the user's file, or a temporary copy in a form that duckdb takes."""
    shown: str
    """What to call it."""
    compression: Compression
    delimiter: str = ""
    """Of a CSV file."""
    trimmed: str = ""
    """A copy for duckdb without lines that are too long for it; empty when there are none."""
    line_map: tuple[int, ...] = ()
    """Line of the shown file that each line of `path` starts at; empty when they are the same lines."""
    stored: Stored | None = None
    """The object of a store that it is; None: a file of this machine."""

    @property
    def size_bytes(self) -> int:
        """Size of the file as it lies on the disk or in its store."""
        return self.stored.size_bytes if self.stored else os.path.getsize(self.path)

    def line_of(self, number: int) -> int:
        """Return the line of the shown file for a 1-based line of `path`."""
        return self.line_map[number - 1] if number <= len(self.line_map) else number


def find_files(paths: Sequence[str | os.PathLike[str]], spool: Path) -> list[Source]:
    """Return the files behind `paths`, each once, in the order given (directories and globs sorted).

    Args:
        paths: files, directories (recursive), quoted globs, pipes, `-` for standard input; URLs of objects, of folders
            (ending in `/`) and globs of them.
        spool: a directory for copies of standard input and pipes; files in it are shown by their bare names.

    Raises:
        InputError: a path that does not exist, a directory or glob that holds no log, a store that cannot be used.
    """
    found: dict[str, Source | Stored] = {}
    folders: dict[str, str] = {}
    copies = str(spool)
    listing: Listing | None = None
    for path in [os.fspath(path) for path in paths]:
        if is_url(path):
            listing = listing or _listing(spool)
            _add_objects(found, listing, path)
            continue
        for file in snapshots(path, expand(path, spool, _logs_in), spool):
            # Links in the spool give the partitions of a table by their own paths.
            real = file.path if file.path.startswith(copies) else _real(file.path, folders)
            shown = Path(file.shown).name if file.shown.startswith(copies) else file.shown
            found.setdefault(real, Source(real, shown, compression_of(real)))
    # The heads of all objects are fetched together, so all must be known before the first is asked for.
    return [_source(one) if isinstance(one, Stored) else one for one in found.values()]


def _real(path: str, folders: dict[str, str]) -> str:
    """Return `os.path.realpath(path)`; `folders` keeps those of folders, which thousands of logs may share."""
    folder, name = os.path.split(path)
    if name in ("", os.curdir, os.pardir) or os.path.islink(path):
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)


def open_bytes(source: Source) -> IO[bytes]:
    """Open a source, unpacked. Reading may raise one of `DAMAGE`."""
    return open_unpacked(Ranges(source.stored) if source.stored else source.path, source.compression)


def end_with_newlines(sources: Sequence[Source]) -> bool:
    """Return whether each file ends with a newline; of a compressed one nobody knows."""
    return all(source.compression == "none" for source in sources) and all(map(_last_byte_is_newline, sources))


def numbered_lines(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield (1-based line, bytes) of every line that is not blank, as duckdb counts them."""
    with open_bytes(source) as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not (number == 1 and line.strip() == b"\xef\xbb\xbf"):
                yield number, line


def without_long_lines(source: Source, longest: int, target: Path) -> Source:
    """Copy a file with every line longer than `longest` bytes emptied to `{}`; duckdb reads the copy.

    The empty records are of no format, so they are read again, from the file itself.
    """
    with open_bytes(source) as file, target.open("wb") as out:
        while line := file.readline(longest + 1):
            if len(line) <= longest:
                out.write(line)
                continue
            out.write(b"{}\n")
            while line and not line.endswith(b"\n"):
                line = file.readline(longest)
    return replace(source, trimmed=str(target))


def head(source: Source, size: int = HEAD_BYTES) -> bytes:
    """Return the first unpacked bytes; what could be read of a damaged file."""
    parts: list[bytes] = []
    try:
        with open_bytes(source) as file:
            while size > 0 and (part := file.read(min(size, 65536))):
                parts.append(part)
                size -= len(part)
    except DAMAGE:
        pass
    return b"".join(parts)


def samples(source: Source, size: int = 65536) -> list[bytes]:
    """Return some whole lines from the start and, of a plain file on this machine, from its middle and end."""
    total = source.size_bytes
    start = head(source, size)
    if b"\n" not in start:
        start = head(source, MAX_LINE_BYTES)
    lines = start.split(b"\n", SAMPLED_LINES)[:SAMPLED_LINES]
    if total <= size and source.compression == "none" and len(lines) < SAMPLED_LINES:
        return lines
    lines = lines[:-1] or lines
    if source.compression == "none" and total > 2 * size and not source.stored:
        with open(source.path, "rb") as file:
            for place in (total // 2, total - size):
                file.seek(place)
                lines += file.read(size).split(b"\n")[1:-1][: SAMPLED_LINES // 4]
    return lines


def _logs_in(directory: str) -> list[str]:
    names = files_in(directory, is_log)
    if not names:
        raise InputError(f"{directory}: no log in this directory", _NO_LOG)
    return names


def is_log(name: str) -> bool:
    """Return whether a file of a folder is taken for a log, by its name."""
    return ends_with(name, _SUFFIXES)


def _listing(spool: Path) -> Listing:
    # Who reads files of this machine need not have the libraries of stores.
    from llmopt.cost.stores.listing import Listing

    return Listing(spool)


def _add_objects(found: dict[str, Source | Stored], listing: Listing, url: str) -> None:
    """Add what is behind a URL, each object once."""
    objects = listing.expand(url, is_log, _NO_LOG)
    refuse_remote(one.url for one in objects)
    for one in objects:
        if isinstance(one, Stored):
            found.setdefault(f"{scheme_of(one.url)}://{one.key}", one)
        else:
            found.setdefault(one.path, Source(one.path, one.url, compression_of(one.path)))


def _source(stored: Stored) -> Source:
    """Look at the first bytes of an object; if it cannot be read, whoever reads it will say so."""
    try:
        start = stored.head()
    except StoreError:
        start = b""
    exact = start.startswith(b"PAR1")
    return Source(stored.path, stored.url, packed_as(start), stored=replace(stored, exact=exact))


def _last_byte_is_newline(source: Source) -> bool:
    size = source.size_bytes
    if source.stored:
        return source.stored.read(size - 1, size) == b"\n"
    with open(source.path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
