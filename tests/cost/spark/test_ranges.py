"""Every line belongs to exactly one range, whatever the bytes are and wherever the cuts lie."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.spark.ranges import copy_range, ranges

LINES = st.lists(st.sampled_from([b"", b"a", b"\r", b"{}", b"\xef\xbb\xbf", b"\xff\xfe", b"x" * 40]), max_size=30)


@given(LINES, st.booleans(), st.integers(1, 60))
def test_ranges_hold_every_line_once_and_whole(lines: list[bytes], ended: bool, target: int) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    with tempfile.TemporaryDirectory() as folder:
        source, copy = Path(folder, "log"), Path(folder, "copy")
        source.write_bytes(data)
        found, newlines = b"", 0
        for start, end in ranges(len(data), target):
            with source.open("rb") as file:
                newlines += copy_range(file, start, end, copy)
            own = copy.read_bytes()
            assert own.startswith(b"\n") or not start
            found += own[1:] if start else own
    assert found == data
    assert newlines == data.count(b"\n")


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_ranges_cover_the_file_in_about_the_size_wanted(size: int, target: int) -> None:
    cuts = ranges(size, target)
    assert (cuts[0][0], cuts[-1][1]) == (0, size)
    assert all(end == start for (_, end), (start, _) in pairwise(cuts))
    assert all(end - start <= 2 * target for start, end in cuts)


def test_a_line_longer_than_the_buffer_is_not_torn(tmp_path: Path) -> None:
    long = b"y" * 9_000_000
    source = tmp_path / "log"
    source.write_bytes(b"a\n" + long + b"\nb\n")
    size = source.stat().st_size
    owned = []
    for start, end in ((0, 5), (5, size - 1), (size - 1, size)):
        with source.open("rb") as file:
            copy_range(file, start, end, tmp_path / "copy")
        owned.append((tmp_path / "copy").read_bytes())
    assert owned == [b"a\n" + long + b"\n", b"\nb\n", b"\n"]
