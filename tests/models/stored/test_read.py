"""Ranges of bytes of a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.models.stored.read import RangeReader


def test_ranges(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 64)
    with RangeReader(path) as reader, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda at: reader.read(at, 1000), range(0, 15_000, 100)))
        buffer = bytearray(4)
        reader.read_into(257, memoryview(buffer).cast("I"))
    content = path.read_bytes()
    assert all(part == content[at * 100 : at * 100 + 1000] for at, part in enumerate(found))
    assert buffer == b"\x01\x02\x03\x04"
    reader.close()


def test_beyond_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    with RangeReader(path) as reader:
        assert reader.read(5, 0) == b""
        with pytest.raises(InputError, match="it ends at byte 5"):
            reader.read(3, 4)


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        RangeReader(tmp_path / "none")
    with RangeReader(tmp_path) as reader, pytest.raises(InputError, match="directory"):
        reader.read(0, 1)
    with pytest.raises(InputError, match="null"):
        RangeReader(Path("a\0"))
