"""Read sample records with the shipped format specs, one at a time."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from llmopt.core.usage import BUCKETS
from llmopt.cost.spec.load import load_specs, variants
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Row

Json = Any
SAMPLES = Path(__file__).resolve().parents[2] / "samples"
MILLION = Decimal(1_000_000)


def read_all(lines: Iterable[Json], **params: str) -> list[Row]:
    """Read decoded lines of one file, each with the most specific format that knows it."""
    known_readers = _readers(tuple(params.items()))
    readers = [RecordReader(reader.spec) if reader.stateful else reader for reader in known_readers]
    rows: list[Row] = []
    for line in lines:
        known = next((reader for reader in readers if reader.detects(line)), None)
        assert known is not None, f"no format knows {json.dumps(line)[:300]}"
        rows += known.rows(line)
    return rows


@functools.cache
def _readers(params: tuple[tuple[str, str], ...]) -> list[RecordReader]:
    return [RecordReader(variant) for spec in load_specs(params=dict(params)) for variant in variants(spec)]


def read(line: Json, **params: str) -> Row:
    """Read a line that holds one record."""
    (row,) = read_all([line], **params)
    return row


def tokens(row: Row) -> dict[str, int]:
    """Return the buckets of a row that hold something."""
    return {name: getattr(row.usage, name) for name in BUCKETS if getattr(row.usage, name)}


def usd(*parts: tuple[int, str]) -> Decimal:
    """Add up tokens times dollars per million tokens, exactly."""
    return sum((Decimal(count) * Decimal(rate) for count, rate in parts), Decimal(0)) / MILLION


def sample_lines(path: Path) -> Iterator[Json]:
    """Decode every record of a sample file, whatever its packing."""
    data = path.read_bytes()
    if path.suffix == ".parquet":
        yield from _decoded(f"SELECT to_json(t) FROM read_parquet('{path}') t")
    elif path.suffix == ".zst":
        source = f"read_json_objects('{path}', format='newline_delimited', compression='zstd')"
        yield from _decoded(f"SELECT json FROM {source}")
    elif path.suffix == ".csv":
        yield from csv.DictReader(io.StringIO(data.decode()))
    elif path.suffix == ".json":
        yield json.loads(data)
    else:
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        yield from (json.loads(line) for line in text.decode().splitlines())


def _decoded(query: str) -> Iterator[Json]:
    return (json.loads(text) for (text,) in duckdb.connect().execute(query).fetchall())


def sample_files(name: str) -> list[Path]:
    """Return the files of a format's sample, in order."""
    folder = SAMPLES / name
    if folder.is_dir():
        return sorted(path for path in folder.rglob("*") if path.is_file())
    return sorted(SAMPLES.glob(f"{name}.*"))
