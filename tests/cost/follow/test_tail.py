"""Files that grow, are rotated, emptied, packed and deleted: each whole line is told once, and none is lost."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.follow import tail
from llmopt.cost.follow.file import Edges, Followed, Mode
from llmopt.cost.follow.tail import SILENT_LOOKS, Piece, Tail, check_paths
from llmopt.errors import InputError


class Watched:
    """A folder that is followed; remembers all lines that were told."""

    every: ClassVar[list[Watched]] = []

    def __init__(self, folder: Path, *paths: str, mode: Mode = "lines") -> None:
        self.folder, self.mode = folder / "logs", mode
        self.folder.mkdir(exist_ok=True)
        spool = folder / "spool"
        spool.mkdir()
        self.tail = Tail(paths or [str(self.folder)], spool, lambda path: self.mode)
        self.lines: list[bytes] = []
        self.every.append(self)

    def look(self, *, last: bool = False) -> list[Piece]:
        pieces = self.tail.poll(last=last)
        for piece in pieces:
            self.lines += piece.path.read_bytes().splitlines(keepends=True)
        return pieces

    def grow(self, text: str, name: str = "a.jsonl") -> None:
        with (self.folder / name).open("a") as file:
            file.write(text)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while Watched.every:
        Watched.every.pop().tail.close()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_only_what_is_new_is_told(watched: Watched) -> None:
    watched.grow("1\n2\n")
    (piece,) = watched.look()
    assert (piece.path.read_text(), piece.first_line, piece.file.shown) == (
        "1\n2\n",
        1,
        str(watched.folder / "a.jsonl"),
    )
    assert watched.look() == []
    watched.grow("3\n")
    (piece,) = watched.look()
    assert (piece.path.read_text(), piece.first_line) == ("3\n", 3)


def test_a_half_line_waits_for_its_end(watched: Watched) -> None:
    watched.grow("1\n2")
    watched.look()
    assert watched.look() == []
    watched.grow("2")
    assert watched.look() == []
    watched.grow("2\n3")
    watched.look()
    assert watched.lines == [b"1\n", b"222\n"]
    watched.look(last=True)
    assert watched.lines[2:] == [b"3"]


def test_a_renamed_file_is_read_to_its_end(watched: Watched) -> None:
    watched.grow("1\n")
    watched.look()
    log = watched.folder / "a.jsonl"
    writer = log.open("a")
    log.rename(watched.folder / "a.jsonl.1")
    watched.grow("new\n")
    watched.look()
    writer.write("late\n")
    writer.flush()
    watched.look()
    watched.look()
    writer.write("last")
    writer.close()
    for _ in range(SILENT_LOOKS + 1):
        watched.look()
    assert watched.lines == [b"1\n", b"new\n", b"late\n", b"last"]


def test_a_file_that_is_renamed_within_sight_is_the_same(watched: Watched) -> None:
    watched.grow("1\n")
    watched.look()
    (watched.folder / "a.jsonl").rename(watched.folder / "b.jsonl")
    watched.grow("2\n", "b.jsonl")
    watched.look()
    assert watched.lines == [b"1\n", b"2\n"]


@pytest.mark.parametrize("text", ["9\n", "8\n8\n8\n"])
def test_a_file_that_was_emptied_begins_anew(watched: Watched, text: str) -> None:
    watched.grow("1\n2\n")
    watched.look()
    (watched.folder / "a.jsonl").write_text(text)
    (piece,) = watched.look()
    assert (piece.path.read_text(), piece.first_line) == (text, 1)


def test_a_deleted_file_is_read_to_its_end_and_let_go_of(watched: Watched) -> None:
    watched.grow("1\n")
    watched.look()
    watched.grow("2\n3")
    (watched.folder / "a.jsonl").unlink()
    for _ in range(SILENT_LOOKS + 1):
        watched.look()
    assert watched.lines == [b"1\n", b"2\n", b"3"]
    assert watched.tail._files == {}
    assert watched.tail.shown == [str(watched.folder / "a.jsonl")]


def test_new_files_are_found(watched: Watched) -> None:
    assert watched.look() == []
    watched.grow("1\n", "z.jsonl")
    watched.grow("no log\n", "notes.bin")
    watched.look()
    (watched.folder / "deep").mkdir()
    watched.grow("2\n", "deep/a.jsonl")
    watched.grow("3\n", "a.jsonl")
    watched.look()
    assert watched.lines == [b"1\n", b"3\n", b"2\n"]
    assert watched.tail.shown == [str(watched.folder / name) for name in ("a.jsonl", "z.jsonl", "deep/a.jsonl")]


def test_a_glob_is_looked_at_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path, f"{tmp_path}/logs/*.out")
    watched.look()
    watched.grow("1\n", "x.out")
    watched.grow("2\n", "x.jsonl")
    watched.look()
    assert watched.lines == [b"1\n"]


def test_a_path_that_does_not_exist_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: no such file or directory"):
        check_paths(["-", str(tmp_path), f"{tmp_path}/*.log", "none"])
    with pytest.raises(InputError, match="/dev/null: not a file or a directory"):
        check_paths(["/dev/null"])


@pytest.mark.parametrize("copied", [True, False])
def test_a_copy_of_what_was_read_is_not_read_again(watched: Watched, copied: bool) -> None:
    """As logrotate does with copytruncate."""
    text = "".join(f"line {number}\n" for number in range(500))
    watched.grow(text)
    watched.look()
    watched.grow("one more\n")
    shutil.copy(watched.folder / "a.jsonl", watched.folder / "b.jsonl")
    if copied:
        (watched.folder / "a.jsonl").write_text("")
    else:
        (watched.folder / "a.jsonl").unlink()
        for _ in range(SILENT_LOOKS):
            watched.look()
    watched.look()
    watched.grow("new\n")
    watched.look()
    assert len(watched.lines) == 502
    assert sorted(watched.lines)[-2:] == [b"new\n", b"one more\n"]
    assert any("goes on where" in note for note in watched.tail.notes)


def test_the_packed_copy_of_a_file_is_not_read(watched: Watched) -> None:
    watched.grow("1\n")
    watched.look()
    with gzip.open(watched.folder / "a.jsonl.gz", "wb") as file:
        file.write(b"1\n")
    (watched.folder / "a.jsonl").unlink()
    watched.look()
    assert watched.lines == [b"1\n"]
    assert any("a.jsonl.gz: taken for the packed copy of" in note for note in watched.tail.notes)


def test_a_whole_file_is_told_each_time_it_changes(tmp_path: Path) -> None:
    watched = Watched(tmp_path, mode="whole")
    watched.grow("1\n2")
    (piece,) = watched.look()
    assert piece.path == watched.folder / "a.jsonl"
    assert watched.look() == []
    watched.grow("3")
    assert len(watched.look()) == 1
    (watched.folder / "a.jsonl").unlink()
    assert watched.look() == []


def test_a_file_whose_lines_need_each_other_is_told_again_without_its_half_line(tmp_path: Path) -> None:
    watched = Watched(tmp_path, mode="copied")
    watched.grow("1\n2")
    (piece,) = watched.look()
    assert piece.path.read_text() == "1\n"
    watched.grow("2\n")
    (piece,) = watched.look()
    assert (piece.path.read_text(), piece.first_line) == ("1\n22\n", 1)


def test_a_file_that_nobody_knew_is_told_from_its_beginning_when_it_is_known(tmp_path: Path) -> None:
    watched = Watched(tmp_path, mode="undecided")
    watched.grow("1\n")
    watched.look()
    watched.mode = "lines"
    watched.grow("2\n")
    (piece,) = watched.look()
    assert (piece.file.mode, piece.first_line, piece.path.read_text()) == ("lines", 1, "1\n2\n")
    watched.grow("3\n")
    (piece,) = watched.look()
    assert (piece.first_line, piece.path.read_text()) == (3, "3\n")


def test_much_at_once_is_told_in_several_looks(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_BYTES", 10)
    watched.grow("12345\n" * 5 + "a line longer than a look\n" + "6\n")
    watched.grow("7\n", "b.jsonl")
    looks = 0
    while looks == 0 or watched.tail.more:
        watched.look()
        looks += 1
    assert looks > 3
    assert watched.lines.count(b"12345\n") == 5
    assert sorted(watched.lines)[-3:] == [b"6\n", b"7\n", b"a line longer than a look\n"]


def test_more_files_than_may_be_open_are_read_all_the_same(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_OPEN", 2)
    for turn in range(2):
        for number in range(6):
            watched.grow(f"{turn}{number}\n", f"{number}.jsonl")
        watched.look()
        assert sum(file.handle is not None for file in watched.tail._files.values()) == 2
    assert len(watched.lines) == 12
    watched.tail.close()
    assert not any(file.handle for file in watched.tail._files.values())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_noted(watched: Watched) -> None:
    watched.grow("1\n")
    (watched.folder / "a.jsonl").chmod(0)
    assert watched.look() == []
    assert any("cannot be read: Permission denied" in note for note in watched.tail.notes)


def test_a_writer_in_another_thread_loses_nothing(watched: Watched) -> None:
    expected = [f"{number}\n".encode() for number in range(3000)]
    done = threading.Event()

    def write() -> None:
        chance = random.Random(1)
        text = b"".join(expected)
        with (watched.folder / "a.jsonl").open("ab", buffering=0) as file:
            while text:
                size = chance.randint(1, 200)
                file.write(text[:size])
                text = text[size:]
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        watched.look()
    writer.join()
    watched.look()
    assert watched.lines == expected


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.text("ab\n", max_size=6)),
        st.tuples(st.sampled_from(["look", "rotate", "delete"]), st.just("")),
    ),
    max_size=14,
)


@given(changes=CHANGES)
def test_all_that_is_written_is_told_once_whatever_happens_to_the_file(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str]]
) -> None:
    watched = Watched(tmp_path_factory.mktemp("follow"))
    log, written, files = watched.folder / "a.jsonl", "", 0
    for change, text in changes:
        if change == "grow":
            watched.grow(text)
            written += text
        else:
            watched.look()  # what is written and gone between two looks cannot be seen
        if change in ("rotate", "delete") and log.exists():
            written += "" if written.endswith("\n") or not written else "\n"
            log.rename(watched.folder / f"old-{files}") if change == "rotate" else log.unlink()
            files += 1
    watched.look(last=True)
    watched.tail.close()
    told = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in watched.lines).decode()
    assert sorted(told.split()) == sorted(written.split())


def test_the_end_of_a_line_is_found_from_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 200_000 + b"\n" + b"y" * 100)
    file = Followed(0, str(path), "a")
    assert file.line_end(300_000, 10**9) == 200_001
    file.close()
    file = Followed(0, str(path), "a")
    assert file.line_end(200_101, 10) == 200_001
    file.take(200_001, tmp_path / "copy")
    assert (file.edges.lines, file.edges.head, file.edges.tail) == (1, b"x" * 256, b"x" * 255 + b"\n")
    assert file.line_end(200_101, 10**9) == 200_001
    assert file.holds(file.edges, 200_101)
    assert not file.holds(Edges(3, 1, b"xxy", b"xxy"), 200_101)
    assert not file.holds(file.edges, 5)
    file.close()


@pytest.mark.parametrize("path", ["lake", "lake/requests", "lake/requests/part-0.parquet"])
def test_a_lake_table_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    table = tmp_path / "lake" / "requests"
    (table / "_delta_log").mkdir(parents=True)
    (table / "_delta_log" / f"{0:020}.json").write_text('{"protocol":{}}\n')
    (table / "part-0.parquet").write_bytes(b"PAR1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="requests: a Delta table, whose files are replaced") as caught:
        check_paths([path])
    assert caught.value.hint == "price it without --follow, as often as it changes"
