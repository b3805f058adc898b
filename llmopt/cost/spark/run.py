"""Price a log by jobs of Spark: cut it, read its parts in tasks, and put together what they send."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from llmopt.cost.partial import Partial, merged, repeats, unanswered
from llmopt.cost.partial_bytes import decode
from llmopt.cost.rejected import Rejects
from llmopt.cost.result import CostReport
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source, find_files
from llmopt.cost.spark.asked import Asked, asked
from llmopt.cost.spark.check import told
from llmopt.cost.spark.cluster import Paths, checked, cores_of, listed, part_bytes, probe
from llmopt.cost.spark.cutting import Cutter, Part, lines_before
from llmopt.cost.spark.session import opened
from llmopt.cost.spark.shuffle import Rank
from llmopt.cost.spark.task import FRAME, LookAtFrame, ReadFiles, ReadFrame, Wanted, versions
from llmopt.cost.spark.wire import collected, mapped

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MERGED_HERE_BYTES = 512 * 2**20
"""Up to this much log, records that may repeat each other are ranked on the driver: some 5 % of it at most."""
BUCKET_BYTES, MOST_BUCKETS, _FRAME_BUCKETS = 512 * 2**20, 1024, 128
"""How much log there is to a bucket of records to be ranked; the most buckets, as each part writes a file for each of
them; buckets where nobody knows how much there is."""
_SHUFFLED = 200
"""Among how many tasks Spark deals by itself; it may put small ones together."""


def price_on_spark(paths: Paths, master: str | None = None, **options: Any) -> CostReport:
    """Price log files on the Spark cluster at `master`; see `llmopt.cost.spark.price_paths`.

    Args:
        paths: files, directories and globs.
        master: as for `spark-submit`; None: what that says, else this machine with all its cores.
        options: as for `llmopt.price_logs`.
    """
    ask = asked(options)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        sources = find_files(listed(paths), Path(folder))  # what is wrong with them is told before Spark starts
        with opened(master) as spark:
            return _price_sources(spark, sources, ask, Path(folder))


def price_files(spark: SparkSession, paths: Paths, **options: Any) -> CostReport:
    """Do what `llmopt.cost.spark.price_paths` says."""
    ask = asked(options)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        return _price_sources(spark, find_files(listed(paths), Path(folder)), ask, Path(folder))


def _price_sources(spark: SparkSession, sources: Sequence[Source], ask: Asked, folder: Path) -> CostReport:
    size = sum(source.size_bytes for source in sources)
    buckets = 0 if size <= MERGED_HERE_BYTES else min(MOST_BUCKETS, max(8, size // BUCKET_BYTES))
    wanted = Wanted(ask, None, None, buckets, driver=versions())
    with told():
        probe(spark)
        cutter = Cutter(Sniffer(ask.prepared().settings.formats), part_bytes(size, cores_of(spark)), folder)
        log = _Files(spark, tuple(cutter.parts(sources)), tuple(source.shown for source in sources))
        return _priced(log, replace(wanted, extent=cutter.extent()), folder)


def price_frame(spark: SparkSession, df: DataFrame, **options: Any) -> CostReport:
    """Do what `llmopt.cost.spark.price_logs` says."""
    ask = asked(options)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder, told():
        wanted = Wanted(ask, None, None, _FRAME_BUCKETS, driver=versions())
        probe(spark)
        column = _lines_column(df)
        chosen = df if column is None else df.select(column)
        look = mapped(chosen.limit(100).coalesce(1), LookAtFrame(wanted, is_lines=column is not None))
        cuts = {sent.data.decode() for sent in checked(collected(look))}
        # Lines that need others of their file, or spans that need those above them, are read by one task.
        apart = cuts <= {"lines"}
        log = _Frame(chosen if apart else chosen.coalesce(1), column is not None)
        return _priced(log, wanted, Path(folder))


class _Log(Protocol):
    """What can be read in parts."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files, in the order of the listing."""
        ...

    def read(self, wanted: Wanted) -> DataFrame:
        """Return what tasks send of each part."""
        ...

    def before(self, lines: Sequence[int]) -> Iterator[dict[str, int]]:
        """Yield, for each part, the lines of its files that lie before it, given the lines that each part owns."""
        ...


