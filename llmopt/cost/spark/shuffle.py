"""Rank records of one response that tasks have read apart: deal them by response, and rank each deal in one task.

What is dealt is a small Parquet file for each part and bucket, in the columns of `Partial.rows`. The ranking is the
query of a whole log.
"""

from __future__ import annotations

import tempfile
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from llmopt.cost.identity import Identity
from llmopt.cost.pairs import Kept, joined
from llmopt.cost.part_engine import RankEngine
from llmopt.cost.partial import Partial
from llmopt.cost.partial_bytes import encode
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.spark.asked import Asked
from llmopt.cost.spark.wire import Batches, Sent, received
from llmopt.cost.spec.columns import literal

MOST_SMALL = 256
"""Files of rows that a ranking task keeps as they come: it gets one from each part, and each that is open takes 70 KB
of memory."""


def spread(
    part: int, rows: Sequence[str], kept: Sequence[tuple[Identity, Kept]], buckets: int, folder: Path
) -> Iterator[Sent]:
    """Yield the open records of a part, and the keys of the responses that it has read one by one, by bucket.

    Args:
        part: its number.
        rows: Parquet files of its open records.
        kept: its records that were read one by one.
        buckets: their number.
        folder: for files of a bucket each.
    """
    with duckdb.connect(config={"threads": 1, "temp_directory": str(folder / "spill")}) as connection:
        for number, path in enumerate(rows):
            target = folder / f"buckets-{number}"
            dealt = f"SELECT *, hash(key) % {buckets} AS llmopt_bucket FROM read_parquet({literal(path)})"
            how = "FORMAT parquet, COMPRESSION zstd, PARTITION_BY llmopt_bucket"
            connection.execute(f"COPY ({dealt}) TO {literal(str(target))} ({how})")
            for file in sorted(target.rglob("*.parquet")):
                yield Sent(part, int(file.parent.name.partition("=")[2]), "rows", 0, file.read_bytes())
        keys = sorted({joined(one.row.key) for _, one in kept if all(one.row.key)} - {""})
        found = connection.execute(f"SELECT hash(k) % {buckets}, k FROM (SELECT unnest($1::VARCHAR[]) AS k)", [keys])
        dealt_keys: defaultdict[int, list[str]] = defaultdict(list)
        for bucket, key in found.fetchall():
            dealt_keys[bucket].append(key)
    for bucket, some in dealt_keys.items():
        yield Sent(part, bucket, "keys", 0, msgspec.msgpack.encode(some))


def deal_ids(part: int, ids: Sequence[int], buckets: int) -> Iterator[Sent]:
    """Yield hashes of request ids by bucket, to be looked through for repeats."""
    dealt: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))
    for number in ids:
        dealt[number % buckets].append(number)
    for bucket, numbers in dealt.items():
        yield Sent(part, bucket, "ids", 0, numbers.tobytes())


@dataclass(frozen=True, slots=True)
class Rank:
    """Ranks the records of its partition, and looks for repeated request ids; what is for the driver goes through."""

    asked: Asked
    dedupe: str | None
    files: tuple[str, ...]
    """Names of all log files, in the order of the listing."""

    def __call__(self, batches: Batches) -> Batches:
        """Rank what comes in."""
        keys: list[str] = []
        ids: list[pa.Array] = []
        with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
            pile = Pile(Path(folder))
            for batch in batches:
                ours = pc.is_in(batch.column("kind"), pa.array(["rows", "keys", "ids"]))
                yield batch.filter(pc.invert(ours))
                for sent in received(batch.filter(ours)):
                    if sent.kind == "keys":
                        keys += msgspec.msgpack.decode(sent.data, type=list[str])
                    elif sent.kind == "ids":
                        ids.append(_numbers(sent.data))
                    else:
                        pile.put(sent.data)
            if pile.paths:
                yield from self._ranked(pile.paths, keys)
        if sum(map(len, ids)) > pc.count_distinct(pa.chunked_array(ids, pa.uint64())).as_py():
            yield Sent(0, 0, "repeated", 0, b"").batch()

    def _ranked(self, rows: list[str], keys: list[str]) -> Batches:
        settings, partial = self.asked.prepared(self.dedupe).settings, Partial()
        reader = Reader(Sniffer(settings.formats), settings.plan(), partial, settings.weigh)
        with tempfile.TemporaryDirectory(prefix="llmopt-") as spool:
            memory, jobs = settings.memory_bytes, settings.jobs
            engine = RankEngine(reader.plan, reader.sniffer, reader, Path(spool), memory, jobs)
            conceded = engine.rank(rows, self.files, keys)
        yield Sent(0, 0, "ranked", 0, encode(partial)).batch()
        yield Sent(0, 0, "conceded", 0, msgspec.msgpack.encode(conceded)).batch()


class Pile:
    """Files of rows in a folder, whose number stays low however many come in."""

    def __init__(self, folder: Path) -> None:
        """Begin with none."""
        self._folder = folder
        self._small: list[str] = []
        self._large: list[str] = []

    @property
    def paths(self) -> list[str]:
        """The files; together they hold all rows."""
        return self._large + self._small

    def put(self, data: bytes) -> None:
        """Add the content of a file."""
        path = self._folder / f"rows-{len(self._small)}"
        path.write_bytes(data)
        self._small.append(str(path))
        if len(self._small) == MOST_SMALL:
            self._put_together()

    def _put_together(self) -> None:
        target = self._folder / f"together-{len(self._large)}"
        source = ", ".join(map(literal, self._small))
        with duckdb.connect(config={"threads": 1, "temp_directory": str(self._folder / "spill")}) as connection:
            connection.execute("SET enable_progress_bar = false")
            query = f"SELECT * FROM read_parquet([{source}], union_by_name = true)"
            connection.execute(f"COPY ({query}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")
        for path in self._small:
            Path(path).unlink()
        self._small = []
        self._large.append(str(target))


def _numbers(data: bytes) -> pa.Array:
    return pa.Array.from_buffers(pa.uint64(), len(data) // 8, [None, pa.py_buffer(data)])
