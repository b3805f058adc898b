"""What runs in a task: read a part of the log, and send what the driver and other tasks need of it.

The classes here are pickled with their fields, so that workers import them; nothing is a closure.
"""

from __future__ import annotations

import os
import platform
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import msgspec

from llmopt import __version__
from llmopt.cost.partial import Partial, answers_in, cut_of, read_part
from llmopt.cost.partial_bytes import encode
from llmopt.cost.read import Settings
from llmopt.cost.schemas import Extent
from llmopt.cost.sniff import Sniffed, Sniffer
from llmopt.cost.sources import Source
from llmopt.cost.spark.asked import Asked
from llmopt.cost.spark.cutting import Part, placed
from llmopt.cost.spark.shuffle import deal_ids, spread
from llmopt.cost.spark.spool import first_lines, write_lines, write_table
from llmopt.cost.spark.wire import Batches, Sent
from llmopt.cost.spec.load import Spec
from llmopt.cost.stores.stored import StoreError
from llmopt.cost.tables import parquet
from llmopt.errors import ConfigError, InputError, LlmoptError

FRAME = "DataFrame"
"""What a DataFrame is called in the report."""


def versions() -> str:
    """Return what must be the same on the driver and on each worker: hashes and records of parts depend on it."""
    return f"Python {platform.python_version().rpartition('.')[0]}, duckdb {duckdb.__version__}, llmopt {__version__}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pass over the log shall give."""

    asked: Asked
    dedupe: str | None
    """In the place of what was asked, where repeats have been found."""
    extent: Extent | None
    """How long the whole log is; None: not known, so that request ids cannot be sampled and are dealt as well."""
    buckets: int
    """Among which records that other parts may repeat are dealt; 0: they go to the driver."""
    answers_to: tuple[str, ...] = ()
    """Ids: only the answers to these are wanted."""
    driver: str = ""
    """`versions` of the driver."""

    @property
    def settings(self) -> Settings:
        """How to read."""
        return self.asked.prepared(self.dedupe).settings

    def of(
        self, part: int, sources: Sequence[Source], known: Mapping[str, Sniffed], lines: int, folder: Path
    ) -> Iterator[Sent]:
        """Yield what is wanted of some files."""
        if self.answers_to:
            answers = answers_in(sources, self.settings, self.answers_to, known=known)
            yield Sent(part, 0, "part", lines, encode(Partial(answers=answers)))
            return
        rows = folder / "rows"
        sample = 1 if self.extent is None else self.extent.watched
        read = read_part(sources, self.settings, rows, sample=sample, known=known)
        opened, read.rows = read.rows, []
        ids = read.ids
        if self.extent is None:
            read.ids = []
        yield Sent(part, part % max(1, self.buckets), "part", lines, encode(read))
        if self.extent is None:
            yield from deal_ids(part, ids, self.buckets)
        if self.buckets:
            yield from spread(part, opened, read.kept, self.buckets, folder)
        else:
            for path in opened:
                yield Sent(part, 0, "rows", 0, Path(path).read_bytes())