@dataclass(frozen=True, slots=True)
class _Files:
    """Files that are cut."""

    spark: SparkSession
    parts: tuple[Part, ...]
    files: tuple[str, ...]

    def read(self, wanted: Wanted) -> DataFrame:
        numbers = self.spark.range(0, len(self.parts), 1, max(1, len(self.parts)))
        return mapped(numbers, ReadFiles(wanted, self.parts))

    def before(self, lines: Sequence[int]) -> Iterator[dict[str, int]]:
        return lines_before(self.parts, lines)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A DataFrame, cut as Spark has cut it."""

    df: DataFrame
    is_lines: bool
    files: tuple[str, ...] = (FRAME,)

    def read(self, wanted: Wanted) -> DataFrame:
        return mapped(self.df, ReadFrame(wanted, self.is_lines))

    def before(self, lines: Sequence[int]) -> Iterator[dict[str, int]]:
        total = 0
        for own in lines:
            yield {FRAME: total}
            total += own


@dataclass(slots=True)
class _Pass:
    """What one pass over the log has given."""

    parts: list[Partial]
    ranked: list[Partial]
    conceded: list[str]
    repeated: bool


def _priced(log: _Log, wanted: Wanted, folder: Path) -> CostReport:
    found = _read(log, wanted, folder)
    if found.repeated:
        wanted = replace(wanted, dedupe="all")
        found = _read(log, wanted, folder)
    answers = []
    if ids := unanswered(found.parts):
        asking = replace(wanted, answers_to=tuple(ids))
        answers = [answer for part in _read(log, asking, folder).parts for answer in part.answers]
    prepared = wanted.asked.prepared(wanted.dedupe)
    reading = merged(
        found.parts, prepared.settings, log.files, answers, elsewhere=found.ranked, conceded=found.conceded
    )
    return prepared.report(reading)


def _read(log: _Log, wanted: Wanted, folder: Path) -> _Pass:
    """Read the whole log, and rank what its parts have left open if that is for tasks to do."""
    df = log.read(wanted)
    if wanted.buckets and not wanted.answers_to:
        df = mapped(_dealt(df, wanted.buckets), Rank(wanted.asked, wanted.dedupe, log.files))
    sent = checked(collected(df))
    own = sorted((one for one in sent if one.kind == "part"), key=lambda one: one.part)
    parts = {one.part: decode(one.data) for one in own}
    before = dict(zip(parts, log.before([one.lines for one in own]), strict=True))
    for number, part in parts.items():
        rejects = Rejects()
        rejects.merge(part.rejects, before[number])
        part.rejects = rejects
    for count, one in enumerate(sent):
        if one.kind == "rows":
            path = folder / f"rows-{count}"
            path.write_bytes(one.data)
            parts[one.part].rows.append(str(path))
    return _Pass(
        list(parts.values()),
        [decode(one.data) for one in sent if one.kind == "ranked"],
        [key for one in sent if one.kind == "conceded" for key in msgspec.msgpack.decode(one.data, type=list[str])],
        any(one.kind == "repeated" for one in sent) or repeats(parts.values()),
    )


def _dealt(df: DataFrame, buckets: int) -> DataFrame:
    """Bring what is of one bucket together; more buckets than Spark has tasks for would only be more files."""
    return df.repartition(buckets, "bucket") if buckets > _SHUFFLED else df.repartition("bucket")


def _lines_column(df: DataFrame) -> str | None:
    """Return the column that holds the lines of a log; None where the frame is a table."""
    texts = [field.name for field in df.schema.fields if field.dataType.typeName() in ("string", "binary")]
    if "value" in texts:
        return "value"
    return texts[0] if len(df.columns) == 1 and texts else None
