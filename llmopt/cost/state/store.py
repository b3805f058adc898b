"""The folder of a state: a database of what each file gave, and Parquet files of records that others may repeat.

Everything is written in transactions; a Parquet file is whole on the disk before the transaction that names it, and
one that no transaction names is left of a run that was killed.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from llmopt.cost.partial import Partial
from llmopt.cost.partial_bytes import decode, encode
from llmopt.cost.state.changes import Known

DATABASE, ROWS = "state.sqlite", "rows"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Set:
    """What was read in one way."""

    id: int
    described: dict[str, str]
    dedupe: str
    """As asked for; `all` once repeats have turned up."""
    sample: int
    """Repeats of request ids are looked for in 1 of this many."""
    variants: frozenset[str]
    """Formats of the open records."""
    lost: tuple[str, ...]
    """Files that an earlier set has and this one cannot read."""
    final: Partial | None
    """What the files add up to without their open records; None: to be made from all parts."""
    ranked: Partial | None
    """What ranking the open records gave; None: to be made from all rows."""


class Store:
    """An open state, which nobody else writes."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        """Keep where it is."""
        self.directory, self._connection = directory, connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of what is inside, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def described(self) -> dict[int, dict[str, str]]:
        """Return what each set is, the newest last."""
        found = self._connection.execute("SELECT id, described FROM sets ORDER BY id").fetchall()
        return {number: json.loads(text) for number, text in found}

    def set_of(self, fingerprint: str, described: Mapping[str, str], dedupe: str) -> Set:
        """Return the set with this fingerprint, made where there is none."""
        values = (fingerprint, json.dumps(dict(described)), dedupe)
        known = self._connection.execute("SELECT 1 FROM sets WHERE fingerprint = ?", (fingerprint,)).fetchone()
        if known is None:
            self._connection.execute(
                "INSERT INTO sets (fingerprint, described, dedupe, sample, variants, lost) "
                "VALUES (?, ?, ?, 1, '[]', '[]')",
                values,
            )
        query = "SELECT id, described, dedupe, sample, variants, lost, final, ranked FROM sets WHERE fingerprint = ?"
        number, text, told, sample, variants, lost, *blobs = self._connection.execute(query, (fingerprint,)).fetchone()
        final, ranked = (None if blob is None else decode(blob) for blob in blobs)
        named = frozenset(json.loads(variants)), tuple(json.loads(lost))
        return Set(number, json.loads(text), told, sample, *named, final, ranked)

    def change_set(self, which: Set) -> None:
        """Write what may change of a set."""
        totals = [None if part is None else encode(part) for part in (which.final, which.ranked)]
        self._connection.execute(
            "UPDATE sets SET dedupe = ?, sample = ?, variants = ?, lost = ?, final = ?, ranked = ? WHERE id = ?",
            (which.dedupe, which.sample, json.dumps(sorted(which.variants)), json.dumps(which.lost), *totals, which.id),
        )

    def known(self, set_id: int) -> list[Known]:
        """Return the files of a set as they were read, in order."""
        found = self._connection.execute("SELECT known FROM files WHERE set_id = ?", (set_id,))
        decoder = msgspec.msgpack.Decoder(Known)
        return sorted((decoder.decode(blob) for (blob,) in found), key=lambda known: (known.place, known.id))

    def free_number(self) -> int:
        """Return the first of the numbers that no file ever had."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'files'").fetchone()
        return 1 + (row[0] if row else 0)

    def add_file(self, set_id: int, known: Known, part: Partial) -> None:
        """Write what a file gave."""
        ids, part.ids = msgspec.msgpack.encode(part.ids), []
        self._connection.execute(
            "INSERT INTO files VALUES (?, ?, ?)", (known.id, set_id, msgspec.msgpack.encode(known))
        )
        self._connection.execute("INSERT INTO parts VALUES (?, ?, ?)", (known.id, encode(part), ids))

    def change_part(self, number: int, part: Partial) -> None:
        """Write what a file gave anew."""
        self._connection.execute("UPDATE parts SET part = ? WHERE file_id = ?", (encode(part), number))

    def change_files(self, changed: Iterable[Known]) -> None:
        """Write what else is known of files."""
        values = [(msgspec.msgpack.encode(known), known.id) for known in changed]
        self._connection.executemany("UPDATE files SET known = ? WHERE id = ?", values)

    def drop_files(self, numbers: Collection[int]) -> None:
        """Forget files."""
        for table, column in (("files", "id"), ("parts", "file_id")):
            self._connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(number,) for number in numbers])

    def parts(self, numbers: Collection[int]) -> Iterator[tuple[int, Partial]]:
        """Yield what files gave."""
        wanted = sorted(numbers)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT file_id, part FROM parts WHERE file_id IN ({marks}) ORDER BY file_id"
            for number, blob in self._connection.execute(query, some).fetchall():
                yield number, decode(blob)

    def ids(self, set_id: int) -> Iterator[tuple[int, list[int]]]:
        """Yield the hashes of the request ids of each file of a set."""
        query = "SELECT file_id, ids FROM parts JOIN files ON file_id = id WHERE set_id = ?"
        decoder = msgspec.msgpack.Decoder(list[int])
        for number, blob in self._connection.execute(query, (set_id,)):
            yield number, decoder.decode(blob)

    def new_rows(self) -> Path:
        """Return where to write a file of rows."""
        folder = self.directory / ROWS
        folder.mkdir(exist_ok=True)
        return folder / f"{uuid.uuid4().hex}.parquet"

    def rows(self, set_id: int) -> dict[str, int]:
        """Return the files of rows of a set and how many records each has."""
        query = "SELECT name, records FROM rows WHERE set_id = ? ORDER BY rowid"
        return dict(self._connection.execute(query, (set_id,)).fetchall())

    def add_rows(self, set_id: int, path: Path, records: int) -> None:
        """Name a file of rows that is whole on the disk."""
        self._connection.execute("INSERT INTO rows VALUES (?, ?, ?)", (path.name, set_id, records))

    def drop_rows(self, names: Collection[str]) -> None:
        """Forget files of rows; `sweep` deletes them."""
        self._connection.executemany("DELETE FROM rows WHERE name = ?", [(name,) for name in names])

    def row_path(self, name: str) -> Path:
        """Return where a file of rows lies."""
        return self.directory / ROWS / name

    def sweep(self) -> None:
        """Delete files of rows that nothing names: of runs that were killed, and what was put together since."""
        named = {name for (name,) in self._connection.execute("SELECT name FROM rows")}
        folder = self.directory / ROWS
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name not in named:
                path.unlink(missing_ok=True)
