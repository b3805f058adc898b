"""Read the files that are new or changed, and write down what each gave, a few thousand files at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from llmopt.cost.partial import Partial
from llmopt.cost.read import Settings
from llmopt.cost.schemas import Extent
from llmopt.cost.spec.values import from_micros
from llmopt.cost.state.by_file import DAY, read_files
from llmopt.cost.state.changes import Changes, Known, Listed
from llmopt.cost.state.marks import mark_of
from llmopt.cost.state.open_rows import Written, write_rows
from llmopt.cost.state.store import Set, Store
from llmopt.errors import InputError

MOST_FILES, MOST_BYTES = 2_000, 512 * 2**20
"""What is read together, and lost when the run is killed; more would save nothing."""
_Pair = tuple[Known | None, Listed]


@dataclass(slots=True)
class Intake:
    """Reads what changed since the last run."""

    store: Store
    settings: Settings
    totals: Set
    spool: Path
    reached: Callable[[str], None]
    numbers: set[int] = field(default_factory=set)
    """Of the files that were read."""
    found_repeats: bool = False
    """Is a request id there twice? Then nothing is written: all files are to be read again."""
    _ids: set[int] | None = None

    def read(self, changes: Changes) -> Set:
        """Read files; return the set as it is then."""
        self.found_repeats = False
        sizes = [item.stat.size_bytes for _, item in changes.kept] + [known.stat.size_bytes for known in changes.gone]
        sizes += [item.stat.size_bytes for _, item in changes.to_read]
        # A power of 2, so that the ids of an earlier, smaller sample can be thinned out to those of a later one.
        sample = 1 << (Extent(sum(sizes)).watched.bit_length() - 1)
        self.totals = replace(self.totals, sample=max(sample, self.totals.sample))
        replaced = {known.id for known, _ in changes.to_read if known is not None}
        with self.store.transaction():
            self._drop(changes.superseded)
        self._ids = None
        for pairs in _portions(changes.to_read):
            self._read(pairs, replaced)
            if self.found_repeats:
                break
        return self.totals

    def _read(self, pairs: Sequence[_Pair], replaced: set[int]) -> None:
        """Read some files and write down what they gave."""
        sources = [item.source for _, item in pairs]
        try:
            marks = [mark_of(item.source, item.stat) for _, item in pairs]
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}", "it was there a moment ago") from error
        spooled = self.spool / "rows"
        spooled.unlink(missing_ok=True)
        parts = read_files(sources, self.settings, spooled, sample=self.totals.sample)
        self.reached("read")
        if self.totals.dedupe == "auto" and self._repeats(parts, replaced):
            self.found_repeats = True
            self.totals = replace(self.totals, dedupe="all")
            with self.store.transaction():
                self.store.change_set(self.totals)
            return
        first = self.store.free_number()
        numbers = {item.source.shown: first + index for index, (_, item) in enumerate(pairs)}
        path = self.store.new_rows() if spooled.exists() else None
        written = write_rows([str(spooled)], numbers, path) if path else Written(0, {}, set())
        self.reached("rows written")
        known = [
            Known(
                id=number,
                path=item.path,
                shown=item.source.shown,
                place=0.0,
                stat=item.stat,
                mark=mark,
                dedupe=self.totals.dedupe,
                days=frozenset(_days(part) | written.days.get(number, set())),
                rows=path.name if path and number in written.days else "",
                is_odd=bool(part.kept or part.answers or part.rejects.count),
                fate="added",
            )
            for (_, item), mark, part, number in zip(pairs, marks, parts, numbers.values(), strict=True)
        ]
        self._commit(pairs, known, parts, path, written)

    def _commit(
        self,
        pairs: Sequence[_Pair],
        known: Sequence[Known],
        parts: Sequence[Partial],
        path: Path | None,
        written: Written,
    ) -> None:
        """Write down what files gave, in the place of what they gave before."""
        variants = self.totals.variants | written.variants
        if variants != self.totals.variants:
            self.totals = replace(self.totals, variants=variants, ranked=None)
        with self.store.transaction():
            self.store.change_set(self.totals)
            if path:
                self.store.add_rows(self.totals.id, path, written.records)
            for item, part in zip(known, parts, strict=True):
                self.store.add_file(self.totals.id, item, part)
            self._drop([item for item, _ in pairs if item is not None])
            self.reached("half committed")
        self.numbers.update(item.id for item in known)
        self.reached("committed")

    def _drop(self, known: Sequence[Known]) -> None:
        """Forget files: at once, or where the totals hold them when these are made anew."""
        self.store.drop_files([item.id for item in known if item.fate == "added"])
        self.store.change_files(replace(item, fate="dropped") for item in known if item.fate == "counted")

    def _repeats(self, parts: Sequence[Partial], replaced: set[int]) -> bool:
        """Is a request id of these files there twice, in them or in others?"""
        sample = self.totals.sample
        if self._ids is None:
            known = (found for number, found in self.store.ids(self.totals.id) if number not in replaced)
            self._ids = {one for found in known for one in found if one % sample == 0}
        for part in parts:
            part.ids = [one for one in part.ids if one % sample == 0]
            before = len(self._ids)
            self._ids.update(part.ids)
            if len(self._ids) < before + len(part.ids):
                return True
        return False


def _portions(pairs: Sequence[_Pair]) -> Iterator[list[_Pair]]:
    """Yield files that are read together."""
    some: list[_Pair] = []
    size_bytes = 0
    for pair in pairs:
        if some and (len(some) >= MOST_FILES or size_bytes + pair[1].stat.size_bytes > MOST_BYTES):
            yield some
            some, size_bytes = [], 0
        some.append(pair)
        size_bytes += pair[1].stat.size_bytes
    if some:
        yield some


def _days(part: Partial) -> set[str]:
    """Return the UTC days of the records of a part."""
    days = {key.groups[DAY] for key, _ in part.ledger}
    stamps = (from_micros(kept.first) for _, kept in part.kept)
    return {day for day in days if day} | {stamp.date().isoformat() for stamp in stamps if stamp}
