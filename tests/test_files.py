"""What is read once is copied, what cannot be listed or opened says so."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.files import STDIN, Found, compression_of, ends_with, expand, files_in, open_unpacked


def everything(directory: str) -> list[str]:
    return files_in(directory, lambda _: True)


def test_standard_input_is_copied_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"once")))
    first, second = (expand("-", tmp_path, everything) for _ in range(2))
    assert first == second
    assert first[0].shown == STDIN
    assert Path(first[0].path).read_bytes() == b"once"


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        expand("-", tmp_path, everything)


def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    spool = tmp_path / "spool"
    spool.mkdir()
    writer = threading.Thread(target=Path(pipe).write_bytes, args=(b"through a pipe",))
    writer.start()
    (found,) = expand(pipe, spool, everything)
    writer.join()
    assert found.shown == pipe
    with open_unpacked(found.path, compression_of(found.path)) as file:
        assert file.read() == b"through a pipe"


def test_a_pipe_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(InputError, match="Permission denied"):
        expand(str(pipe), tmp_path, everything)


def test_a_device_that_never_ends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/dev/zero: a device that never ends"):
        expand("/dev/zero", tmp_path, everything)


def test_files_of_a_folder_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", ".hidden", "deep/c.txt", ".git/config"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    names = [str(tmp_path / name) for name in ("a.txt", "b.txt", "deep/c.txt")]
    assert expand(str(tmp_path), tmp_path, everything) == [Found(name, name) for name in names]


def test_a_folder_that_cannot_be_listed_is_not_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="closed: cannot be listed: Permission denied"):
        everything(str(tmp_path))


@pytest.mark.parametrize("name", ["a.jsonl", "A.JSONL", "a.jsonl.gz", "a.json.zst"])
def test_endings_are_told_without_their_packing(name: str) -> None:
    assert ends_with(name, [".jsonl", ".json"])
    assert not ends_with(name, [".csv"])
