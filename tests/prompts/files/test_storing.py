"""Files are read as they are stored, and replaced in one step or not at all."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.prompts.files.reading import NotText, packed, read_source, stamp_of
from llmopt.prompts.files.writing import replace_file

ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0


def names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packing", ["none", "gzip", "zstd"])
def test_what_was_read_is_stored_the_same_way(workdir: Path, encoding: str, packing: str) -> None:
    text = "Xin chào\r\nbạn 🙂\n"
    Path("a.txt").write_bytes(packed(text.encode(encoding), packing))  # type: ignore[arg-type]
    source = read_source("a.txt", "shown.txt")
    assert (source.text, source.shown, source.packing) == (text, "shown.txt", packing)
    assert source.encoded(source.text) == text.encode(encoding)


def test_packed_bytes_are_the_same_every_day() -> None:
    assert packed(b"text", "gzip") == packed(b"text", "gzip")
    assert gzip.decompress(packed(b"text", "gzip")) == b"text"


@pytest.mark.parametrize(
    ("data", "reason", "broken"),
    [
        (b"ok\ncaf\xe9 au lait", "not text: byte 0xe9 at offset 6 (line 2) is not UTF-8", True),
        (b"\xef\xbb\xbfab\xff", "not text: byte 0xff at offset 5 (line 1) is not UTF-8", True),
        (b"\xff\xfea\x00\x00\xd8", "not text: byte 0x00 at offset 4 (line 1) is not UTF-16", True),
        (b"a\0b", "not text: it holds NUL bytes", False),
        (b"\xff\xfea\0\0\0", "not text: it holds NUL characters", False),
        (b"\x1f\x8b\x08\0damaged", "damaged", False),
    ],
)
def test_what_is_no_text_says_why(workdir: Path, data: bytes, reason: str, broken: bool) -> None:
    Path("a").write_bytes(data)
    with pytest.raises(NotText) as caught:
        read_source("a", "a")
    assert caught.value.reason.startswith(reason)
    assert caught.value.broken is broken
    assert caught.value.data in (data, b"")


def test_a_file_that_is_gone_says_so(workdir: Path) -> None:
    with pytest.raises(NotText, match="No such file"):
        read_source("gone", "gone")


def test_the_mode_stays_and_nothing_is_left_behind(workdir: Path) -> None:
    file = Path("a.txt")
    file.write_text("old")
    file.chmod(0o640)
    replace_file(file, b"new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert names() == ["a.txt"]


def test_a_new_file_has_the_mode_of_any_new_file(workdir: Path) -> None:
    replace_file(Path("new.txt"), b"new")
    Path("other.txt").write_text("x")
    assert Path("new.txt").stat().st_mode == Path("other.txt").stat().st_mode


def test_a_symbolic_link_stays_one(workdir: Path) -> None:
    Path("deep").mkdir()
    Path("deep/real.txt").write_text("old")
    Path("link.txt").symlink_to("deep/real.txt")
    replace_file(Path("link.txt"), b"new")
    assert Path("link.txt").is_symlink()
    assert Path("deep/real.txt").read_text() == "new"
    assert names("deep") == ["real.txt"]


def test_a_crash_in_the_middle_leaves_the_old_text(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("a.txt")
    file.write_text("old")

    def crash(handle: int) -> None:
        assert len(names()) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        replace_file(file, b"new")
    assert (names(), file.read_text()) == (["a.txt"], "old")


def test_a_full_disk_leaves_the_old_text(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("a.txt")
    file.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"a\.txt: cannot be written: No space left on device"):
        replace_file(file, b"new")
    assert (names(), file.read_text()) == (["a.txt"], "old")


def test_what_somebody_else_wrote_meanwhile_is_not_lost(workdir: Path) -> None:
    file = Path("a.txt")
    file.write_text("old")
    stamp = stamp_of("a.txt")
    file.write_text("newer")
    with pytest.raises(InputError, match="somebody else wrote to it"):
        replace_file(file, b"new", stamp=stamp)
    assert file.read_text() == "newer"


def test_a_folder_that_is_not_there_is_named(workdir: Path) -> None:
    with pytest.raises(InputError, match=r"none/a\.txt: cannot be written: No such file"):
        replace_file(Path("none/a.txt"), b"new")


@pytest.mark.skipif(ROOT_USER, reason="the superuser may write anything")
def test_a_file_that_may_not_be_written_is_not_replaced(workdir: Path) -> None:
    file = Path("a.txt")
    file.write_text("old")
    file.chmod(0o444)
    with pytest.raises(InputError, match="Permission denied"):
        replace_file(file, b"new")
    assert file.read_text() == "old"
