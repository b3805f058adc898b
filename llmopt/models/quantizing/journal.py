"""Which tensors of a result are done, so that a killed run can go on: a line of JSON for each, after its bytes.

The first line says what is being made of what; another source, other settings or another version start anew. Bytes that
a killed process wrote are in the files; after a power failure they may not be, and a new run is the way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

JOURNAL = "llmopt-journal.jsonl"


class Done(msgspec.Struct, frozen=True):
    """A tensor that is written."""

    name: str
    signal: float = 0.0
    """Sum of squares."""
    noise: float = 0.0
    """Sum of squared errors."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """A journal as it was found."""

    made: str
    done: dict[str, Done]


class Journal:
    """The journal of a folder; a context manager that takes its file away when all went well.

    Args:
        folder: that is being written.
        made: what is made of what; in one line.
    """

    def __init__(self, folder: Path, made: str) -> None:
        self._path = folder / JOURNAL
        found = _read(self._path)
        self.done: dict[str, Done] = found.done if found is not None and found.made == made else {}
        self._file = self._path.open("a" if self.done else "w", encoding="utf-8")
        if not self.done:
            self._line(json.dumps({"made": made}))
        else:
            self._line("")

    def add(self, done: Done) -> None:
        """Note that the bytes of a tensor are written."""
        self.done[done.name] = done
        self._line(msgspec.json.encode(done).decode())

    def _line(self, text: str) -> None:
        self._file.write(text + "\n")
        self._file.flush()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None:
            self._path.unlink()


def _read(path: Path) -> _Lines | None:
    """Return what a journal says; a last line that was cut off counts for nothing."""
    try:
        first, *rest = path.read_bytes().split(b"\n")
        made = str(msgspec.json.decode(first)["made"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    done = {}
    for line in rest:
        try:
            entry = msgspec.json.decode(line, type=Done)
        except msgspec.MsgspecError:
            continue
        done[entry.name] = entry
    return _Lines(made, done)
