"""Bring the totals of a state up to date with what was read: only what the new files touch is worked out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from llmopt.core.ledger import Ledger
from llmopt.cost.partial import Partial
from llmopt.cost.read import Settings
from llmopt.cost.rejected import Rejects
from llmopt.cost.state.by_file import FILE
from llmopt.cost.state.changes import Known
from llmopt.cost.state.exchange import exchanged, summed
from llmopt.cost.state.open_rows import ranking
from llmopt.cost.state.store import Set, Store


@dataclass(frozen=True, slots=True)
class Balance:
    """The totals of a set, and what has changed since they were made."""

    store: Store
    settings: Settings
    before: Set
    """With the formats of all open records, also of new ones; its ranking was forgotten when a new one came in, as
    ties between records are then broken otherwise."""
    old: Sequence[Known]
    """Files that the totals hold, in the order in which they were ranked."""
    new: Sequence[Known]
    """Files that they are to hold, in order."""
    by_file: bool
    """Do the totals tell files apart?"""

    def settled(self) -> Set:
        """Return the set with its new totals."""
        renamed = self.by_file and self._renamed()
        final = None if renamed else self._exchanged_final()
        ranked = None if renamed or self._reordered() else self._exchanged_rank()
        return replace(
            self.before,
            final=final or self._summed(self.new),
            ranked=ranked or self._ranked_anew(),
        )

    def _exchanged_final(self) -> Partial | None:
        """Put what is final of new files in the place of what is dropped."""
        if self.before.final is None:
            return None
        old, new = {known.id for known in self.old}, {known.id for known in self.new}
        dropped = [known for known in self.old if known.id not in new]
        added = [known for known in self.new if known.id not in old]
        if not dropped and not added:
            return self.before.final
        return exchanged(self.before.final, self._summed(dropped), self._summed(added))

    def _summed(self, files: Sequence[Known]) -> Partial:
        return summed(part for _, part in named_parts(self.store, files, by_file=self.by_file))

    def _exchanged_rank(self) -> Partial | None:
        """Rank the responses again that new or dropped files have records of."""
        if self.before.ranked is None:
            return None
        old, new = {known.id for known in self.old}, {known.id for known in self.new}
        changed = [
            known.id for known in (*self.old, *self.new) if known.rows and (known.id in old) != (known.id in new)
        ]
        if not changed:
            return self.before.ranked
        goes, comes = self._rank([_order(self.old), _order(self.new)], changed)
        return exchanged(self.before.ranked, goes, comes)

    def _ranked_anew(self) -> Partial:
        order = _order(self.new)
        return self._rank([order], None)[0] if order else Partial()

    def _rank(self, orders: Sequence[dict[int, str]], changed: Sequence[int] | None) -> list[Partial]:
        names = {known.rows for known in (*self.old, *self.new) if known.rows}
        paths = [self.store.row_path(name) for name in sorted(names)]
        with ranking(self.settings, paths, self.before.variants) as rows:
            found = rows.ranked(orders, changed)
        return found if self.by_file else [without_files(part) for part in found]

    def _reordered(self) -> bool:
        """Do files that were ranked stand in another order now? Ties between equal records are broken by it."""
        places = {known.id: place for place, known in enumerate(self.new) if known.rows}
        stay = [places[known.id] for known in self.old if known.id in places]
        return stay != sorted(stay)

    def _renamed(self) -> bool:
        shown = {known.id: known.shown for known in self.old}
        return any(shown.get(known.id, known.shown) != known.shown for known in self.new)


def named_parts(store: Store, files: Iterable[Known], *, by_file: bool = False) -> Iterator[tuple[int, Partial]]:
    """Yield (number, what the file gave), in no order, under the names that they have now.

    Args:
        store: where it is kept.
        files: which.
        by_file: put the names into the ledgers too.
    """
    shown = {known.id: known.shown for known in files}
    for number, part in store.parts(shown):
        name = shown[number]
        part.files = [name]
        for _, kept in part.kept:
            kept.file = name
        rejects = Rejects()
        for reject in part.rejects.kinds():
            rejects.take(replace(reject, file=name))
        part.rejects = rejects
        yield number, _with_file(part, name) if by_file else part


def without_files(part: Partial) -> Partial:
    """Return a part whose ledger does not tell files apart."""
    return _with_file(part, None)


def _with_file(part: Partial, name: str | None) -> Partial:
    ledger = Ledger()
    for key, entry in part.ledger:
        groups = list(key.groups)
        groups[FILE] = name
        ledger.add(replace(key, groups=tuple(groups)), entry)
    part.ledger = ledger
    return part


def _order(files: Sequence[Known]) -> dict[int, str]:
    """Return number -> name of the files with open records, in order."""
    return {known.id: known.shown for known in files if known.rows}
