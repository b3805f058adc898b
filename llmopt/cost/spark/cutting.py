"""Cut a log into parts for tasks: large files of lines into ranges, other files whole, small ones together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from llmopt.cost.documents import as_lines
from llmopt.cost.partial import Cut, cut_of
from llmopt.cost.plan import Batch
from llmopt.cost.schemas import Extent, extent_of
from llmopt.cost.sniff import Sniffed, Sniffer
from llmopt.cost.sources import Kind, Source, head
from llmopt.cost.spark.objects import Address, apart, opened
from llmopt.cost.spark.ranges import copy_range, ranges
from llmopt.cost.spec.load import Spec
from llmopt.cost.stores.mount import mounted
from llmopt.cost.tables import parquet

_MOST_FILES = 500
"""Files of one part; each has to be opened, so that their sizes alone do not tell the work."""
_WEIGHTS = {"gzip": 6, "zstd": 6, "none": 1}
PARQUET_WEIGHT = 4
"""Packed bytes are more work than plain ones."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is, in a form that travels."""

    kind: Kind
    variants: tuple[str, ...]
    """Names of the formats seen in it."""
    delimiter: str

    def sniffed(self, specs: Iterable[Spec]) -> Sniffed:
        """Return it with the formats themselves."""
        named = {spec.variant: spec for spec in specs}
        return Sniffed(self.kind, tuple(named[name] for name in self.variants), self.delimiter)


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or a range of one."""

    source: Source
    """Without the object of a store that it is."""
    address: Address | None
    """Of that object."""
    look: Look
    start: int = 0
    end: int | None = None
    """None: the whole file."""

    def placed(self, target: Path) -> tuple[Source, int]:
        """Return where a reader finds it, copied to `target` if it is a range, and how many newlines the range owns."""
        source = replace(self.source, stored=self.address.stored()) if self.address else self.source
        if self.end is None:
            return source, 0
        with opened(source) as file:
            lines = copy_range(file, self.start, self.end, target)
        return replace(self.source, path=str(target)), lines


Part = tuple[Piece, ...]


class Cutter:
    """Looks at files and cuts them."""

    def __init__(
        self, sniffer: Sniffer, target_bytes: int, spool: Path, cut: Callable[[Sequence[Spec]], Cut] = cut_of
    ) -> None:
        """Begin with nothing.

        Args:
            sniffer: tells formats.
            target_bytes: what a part shall hold.
            spool: for copies of the heads of documents.
            cut: how a log of some formats may be cut.
        """
        self._sniffer, self._target, self._spool, self._cut = sniffer, target_bytes, spool, cut
        self._batches: list[Batch] = []
        self._tables: dict[tuple[tuple[str, str], ...], tuple[Spec, ...]] = {}

    def parts(self, sources: Sequence[Source]) -> list[Part]:
        """Return the parts of a log in its order; last, what cannot be cut at all."""
        parts: list[list[Piece]] = [[]]
        together: list[Piece] = []
        weight = 0
        for source in sources:
            pieces, how = self._pieces(source)
            if how == "together":
                together += pieces
            elif pieces[0].end is not None:
                parts += [*([piece] for piece in pieces), []]
                weight = 0
            else:
                heavy = _weight(source, pieces[0].look.kind)
                if parts[-1] and (weight + heavy > self._target or len(parts[-1]) == _MOST_FILES):
                    parts.append([])
                    weight = 0
                parts[-1] += pieces
                weight += heavy
        return [tuple(part) for part in [*parts, together] if part]

    def extent(self) -> Extent:
        """Return how long the log is that was cut."""
        sources = [source for batch in self._batches for source in batch.sources]
        with duckdb.connect() as connection, mounted(connection, sources):
            return extent_of(connection, self._batches)

    def _pieces(self, source: Source) -> tuple[list[Piece], Cut]:
        found = self._sniffer.sniff(source)
        self._batches.append(Batch((), "lines" if found.kind == "document" else found.kind, [source]))
        look = Look(found.kind, tuple(spec.variant for spec in found.variants), found.delimiter)
        how = self._cut(self._formats(source, found))
        plain = found.kind == "lines" and source.compression == "none" and how == "lines"
        cuts = ranges(source.size_bytes, self._target) if plain else []
        if len(cuts) < 2:
            return [Piece(*apart(source), look)], how
        return [Piece(*apart(source), look, start, end) for start, end in cuts], how

    def _formats(self, source: Source, found: Sniffed) -> Sequence[Spec]:
        """Return the formats of a file, also where only a closer look tells them."""
        if found.kind == "parquet":
            return self._of_table(source)
        if found.kind != "document":
            return found.variants
        start = self._spool / "head"
        start.write_bytes(head(source))
        lines = as_lines(Source(str(start), source.shown, "none"), self._spool / "lines")
        return self._sniffer.sniff(lines).variants

    def _of_table(self, source: Source) -> tuple[Spec, ...]:
        """Tables of the same columns are of the same format."""
        try:
            with duckdb.connect() as connection, mounted(connection, [source]):
                table = parquet(connection, source)
                columns = tuple(table.columns.items())
                if columns not in self._tables:
                    self._tables[columns] = self._sniffer.table(table.sample(connection))
                return self._tables[columns]
        except duckdb.Error:
            return ()  # damaged: its reader says so


def placed(part: Part, specs: Sequence[Spec], folder: Path) -> tuple[list[Source], Mapping[str, Sniffed], int]:
    """Return the files of a part (ranges copied into `folder`), what they are, and the lines that a range owns."""
    sources: list[Source] = []
    known: dict[str, Sniffed] = {}
    lines = 0
    for number, piece in enumerate(part):
        source, newlines = piece.placed(folder / f"piece-{number}")
        sources.append(source)
        known[source.path] = piece.look.sniffed(specs)
        lines += newlines
    return sources, known, lines


def lines_before(parts: Sequence[Part], lines: Sequence[int]) -> Iterator[dict[str, int]]:
    """Yield, for each part, what to add to the number of a line that its reader gives.

    Args:
        parts: all parts.
        lines: newlines that each part owns of the file that it is a range of.
    """
    before: dict[str, int] = {}
    for part, newlines in zip(parts, lines, strict=True):
        if len(part) > 1 or part[0].end is None:
            yield {}
            continue
        shown = part[0].source.shown
        # The copy of a range begins with an empty line, unless it is the first.
        yield {shown: before[shown] - 1} if part[0].start else {}
        before[shown] = before.get(shown, 0) + newlines


def _weight(source: Source, kind: Kind) -> int:
    return source.size_bytes * (PARQUET_WEIGHT if kind == "parquet" else _WEIGHTS[source.compression])
