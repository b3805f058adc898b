"""What each job of ours needs to know of the cluster: its cores, if its workers can do it, and what they found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from llmopt import errors
from llmopt.cost.spark.session import is_local
from llmopt.cost.spark.task import Probe, versions
from llmopt.cost.spark.wire import Sent, collected, mapped

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
MOST_PART_BYTES, LEAST_PART_BYTES = 128 * 2**20, 16 * 2**20
"""How large a part is: large enough for the start of a task not to matter, small enough for all cores to have work."""
MANY_PARTS, LARGEST_PART_BYTES = 2**14, 2**30
"""Parts of a log so long that there are more are larger, up to this: the driver has to do with each of them, and each
writes a file for every bucket."""
_UNKNOWN_CORES = 16
_PROBED = 32
"""Tasks that look at the workers before the first job."""


def part_bytes(size_bytes: int, cores: int) -> int:
    """Return how large parts shall be, so that all cores are done at about the same time."""
    rounds = -(-size_bytes // (most_part_bytes(size_bytes) * cores))
    return max(LEAST_PART_BYTES, -(-size_bytes // max(1, rounds * cores)))


def most_part_bytes(size_bytes: int) -> int:
    """Return how large a part of a log of this size may be."""
    return max(MOST_PART_BYTES, min(LARGEST_PART_BYTES, size_bytes // MANY_PARTS))


def cores_of(spark: SparkSession) -> int:
    """Return how many tasks run at once; a guess where the session does not know (Spark Connect)."""
    context = getattr(spark, "sparkContext", None)
    return context.defaultParallelism if context is not None else _UNKNOWN_CORES


def probe(spark: SparkSession) -> None:
    """Look at the workers before a long job does; those of this machine are found out about by any job."""
    context = getattr(spark, "sparkContext", None)
    if context is not None and is_local(context.master):
        return
    cores = min(_PROBED, cores_of(spark))
    checked(collected(mapped(spark.range(0, cores, 1, cores), Probe(versions()))))


def checked(sent: Iterable[Sent]) -> list[Sent]:
    """Return what tasks have sent; raise what one has found wrong."""
    sent = list(sent)
    for one in sent:
        if one.kind == "error":
            kind, message, hint = msgspec.msgpack.decode(one.data, type=tuple[str, str, str])
            raise getattr(errors, kind)(message, hint)
    return sent


@contextmanager
def kept(df: DataFrame) -> Iterator[DataFrame]:
    """Keep what tasks give on the disks of the workers, for several jobs to read."""
    from pyspark import StorageLevel  # not wherever this module is imported

    stored = df.persist(StorageLevel.DISK_ONLY)
    try:
        yield stored
    finally:
        stored.unpersist()


def listed(paths: Paths) -> Sequence[str | os.PathLike[str]]:
    """Return one path or several as several."""
    return [paths] if isinstance(paths, (str, os.PathLike)) else paths
