"""What tasks send: one row a thing, as Spark carries it between them and to the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as DataFrame  # both also for those who leave pyspark to this package
    from pyspark.sql import SparkSession as SparkSession

SCHEMA = "part int, bucket int, kind string, lines bigint, data binary"
"""Columns of what every task gives; the fields of `Sent`."""
_ARROW = pa.schema(
    [
        ("part", pa.int32()),
        ("bucket", pa.int32()),
        ("kind", pa.string()),
        ("lines", pa.int64()),
        ("data", pa.binary()),
    ]
)
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Sent:
    """One thing that a task gives."""

    part: int
    """Number of the part of the log, from 0."""
    bucket: int
    """Who has to get it: things of one bucket go to one task."""
    kind: str
    """For the driver: `part` and `ranked` (each a `Partial`), `conceded` (keys of responses that the ranked ones have
    booked), `repeated` (some request ids are), `cut`, `error`. For whoever ranks: `rows` (a Parquet file of open
    records), `keys` (of responses that were read one by one), `ids` (hashes of request ids)."""
    lines: int
    """Of a part: the lines it owns of the file that it is a piece of."""
    data: bytes

    def batch(self) -> pa.RecordBatch:
        """Return it as Spark takes it."""
        row = [[self.part], [self.bucket], [self.kind], [self.lines], [self.data]]
        return pa.RecordBatch.from_arrays(
            [pa.array(v, f.type) for v, f in zip(row, _ARROW, strict=True)], schema=_ARROW
        )


def received(batch: pa.RecordBatch) -> Iterator[Sent]:
    """Yield what other tasks have sent."""
    for row in batch.to_pylist():
        yield Sent(row["part"], row["bucket"], row["kind"], row["lines"], row["data"])


def mapped(df: DataFrame, task: Callable[[Batches], Batches]) -> DataFrame:
    """Return what a task, which must be importable on the workers, makes of each partition."""
    return df.mapInArrow(task, SCHEMA)


def collected(df: DataFrame) -> list[Sent]:
    """Run the job and return what its tasks have sent to the driver."""
    return [Sent(row.part, row.bucket, row.kind, row.lines, bytes(row.data)) for row in df.collect()]
