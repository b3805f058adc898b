"""Rows that Spark hands to a task, written to a file that the readers of logs can read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_AT_ONCE = 1024
"""Rows that are put together before they are written: lines may be long."""
_SAMPLED, _SAMPLED_AT = 24, (0.0, 0.5, 0.9)
_SAMPLED_BYTES = 4 * 2**20


def write_lines(batches: Iterator[pa.RecordBatch], target: Path) -> int:
    """Write the only column of some rows, each a line (an empty one for null); return the number of lines."""
    lines = 0
    with target.open("wb") as out:
        for batch in batches:
            for start in range(0, len(batch), _AT_ONCE):
                text = _joined(batch.column(0).slice(start, _AT_ONCE))
                lines += text.count(b"\n")
                out.write(text)
    return lines


def write_table(batches: Iterator[pa.RecordBatch], target: Path) -> int:
    """Write rows as Parquet; return their number. Nothing is written where there are none."""
    first = next(batches, None)
    if first is None:
        return 0
    rows = 0
    with pq.ParquetWriter(target, first.schema) as out:
        for batch in chain([first], batches):
            out.write_batch(batch)
            rows += len(batch)
    return rows


def first_lines(source: Path, target: Path) -> int:
    """Copy some lines that may be JSON objects, from the start, the middle and the end; return how many."""
    size = source.stat().st_size
    found: list[bytes] = []
    with source.open("rb") as file:
        for place in _SAMPLED_AT:
            file.seek(int(size * place))
            text = file.read(_SAMPLED_BYTES if not place else _SAMPLED_BYTES // 8)
            lines = text.split(b"\n")[1 if place else 0 :]
            found += islice((line for line in lines if line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{")), _SAMPLED)
    target.write_bytes(b"\n".join(found))
    return len(found)


def _joined(column: pa.Array) -> bytes:
    """The texts, each with a newline."""
    texts = pc.fill_null(column.cast(pa.large_binary()), b"")
    ended = pc.binary_join_element_wise(texts, pa.scalar(b"", pa.large_binary()), pa.scalar(b"\n", pa.large_binary()))
    # The values of an array that was just made lie one after the other in its last buffer.
    return bytes(ended.buffers()[2])
