"""Watch log files grow: find what is new in them, in whole lines, through rotation, truncation and removal.

Files are known by device and inode, so that a renamed one is the same and a new one under an old name is not. A file is
kept open while it grows: what a writer adds after the rename is read to its end, and its inode is not given to another
file meanwhile. New lines are copied to a file of their own, so that what is read is no more than what was counted on;
a half line waits for its end. What is read again whole (archives, tables, formats whose lines need each other) is told
each time it has changed.
"""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llmopt.cost.follow.file import Edges, Followed, Mode
from llmopt.cost.follow.stream import Stream
from llmopt.cost.lake.tables import refuse_followed
from llmopt.cost.sources import is_log
from llmopt.errors import InputError
from llmopt.files import PACKED, STDIN, files_in

MOST_BYTES = 256 * 2**20
"""Copied at one look; the next look goes on."""
MOST_OPEN = 128
"""Files that are kept open: those that grew last."""
SILENT_LOOKS = 3
"""A file without a name is let go of after it was silent for so many looks."""
_STREAM_BYTES = 64 * 2**20
"""What was taken of standard input is deleted when it is as much as this."""
_SURE_BYTES = 1024
"""A file that begins with as much of another one is a copy of that, as some rotations make it."""
_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """What there is to read of one file."""

    file: Followed
    path: Path
    """A copy of new lines, a copy of all lines, or the file itself: as the mode says."""
    first_line: int = 1
    """Line of the file that the copy begins with."""


@dataclass(slots=True)
class _Look:
    """What one look may still copy, and what it has found."""

    left_bytes: int
    last: bool
    """Half lines are taken too."""
    pieces: list[Piece] = field(default_factory=list)


def check_paths(paths: Sequence[str]) -> None:
    """Refuse what cannot be followed, before anything is made for it.

    Raises:
        InputError: a file or a directory that does not exist, a pipe, or a lake table.
    """
    for path in paths:
        if path == "-" or (glob.has_magic(path) and not Path(path).exists()):
            continue
        if not Path(path).exists():
            raise InputError(f"{path}: no such file or directory", "a quoted glob or a directory may be empty as yet")
        if not (Path(path).is_file() or Path(path).is_dir()):
            raise InputError(f"{path}: not a file or a directory", "pipe it in: COMMAND | llmopt cost - --follow")
        refuse_followed(path, files_in(path, is_log, lambda _: None) if Path(path).is_dir() else ())


