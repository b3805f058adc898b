"""Open records are remembered while they are recent, and no record is lost when they are put together or settled."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from llmopt.cost.follow import open_rows
from llmopt.cost.follow.open_rows import OpenRows

MEMORY_BYTES = 256 * 2**20


def rows(path: Path, *keys: str, extra: str = "") -> str:
    """Write a file of rows with these keys."""
    values = ", ".join(f"('{key}', '{path.name}')" for key in keys)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT *{extra} FROM (VALUES {values}) AS t(key, file)) TO '{path}' (FORMAT parquet)"
        )
    return str(path)


def keys(paths: list[str]) -> list[str]:
    if not paths:
        return []
    with duckdb.connect() as connection:
        found = connection.execute("SELECT key FROM read_parquet($1, union_by_name = true) ORDER BY ALL", [paths])
        return [key for (key,) in found.fetchall()]


def test_nothing_is_settled_while_there_is_room(tmp_path: Path) -> None:
    held = OpenRows(tmp_path, MEMORY_BYTES, most=4)
    held.add([rows(tmp_path / "1", "a", "b"), rows(tmp_path / "2", "c", "d", "e", "f")])
    assert (held.count, held.settle()) == (6, None)


def test_what_the_newest_repeat_stays_whole_and_the_rest_is_settled(tmp_path: Path) -> None:
    held = OpenRows(tmp_path, MEMORY_BYTES, most=4)
    held.add([rows(tmp_path / "1", "a", "b", "b"), rows(tmp_path / "2", "a", "c", "d")])
    held.add([rows(tmp_path / "3", "a", "e", "f", "g", extra=", 1 AS o0")])
    settled = held.settle()
    assert settled is not None
    assert keys([settled]) == ["b", "b", "c", "d"]
    assert keys(held.paths) == ["a", "a", "a", "e", "f", "g"]
    assert held.count == 6
    assert not (tmp_path / "1").exists()


def test_what_the_newest_repeat_altogether_leaves_nothing_to_settle(tmp_path: Path) -> None:
    held = OpenRows(tmp_path, MEMORY_BYTES, most=2)
    held.add([rows(tmp_path / "1", "a", "b", "a"), rows(tmp_path / "2", "a", "b")])
    assert held.settle() is None
    assert keys(held.paths) == ["a", "a", "a", "b", "b"]


def test_one_file_alone_is_never_settled(tmp_path: Path) -> None:
    held = OpenRows(tmp_path, MEMORY_BYTES, most=1)
    held.add([rows(tmp_path / "1", "a", "b", "c")])
    assert held.settle() is None


def test_small_files_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_rows, "MOST_FILES", 3)
    held = OpenRows(tmp_path, MEMORY_BYTES, most=12)
    held.add([rows(tmp_path / "0", *"xxxx")])
    for number in range(1, 6):
        held.add([rows(tmp_path / str(number), f"k{number}")])
        assert len(held.paths) <= 4
    assert keys(held.paths) == ["k1", "k2", "k3", "k4", "k5", "x", "x", "x", "x"]
    assert held.count == 9
    assert {path.name for path in tmp_path.iterdir()} == {Path(path).name for path in held.paths}
