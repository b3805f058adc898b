"""What became of files since they were read: grown, renamed, compressed, rotated, rewritten, gone."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from llmopt.cost.sources import find_files
from llmopt.cost.state.changes import Changes, Known, Listed, compare
from llmopt.cost.state.marks import WINDOW_BYTES, mark_of, stat_of

LONG = 3 * WINDOW_BYTES


class Folder:
    """A folder of logs that are read now and then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: list[Known] = []

    def write(self, name: str, text: str, size_bytes: int = 2000) -> Path:
        """Write a file that differs from others in every line."""
        path = self.path / name
        path.write_text("".join(f"{text} {number}\n" for number in range(size_bytes // (len(text) + 6))))
        return path

    def listed(self) -> list[Listed]:
        return [Listed(source, stat_of(source)) for source in find_files([self.path / "*"], self.path / "spool")]

    def read(self) -> None:
        """Read all files."""
        self.known = [
            Known(number, item.source.path, item.source.shown, number, item.stat, mark_of(item.source, item.stat), "")
            for number, item in enumerate(self.listed())
        ]

    def compare(self) -> Changes:
        return compare(self.known, self.listed())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def fates(changes: Changes) -> dict[str, list[str]]:
    """Return what became of which files, by the names that they have, or had."""
    pairs = ("same", "moved", "grown", "changed")
    found = {name: [Path(item.source.path).name for _, item in getattr(changes, name)] for name in pairs}
    found["new"] = [Path(item.source.path).name for item in changes.new]
    found["gone"] = [Path(known.path).name for known in changes.gone]
    return {name: names for name, names in found.items() if names}


def test_a_file_that_nobody_touched_is_the_same(folder: Folder) -> None:
    folder.write("a.log", "one")
    folder.read()
    assert fates(folder.compare()) == {"same": ["a.log"]}


def test_files_come_and_go(folder: Folder) -> None:
    old = folder.write("a.log", "one")
    folder.write("b.log", "two")
    folder.read()
    old.unlink()
    folder.write("c.log", "three")
    assert fates(folder.compare()) == {"same": ["b.log"], "new": ["c.log"], "gone": ["a.log"]}


@pytest.mark.parametrize("size_bytes", [100, 2000, LONG])
def test_a_file_that_got_longer_has_grown(folder: Folder, size_bytes: int) -> None:
    path = folder.write("a.log", "one", size_bytes)
    folder.read()
    path.write_text(path.read_text() + "more\n")
    assert fates(folder.compare()) == {"grown": ["a.log"]}


@pytest.mark.parametrize("size_bytes", [100, 2000, LONG])
def test_other_content_under_the_same_name_is_a_change(folder: Folder, size_bytes: int) -> None:
    path = folder.write("a.log", "one", size_bytes)
    folder.read()
    path.write_text(path.read_text().replace("one", "two") + "more\n")
    changes = folder.compare()
    assert fates(changes) == {"changed": ["a.log"]}
    assert [Path(known.path).name for known in changes.rewritten] == ["a.log"]


def test_a_touched_file_is_read_again_as_its_middle_may_differ(folder: Folder) -> None:
    path = folder.write("a.log", "one", LONG)
    folder.read()
    os.utime(path, ns=(1, 1))
    assert fates(folder.compare()) == {"changed": ["a.log"]}


@pytest.mark.parametrize("size_bytes", [100, 2000, LONG])
def test_a_renamed_file_is_not_new(folder: Folder, size_bytes: int) -> None:
    path = folder.write("a.log", "one", size_bytes)
    folder.read()
    path.rename(folder.path / "b.log")
    assert fates(folder.compare()) == {"moved": ["b.log"]}


def test_a_copy_beside_the_original_is_new(folder: Folder) -> None:
    path = folder.write("a.log", "one")
    folder.read()
    shutil.copy(path, folder.path / "b.log")
    assert fates(folder.compare()) == {"same": ["a.log"], "new": ["b.log"]}


def compressed(path: Path, name: str) -> Path:
    """Do what `gzip` does: the compressed file is another one, and the original is gone."""
    target = path.parent / name
    target.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return target


@pytest.mark.parametrize("size_bytes", [100, 2000, LONG])
def test_a_compressed_file_is_not_new(folder: Folder, size_bytes: int) -> None:
    path = folder.write("a.log", "one", size_bytes)
    folder.read()
    compressed(path, "a.log.1.gz")
    assert fates(folder.compare()) == {"moved": ["a.log.1.gz"]}


def test_a_file_that_grew_before_it_was_compressed_is_read_again_in_place_of_it(folder: Folder) -> None:
    path = folder.write("a.log", "one", LONG)
    folder.read()
    path.write_text(path.read_text() + "more\n")
    compressed(path, "a.log.1.gz")
    assert fates(folder.compare()) == {"grown": ["a.log.1.gz"]}


def test_a_compressed_file_that_only_begins_alike_is_new(folder: Folder) -> None:
    path = folder.write("a.log", "one", LONG)
    folder.read()
    path.write_text(path.read_text()[: 2 * WINDOW_BYTES] + "another end\n" * 20_000)
    compressed(path, "a.log.1.gz")
    assert fates(folder.compare()) == {"new": ["a.log.1.gz"], "gone": ["a.log"]}


def test_rotation_by_renaming_moves_each_file_on(folder: Folder) -> None:
    for number, name in enumerate(("app.log", "app.1.log", "app.2.log")):
        folder.write(name, f"text {number}")
    folder.read()
    (folder.path / "app.2.log").unlink()
    (folder.path / "app.1.log").rename(folder.path / "app.2.log")
    (folder.path / "app.log").rename(folder.path / "app.1.log")
    folder.write("app.log", "today")
    changes = folder.compare()
    moved = {Path(known.path).name: Path(item.source.path).name for known, item in changes.moved}
    assert moved == {"app.log": "app.1.log", "app.1.log": "app.2.log"}
    assert [Path(item.source.path).name for item in changes.new] == ["app.log"]
    assert [known.id for known in changes.gone] == [known.id for known in folder.known if known.path.endswith(".2.log")]


def test_rotation_by_copying_moves_the_content_too(folder: Folder) -> None:
    path = folder.write("app.log", "one")
    folder.read()
    shutil.copy(path, folder.path / "app.1.log")
    path.write_text("")
    folder.write("app.log", "two", 500)
    assert fates(folder.compare()) == {"moved": ["app.1.log"], "new": ["app.log"]}


def test_a_file_that_was_read_while_it_was_being_compressed_does_not_count_twice(folder: Folder) -> None:
    path = folder.write("app.log", "one", LONG)
    whole = gzip.compress(path.read_bytes())
    target = folder.path / "app.log.1.gz"
    target.write_bytes(whole[: len(whole) // 2])
    folder.read()
    target.write_bytes(whole)
    path.unlink()
    changes = folder.compare()
    assert fates(changes) == {"moved": ["app.log.1.gz"]}
    assert [Path(known.path).name for known in changes.superseded] == ["app.log.1.gz"]


def test_empty_files_are_nobodys_continuation(folder: Folder) -> None:
    folder.write("a.log", "one", 0)
    folder.read()
    (folder.path / "a.log").rename(folder.path / "b.log")
    folder.write("c.log", "two")
    assert fates(folder.compare()) == {"new": ["b.log", "c.log"], "gone": ["a.log"]}


def test_what_was_rotated_out_of_sight_is_gone_and_not_replaced(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    path = folder.write("app.log", "one")
    folder.read()
    path.rename(tmp_path / "app.log.1")
    folder.write("app.log", "two")
    changes = compare(folder.known, [item for item in folder.listed() if item.source.path == str(path)])
    assert fates(changes) == {"new": ["app.log"], "gone": ["app.log"]}