class Tail:
    """Follows the files behind paths.

    Args:
        paths: files, directories (recursive), quoted globs, `-`; a directory or a glob may be empty as yet.
        spool: a folder for copies; the caller deletes those of new lines.
        mode_of: tells how a file is to be read, by the file itself or a copy of its lines so far; `undecided` where
            more is needed.
        stream: what `-` stands for.
    """

    def __init__(
        self, paths: Sequence[str], spool: Path, mode_of: Callable[[Path], Mode], stream: Stream | None = None
    ) -> None:
        self._paths, self._spool, self._mode_of, self._stream = paths, spool, mode_of, stream
        self._files: dict[_Key, Followed] = {}
        self._listed: list[str] = []
        self._names: dict[str, None] = {}
        self._open: dict[int, Followed] = {}
        self._past: deque[Edges] = deque(maxlen=MOST_OPEN)
        self._found = self._copies = 0
        self.more = False
        """Whether the last look left something, since it was too much at once."""
        self.notes: dict[str, None] = {}
        """What the user should know, in the order in which it happened."""

    @property
    def shown(self) -> list[str]:
        """The names of all files that were found, as they are listed now, and then those that are gone."""
        followed = {file.shown for file in self._files.values()}
        return list(dict.fromkeys([*(name for name in self._listed if name in followed), *self._names]))

    @property
    def ended(self) -> bool:
        """Whether nothing can come any more: all that is followed is a stream that has ended."""
        return self._stream is not None and self._stream.ended and set(self._paths) == {"-"}

    def poll(self, *, last: bool = False) -> list[Piece]:
        """Return what is new since the last look.

        Args:
            last: there will be no other look, so half lines are taken as they are.
        """
        look = _Look(MOST_BYTES, last)
        self.more = False
        named = dict(self._keys())
        self._listed = [STDIN if name == self._stream_path else name for name in named.values()]
        for key in [key for key in self._files if key not in named]:
            self._nameless(key, look)
        for key, path in named.items():
            file = self._files.get(key) or self._new(key, path)
            if file is not None:
                file.path, file.silent = path, 0
                self._look_at(key, file, look)
        while len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open))).close()
        self._shorten_stream()
        return look.pieces

    def close(self) -> None:
        """Let go of all files."""
        for file in self._files.values():
            file.close()

    @property
    def _stream_path(self) -> str:
        return str(self._spool / "stdin")

    def _keys(self) -> Iterator[tuple[_Key, str]]:
        """Yield (device and inode, path) of each file, by the first name of it only."""
        seen: set[_Key] = set()
        for path in self._paths:
            for name in self._names_of(path):
                try:
                    found = Path(name).stat()
                except OSError:  # it went away between the listing and now
                    continue
                key = (found.st_dev, found.st_ino)
                if key not in seen:
                    seen.add(key)
                    yield key, name

    def _names_of(self, path: str) -> list[str]:
        if path == "-":
            if self._stream is not None:
                self._stream.take(Path(self._stream_path))
            return [self._stream_path]
        if Path(path).is_dir():
            return files_in(path, is_log, lambda _: None)
        if glob.has_magic(path) and not Path(path).exists():
            # as the user wrote it: a path object would have another name
            return sorted(name for name in glob.glob(path, recursive=True) if Path(name).is_file())  # noqa: PTH207
        return [path]

    def _new(self, key: _Key, path: str) -> Followed | None:
        """Begin with a file; not with the packed copy of one that was read already."""
        unpacked = next((path.removesuffix(end) for end in PACKED if path.endswith(end)), None)
        if unpacked is not None and unpacked in self._names and path not in self._names:
            self.notes[f"{path}: taken for the packed copy of {unpacked}, which was read already"] = None
            return None
        file = Followed(self._found, path, STDIN if path == self._stream_path else path)
        self._found += 1
        self._files[key] = file
        return file

    def _nameless(self, key: _Key, look: _Look) -> None:
        """Read on in a file that was renamed out of sight or deleted, until nothing comes any more."""
        file, before = self._files[key], self._files[key].offset
        size = 0 if file.handle is None or file.mode == "whole" else os.fstat(file.handle.fileno()).st_size
        if size > before:
            self._take(file, size, look, to_end=look.last)
        file.silent = 0 if file.offset > before else file.silent + 1
        if file.silent >= SILENT_LOOKS or not size:
            if size > file.offset:
                self._take(file, size, look, to_end=True)
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        file = self._files.pop(key)
        self._past.append(file.edges)
        self._open.pop(file.number, None)
        file.close()

    def _look_at(self, key: _Key, file: Followed, look: _Look) -> None:
        try:
            found = Path(file.path).stat()
            stamp = (found.st_size, found.st_mtime_ns)
            if stamp == file.stamp and not look.last and file.searched >= found.st_size:
                return
            file.open()
            self._open.pop(file.number, None)
            self._open[file.number] = file
            if file.mode != "whole" and not file.holds(file.edges, found.st_size):
                self._forget(key)
                again = self._new(key, file.path)
                if again is not None:
                    self._look_at(key, again, look)
                return
            self._advance(file, stamp, look)
        except OSError as error:
            self.notes[f"{file.path}: cannot be read: {error.strerror}"] = None

    def _advance(self, file: Followed, stamp: tuple[int, int], look: _Look) -> None:
        """Take what is new in a file that is what it was."""
        changed, file.stamp = stamp != file.stamp, stamp
        if file.mode == "undecided" and not file.offset and stamp[0]:
            self._begin(file, stamp[0])
        if file.mode != "whole":
            self._take(file, stamp[0], look, to_end=look.last)
        elif changed:
            file.searched = stamp[0]
            self._names[file.shown] = None
            look.pieces.append(Piece(file, Path(file.path)))

    def _begin(self, file: Followed, size: int) -> None:
        """See what a file is that nothing was taken of; go on where a file ended that it is a copy of."""
        known = [*self._past, *(other.edges for other in self._files.values() if other is not file)]
        for edges in known:
            if edges.offset >= _SURE_BYTES and file.holds(edges, size):
                file.edges, file.searched, file.mode = edges, edges.offset, "lines"
                self.notes[f"{file.path}: goes on where a file ended that it begins with"] = None
                return
        if self._mode_of(Path(file.path)) == "whole":
            file.mode = "whole"

    def _take(self, file: Followed, size: int, look: _Look, *, to_end: bool) -> None:
        """Copy the whole lines that are new, or all that is new."""
        end = size if to_end else file.line_end(size, look.left_bytes)
        if end > file.offset and look.left_bytes > 0:
            self._copy(file, end, look)
        elif end > file.offset:
            file.searched = file.offset
        self.more = self.more or file.searched < size

    def _copy(self, file: Followed, end: int, look: _Look) -> None:
        """Copy up to `end`, see what the file is where that is not known yet, and say what there is to read."""
        start, first_line = file.offset, file.edges.lines + 1 if file.mode == "lines" else 1
        target = self._new_copy() if file.mode == "lines" else self._spool / f"all-{file.number}"
        file.take(end, target)
        self._names[file.shown] = None
        look.left_bytes -= file.offset - start
        if file.mode == "undecided":
            file.mode = self._mode_of(target)
            if file.mode == "lines":
                target = target.rename(self._new_copy())
        look.pieces.append(Piece(file, target, first_line))

    def _new_copy(self) -> Path:
        self._copies += 1
        return self._spool / f"new-{self._copies}"

    def _shorten_stream(self) -> None:
        """Delete what was taken of standard input, which may go on for ever."""
        file = next((file for file in self._files.values() if file.path == self._stream_path), None)
        if file is None or file.mode != "lines" or not file.offset == file.stamp[0] >= _STREAM_BYTES:
            return
        os.truncate(self._stream_path, 0)
        file.edges, file.searched, file.stamp = Edges(lines=file.edges.lines), 0, (-1, -1)
