"""Which answers are on disk: a file of bytes for each column, and a line of JSON for each chunk, after its bytes.

The first line says what is made of what; where it differs all starts anew. Each chunk has a checksum of its bytes in
each column: what a crash or a full disk left is cut off when the folder is opened again, and never read.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from llmopt.errors import MissingExtraError
from llmopt.models.distill.targets.columns import row_bytes
from llmopt.models.distill.training.precision import Precision
from llmopt.models.distill.values import Column

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

JOURNAL = "answers.jsonl"
_PIECE = 2**22
"""Bytes that are read at once to check them."""


class Made(msgspec.Struct, frozen=True):
    """What the answers are of."""

    made: str
    """What is made of what, as the caller says it."""
    texts: str
    """Digest of the token ids."""
    columns: tuple[tuple[str, str, int, str], ...]
    """Name, shape, width and type of each."""


class _Head(msgspec.Struct, frozen=True):
    """The first line."""

    made: Made
    precision: Precision


class _Line(msgspec.Struct, frozen=True):
    """A chunk whose answers are written."""

    stop: int
    """Texts up to this one, itself left out, are done."""
    rows: dict[str, int]
    """By column."""
    crc: dict[str, int]
    """CRC-32 of the bytes, by column."""
    ended: bool = False
    """There was no time for more; nothing else counts in such a line."""


class Journal:
    """The files of a folder; opening it cuts off what is not whole, and all where it is of something else.

    Args:
        folder: that exists.
        made: what the answers are of.
        columns: that are kept.
        stops: where chunks end, the places behind their last texts.

    Attributes:
        texts: that are done, from the first on.
        rows: of each column that are done.
        ended: whether an earlier run stopped asking before the last text: to ask on would change what is learned from.
        precision: in which the answers were computed, or will be; see `begin`.

    Raises:
        OSError: the folder cannot be read or written.
    """

    def __init__(self, folder: Path, made: Made, columns: Sequence[Column], stops: Sequence[int]) -> None:
        self._folder, self._made, self._columns = folder, made, tuple(columns)
        self.texts = 0
        self.rows = dict.fromkeys((column.name for column in columns), 0)
        self.ended = False
        self.precision: Precision = "float32"
        head, lines = _read(folder / JOURNAL)
        sound = self._sound(lines, stops) if head is not None and head.made == made else []
        for line in sound:
            self._count(line)
        if head is not None:
            self._remove(head.made)
        for column in columns:
            _cut(self.path(column), self.rows[column.name] * row_bytes(column))
        if head is not None and sound:
            self.precision = head.precision
            self._write(head, sound)
        else:
            (folder / JOURNAL).unlink(missing_ok=True)

    def path(self, column: Column) -> Path:
        """Return the file of a column: its rows, one after the other."""
        return self._folder / f"{column.name}.bin"

    def begin(self, precision: Precision) -> None:
        """Write the first line.

        Args:
            precision: in which all answers are computed.
        """
        self.precision = precision
        self._write(_Head(self._made, precision), [])

    def add(self, stop: int, rows: Mapping[str, torch.Tensor]) -> None:
        """Write the answers of the next chunk, and then the line that they are.

        Args:
            stop: the place behind its last text.
            rows: by column, in the order of the texts.
        """
        crc = {}
        for column in self._columns:
            data = rows[column.name].reshape(-1).view(torch.uint8).numpy().data
            crc[column.name] = zlib.crc32(data)
            with self.path(column).open("ab") as file:
                file.write(data)
        self._append(_Line(stop, {name: len(found) for name, found in rows.items()}, crc))

    def end(self) -> None:
        """Note that no more will be asked, although there are more texts."""
        self._append(_Line(self.texts, {}, {}, ended=True))

    def _append(self, line: _Line) -> None:
        with (self._folder / JOURNAL).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
        self._count(line)

    def _write(self, head: _Head, lines: Sequence[_Line]) -> None:
        """Write the journal anew, in one step: what was cut off at its end must not run into the next line."""
        beside = self._folder / f"{JOURNAL}.new"
        beside.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in (head, *lines)))
        beside.replace(self._folder / JOURNAL)

    def _count(self, line: _Line) -> None:
        self.texts, self.ended = line.stop, line.ended
        for name, rows in line.rows.items():
            self.rows[name] += rows

    def _remove(self, other: Made) -> None:
        """Remove the columns of something else that are no columns of this."""
        for name, *_ in other.columns:
            if name.isidentifier() and name not in self.rows:
                (self._folder / f"{name}.bin").unlink(missing_ok=True)

    def _sound(self, lines: Sequence[_Line], stops: Sequence[int]) -> list[_Line]:
        """Return the lines up to the first whose bytes are not what they were."""
        at, done, places = dict.fromkeys(self.rows, 0), 0, set(stops)
        sound: list[_Line] = []
        for line in lines:
            if line.ended:
                return [*sound, line] if sound and line.stop == done else sound
            whole = line.rows.keys() == line.crc.keys() == at.keys() and line.stop > done and line.stop in places
            if not whole or not all(self._unchanged(column, at[column.name], line) for column in self._columns):
                return sound
            sound.append(line)
            done = line.stop
            at = {name: start + line.rows[name] for name, start in at.items()}
        return sound

    def _unchanged(self, column: Column, start: int, line: _Line) -> bool:
        rows, size = line.rows[column.name], row_bytes(column)
        if rows < 0:
            return False
        try:
            return _crc(self.path(column), start * size, rows * size) == line.crc[column.name]
        except FileNotFoundError:
            return False


def _crc(path: Path, start: int, size: int) -> int | None:
    """Return the checksum of some bytes of a file; None where it is too short."""
    crc = 0
    with path.open("rb") as file:
        file.seek(start)
        while size:
            piece = file.read(min(size, _PIECE))
            if not piece:
                return None
            crc, size = zlib.crc32(piece, crc), size - len(piece)
    return crc


def _cut(path: Path, size: int) -> None:
    """Cut a file to what is known to be whole; make it where there is none."""
    with path.open("ab") as file:
        file.truncate(size)


def _read(path: Path) -> tuple[_Head | None, list[_Line]]:
    """Return what a journal says, up to the first line that is not whole."""
    try:
        first, *rest = path.read_bytes().split(b"\n")
        head = msgspec.json.decode(first, type=_Head)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None, []
    lines: list[_Line] = []
    for line in rest[:-1]:
        try:
            lines.append(msgspec.json.decode(line, type=_Line))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
    return head, lines
