"""A result is whole or not there at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.quantizing import destination
from llmopt.models.quantizing.destination import MARK, atomic_folder, check_space, writing


def test_the_folder_gets_its_name_at_the_end(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "new" / "dst", tmp_path / "src") as folder:
        (folder / "a").write_text("1")
        assert folder.name == "dst.partial"
        assert not (tmp_path / "new" / "dst").exists()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["dst"]
    assert [path.name for path in (tmp_path / "new" / "dst").iterdir()] == ["a"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "dst").mkdir()
    with atomic_folder(tmp_path / "dst", tmp_path / "src"):
        pass
    assert not list((tmp_path / "dst").iterdir())


def test_an_error_leaves_nothing_and_an_interruption_what_was_done(tmp_path: Path) -> None:
    with pytest.raises(InputError), atomic_folder(tmp_path / "dst", tmp_path / "src"):
        raise InputError("no")
    assert not list(tmp_path.iterdir())
    with suppress(KeyboardInterrupt), atomic_folder(tmp_path / "dst", tmp_path / "src") as folder:
        (folder / "a").write_text("1")
        (folder / "b").mkdir()
        raise KeyboardInterrupt
    assert not (tmp_path / "dst").exists()
    with atomic_folder(tmp_path / "dst", tmp_path / "src", resume=True) as folder:
        assert (folder / "a").read_text() == "1"
    assert (tmp_path / "dst" / "a").exists()


def test_folders_on_the_way_are_removed_again_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(InputError), atomic_folder(tmp_path / "old" / "new" / "newer" / "dst", tmp_path / "src"):
        raise InputError("no")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert not list((tmp_path / "old").iterdir())
    with suppress(InputError), atomic_folder(tmp_path / "new" / "dst", tmp_path / "src"):
        (tmp_path / "new" / "other").write_text("1")
        raise InputError("no")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["other"]


def test_an_error_of_the_system_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No space left"), atomic_folder(tmp_path / "dst", tmp_path / "src"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not list(tmp_path.iterdir())


def test_a_mounted_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dst").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "dst")
    with pytest.raises(UsageError, match="a disk is mounted"), atomic_folder(tmp_path / "dst", tmp_path / "src"):
        pytest.fail("it was taken")


def test_a_new_run_begins_anew(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), atomic_folder(tmp_path / "dst", tmp_path / "src") as folder:
        (folder / "a").write_text("1")
        (folder / "b").mkdir()
        (folder / "c").symlink_to(tmp_path)
        raise KeyboardInterrupt
    with atomic_folder(tmp_path / "dst", tmp_path / "src") as folder:
        assert [path.name for path in folder.iterdir()] == [MARK]
    assert tmp_path.exists()


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("1")
    (tmp_path / "link").symlink_to(source)
    cases = {
        tmp_path / "full": "exists",
        tmp_path / "full" / "a": "exists",
        source: "would replace its source",
        tmp_path / "link": "would replace its source",
        source / "dst": "lies inside the source",
        tmp_path / "link" / "dst": "lies inside the source",
        tmp_path: "the source .* lies inside it",
        Path("/"): "no place",
    }
    for place, message in cases.items():
        with pytest.raises(UsageError, match=message), atomic_folder(place, source):
            pytest.fail("it was taken")
    with pytest.raises((UsageError, InputError)), atomic_folder(tmp_path / "full" / "a" / "dst", source):
        pytest.fail("it was taken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "link", "src"]


def test_a_folder_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dst.partial").mkdir()
    (tmp_path / "dst.partial" / "mine").write_text("1")
    with pytest.raises(UsageError, match="was not left by llmopt"), atomic_folder(tmp_path / "dst", tmp_path / "src"):
        pytest.fail("it was taken")
    assert (tmp_path / "dst.partial" / "mine").exists()


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "dst", tmp_path / "src") as folder:
        (folder / "a").write_text("1")
        with pytest.raises(InputError, match="another run"), atomic_folder(tmp_path / "dst", tmp_path / "src"):
            pytest.fail("it was taken")
    assert (tmp_path / "dst" / "a").exists()


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_space(tmp_path, 1)
    with pytest.raises(InputError, match="are to be written"):
        check_space(tmp_path, 1 << 60)
    with pytest.raises(InputError, match="No space left") as caught, writing(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "free some space" in caught.value.hint
    monkeypatch.setattr(destination, "fcntl", None)
    with atomic_folder(tmp_path / "dst", tmp_path / "src"):
        pass