@dataclass(frozen=True, slots=True)
class Probe:
    """Finds out whether a worker can do it at all: its imports and its versions."""

    driver: str
    """`versions` of the driver."""

    def __call__(self, batches: Batches) -> Batches:
        """Look around, once a partition."""
        for _ in batches:
            yield from guarded(self.driver, lambda _: iter(()))


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Reads parts by their numbers."""

    wanted: Wanted
    parts: tuple[Part, ...]

    def __call__(self, batches: Batches) -> Batches:
        """Read the parts whose numbers come in."""
        return each_number(batches, self.wanted.driver, self._read)

    def _read(self, number: int, folder: Path) -> Iterator[Sent]:
        formats = self.wanted.settings.formats
        sources, known, lines = laid_out(
            self.parts[number], formats, folder, "price that file by itself for the whole message"
        )
        yield from self.wanted.of(number, sources, known, lines, folder)


@dataclass(frozen=True, slots=True)
class ReadFrame:
    """Reads a partition of a DataFrame."""

    wanted: Wanted
    is_lines: bool
    """Is its only column the lines of a log?"""

    def __call__(self, batches: Batches) -> Batches:
        """Read the rows that come in, as one part."""
        # pyspark is on every worker, but not wherever this module is imported for its other tasks.
        from pyspark import TaskContext

        context = TaskContext.get()
        part = context.partitionId() if context is not None else 0
        yield from guarded(self.wanted.driver, lambda folder: self._read(part, batches, folder))

    def _read(self, part: int, batches: Batches, folder: Path) -> Iterator[Sent]:
        source, known, lines = _spooled(batches, folder, self.wanted.settings, is_lines=self.is_lines)
        if source is not None:
            yield from self.wanted.of(part, [source], known, lines, folder)


@dataclass(frozen=True, slots=True)
class LookAtFrame:
    """Says how a DataFrame may be cut, by its first rows."""

    wanted: Wanted
    is_lines: bool

    def __call__(self, batches: Batches) -> Batches:
        """Look at the rows that come in."""
        yield from guarded(self.wanted.driver, lambda folder: self._look(batches, folder))

    def _look(self, batches: Batches, folder: Path) -> Iterator[Sent]:
        settings = self.wanted.settings
        source, known, _ = _spooled(batches, folder, settings, is_lines=self.is_lines)
        if source is None:
            return
        if self.is_lines:
            specs = known[source.path].variants
        else:
            with duckdb.connect() as connection:
                specs = Sniffer(settings.formats).table(parquet(connection, source).sample(connection))
        yield Sent(0, 0, "cut", 0, cut_of(specs).encode())


def _spooled(
    batches: Batches, folder: Path, settings: Settings, *, is_lines: bool
) -> tuple[Source | None, dict[str, Sniffed], int]:
    """Write rows of a DataFrame to a file: the file, what it is, and its number of lines."""
    path = folder / FRAME
    count = write_lines(batches, path) if is_lines else write_table(batches, path)
    source = Source(str(path), FRAME, "none")
    if not count:
        return None, {}, 0
    return source, {source.path: _lines_of(source, settings, folder)} if is_lines else {}, count


def _lines_of(source: Source, settings: Settings, folder: Path) -> Sniffed:
    """Look for the formats of lines; whatever the first ones look like, they are lines."""
    sample = folder / "sample"
    found = Sniffed("lines", ())
    if first_lines(Path(source.path), sample):
        found = Sniffer(settings.formats).sniff(Source(str(sample), source.shown, "none"))
    return found if found.kind == "lines" else Sniffed("lines", ())


def each_number(batches: Batches, driver: str, read: Callable[[int, Path], Iterator[Sent]]) -> Batches:
    """Yield what the parts give whose numbers come in.

    Args:
        batches: numbers.
        driver: `versions` of the driver.
        read: is given a number, and a folder for its files.
    """
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from guarded(driver, partial(read, number))


def laid_out(
    part: Part, formats: tuple[Spec, ...], folder: Path, hint: str
) -> tuple[list[Source], Mapping[str, Sniffed], int]:
    """Put a part where it can be read, and return what `placed` does.

    Raises:
        InputError: this worker cannot read a file, or an object is not there any more; the next step is `hint`.
    """
    for piece in part:
        if piece.address is None:
            check_seen(piece.source)
    try:
        return placed(part, Sniffer(formats).variants, folder)
    except StoreError as error:  # of the object that it is a range of
        raise InputError(f"{part[0].source.shown}: {error}", hint) from error


def guarded(driver: str, read: Callable[[Path], Iterator[Sent]]) -> Batches:
    """Yield what a part gives as Spark takes it; what is wrong with it is for the driver to raise.

    Args:
        driver: `versions` of the driver.
        read: is given a folder for its files.
    """
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        try:
            _check_versions(driver)
            for sent in read(Path(folder)):
                yield sent.batch()
        except LlmoptError as error:
            yield Sent(0, 0, "error", 0, _told(error)).batch()


def _told(error: LlmoptError) -> bytes:
    kind = InputError if isinstance(error, InputError) else ConfigError
    return msgspec.msgpack.encode((kind.__name__, error.message, error.hint))


def _check_versions(driver: str) -> None:
    here = versions()
    if here != driver:
        message = f"the worker on {socket.gethostname()} has {here}; the driver has {driver}"
        raise ConfigError(message, "install the same versions on all of them")


def check_seen(source: Source) -> None:
    """Refuse a file that this worker cannot read.

    Raises:
        InputError: it cannot.
    """
    if not os.access(source.path, os.R_OK):
        message = f"{source.shown}: the worker on {socket.gethostname()} cannot read it"
        hint = "put logs where all workers see them, or price a DataFrame: llmopt.cost.spark.price_logs"
        raise InputError(message, hint)
