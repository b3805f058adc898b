"""Records that a later one may repeat: on disk while they are recent, settled and forgotten when they are not.

What a log of months repeats lies close together (a response is logged again within seconds), so not every key has to be
remembered for ever. When twice `MOST_ROWS` are there, a response none of whose records is among the newest `MOST_ROWS`
is settled: its best record counts, and another one that comes later counts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from llmopt.cost.spec.columns import literal

MOST_ROWS = 250_000
"""Records whose responses are remembered at least; about 12 MB on disk."""
MOST_FILES = 32
"""Files of rows before they are put into one."""


@dataclass(frozen=True, slots=True)
class _Rows:
    path: Path
    count: int


class OpenRows:
    """Files of open records, oldest first.

    Args:
        folder: for files of rows that are made here.
        memory_bytes: what duckdb may use.
        most: records to remember at least.
    """

    def __init__(self, folder: Path, memory_bytes: int, most: int = MOST_ROWS) -> None:
        self._folder, self._memory_bytes, self._most = folder, memory_bytes, most
        self._files: list[_Rows] = []
        self._made = 0

    @property
    def paths(self) -> list[str]:
        """The files, oldest first."""
        return [str(rows.path) for rows in self._files]

    @property
    def count(self) -> int:
        """Records in all of them."""
        return sum(rows.count for rows in self._files)

    def add(self, paths: Sequence[str]) -> None:
        """Take files of rows over, newer than those that are there."""
        with self._connect() as connection:
            for path in paths:
                self._files.append(_Rows(Path(path), _count(connection, [path])))
            if len(self._files) > MOST_FILES:
                self._together(connection)

    def settle(self) -> str | None:
        """Take the records out whose responses nobody is expected to repeat any more.

        Returns:
            a file of them, for the caller to count and to delete; None where there are too few for that yet.
        """
        if self.count <= 2 * self._most or len(self._files) < 2:
            return None
        recent = self._recent()
        older = self._files[: -len(recent)]
        known = f"SELECT key FROM {_scan(recent)}"
        settled, staying = self._new_path(), self._new_path()
        with self._connect() as connection:
            rest = f"SELECT * FROM {_scan(older)} WHERE key {{}} ({known})"
            gone = _write(connection, rest.format("NOT IN"), settled)
            left = _write(connection, rest.format("IN"), staying)
        for rows in older:
            rows.path.unlink()
        self._files = [_Rows(staying, left), *recent] if left else list(recent)
        return str(settled) if gone else None

    def _recent(self) -> list[_Rows]:
        """Return the newest files that hold enough; never the oldest file."""
        recent: list[_Rows] = []
        for rows in reversed(self._files[1:]):
            if sum(one.count for one in recent) >= self._most:
                break
            recent.insert(0, rows)
        return recent

    def _together(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Put the small files into one, as new as the newest of them."""
        small = [rows for rows in self._files if rows.count < self._most // 4]
        if len(small) > 1:
            target = self._new_path()
            count = _write(connection, f"SELECT * FROM {_scan(small)}", target)
            for rows in small:
                rows.path.unlink()
            self._files = [*(rows for rows in self._files if rows not in small), _Rows(target, count)]

    def _new_path(self) -> Path:
        self._made += 1
        return self._folder / f"open-{self._made}.parquet"

    def _connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            config={"memory_limit": f"{self._memory_bytes // 2**20}MiB", "temp_directory": str(self._folder / "spill")}
        )


def _scan(files: Sequence[_Rows]) -> str:
    listed = ", ".join(literal(str(rows.path)) for rows in files)
    return f"read_parquet([{listed}], union_by_name = true)"


def _count(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> int:
    listed = ", ".join(literal(path) for path in paths)
    found = connection.execute(f"SELECT count(*) FROM read_parquet([{listed}])").fetchone()
    return int(found[0]) if found else 0


def _write(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    """Write the rows of a query and return how many these are; no file where there are none."""
    copied = connection.execute(f"COPY ({query}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")
    found = copied.fetchone()
    count = int(found[0]) if found else 0
    if not count:
        target.unlink()
    return count
