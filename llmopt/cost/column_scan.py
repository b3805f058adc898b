"""Take the batches of the statement of `llmopt.cost.column_sql` into columns.

Whole columns go over at once; Python looks at a row only where a hash turns up for the first time: of a kind of price,
of a label, of a request.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, filterfalse
from operator import mul
from typing import Any

from llmopt.cost.arrow import Batch
from llmopt.cost.call_columns import KEPT, NO_TIME, UNTIMED
from llmopt.cost.column_book import NAIVE, ColumnBook, place, row_of
from llmopt.cost.column_rows import FREE, SKIP, UNSURE, Layout, Rows

_MASK = (1 << 64) - 1
_FEW = 8


@dataclass(slots=True)
class Scanned:
    """What of the log is not in the columns."""

    unsure: dict[int, list[int]] = field(default_factory=dict)
    """File -> rows (from 1) to be read one by one."""
    rows: Counter[int] = field(default_factory=Counter)
    """File -> rows so far."""
    free: int = 0
    skipped: int = 0
    seen: int = 0


class Scan:
    """Fills a book from batches of rows."""

    def __init__(self, book: ColumnBook, layout: Layout) -> None:
        """Begin where the book ends."""
        self.book, self.layout = book, layout
        self.found = Scanned()
        self._rows = Rows(book, layout)
        self._see_hashed = None if layout.wish.by_label else layout.wish.see_hashed
        self._kinds: dict[int, int] = {}
        self._labels: dict[int, int] = {0: 0}
        self._kept: dict[int, int] = {0: True}
        self._numbers: dict[int, int] = {0: -1}

    def take(self, batch: Batch) -> None:
        """Take some rows."""
        own = batch.columns
        kinds = self._known(own["c_kind"], self._kinds, self._rows.kind, batch)
        orders = self._orders(own["c_file"], batch.length, kinds)
        if min(kinds, default=0) < 0:
            self._leave(kinds)
            wanted = [kind >= 0 for kind in kinds]
        else:
            wanted = []
        self.found.seen += batch.length

        def put(target: array[int], values: Any) -> None:
            target.extend(compress(values, wanted) if wanted else values)

        book = self.book
        put(book.order, orders)
        put(book.kind, kinds)
        put(book.at_us, own["c_at_us"])
        put(book.took_us, own["c_took_us"])
        put(book.ident, own["c_ident"])
        labels = self._known(_of_calls(own["c_label"], wanted), self._labels, self._rows.label, batch)
        put(book.label, labels)
        put(book.request, self._requests(batch, _of_calls(own["c_asked"], wanted), orders, kinds, labels))
        sizes, flags = self._answers(batch, kinds)
        put(book.answer_bytes, sizes)
        put(book.flags, flags)
        length = len(book.at_us)
        for bucket, target in book.usage.items():
            if f"c_{bucket}" in own:
                put(target, own[f"c_{bucket}"])
            else:
                target.frombytes(bytes(8 * (length - len(target))))

    def _known(
        self, hashes: array[int], known: dict[int, int], look: Callable[[Batch, int], int], batch: Batch
    ) -> list[int]:
        """Return what is known of each hash, having looked at the rows with new ones."""
        for row in _first_rows(hashes, _new(hashes, known)):
            known[hashes[row]] = look(batch, row)
        return list(map(known.__getitem__, hashes))

    def _orders(self, files: array[int], length: int, kinds: list[int]) -> Sequence[int]:
        """Return the place of each row in the log, and note the rows of which the statement is not sure."""
        rows, orders, headed = self.found.rows, array("q"), self.layout.headed
        if files[0] == files[-1]:
            first = rows[files[0]] + 1 + (files[0] in headed)
            rows[files[0]] += length
            turn = self.layout.turns[files[0]]
            orders.extend(range(place(turn, first), place(turn, first + length)))
        else:
            for file in files:
                rows[file] += 1
                orders.append(place(self.layout.turns[file], rows[file] + (file in headed)))
        if UNSURE in kinds:
            for file, order, kind in zip(files, orders, kinds, strict=True):
                if kind == UNSURE:
                    self.found.unsure.setdefault(file, []).append(row_of(order) - (file in headed))
        return orders

    def _leave(self, kinds: list[int]) -> None:
        self.found.free += kinds.count(FREE)
        self.found.skipped += kinds.count(SKIP)

    def _requests(
        self, batch: Batch, hashes: array[int], orders: Sequence[int], kinds: list[int], labels: list[int]
    ) -> list[int]:
        """Return the number of each request, having shown the new ones."""
        known = self._numbers
        if self.layout.wish.by_label:
            pairs = zip(hashes, labels, strict=True)
            hashes = array("Q", [hash((value, label)) & _MASK if value else 0 for value, label in pairs])
        new, texts = _new(hashes, known), batch.columns["c_is_text"]
        if new and self._see_hashed is not None and not _any(texts):
            self._show_hashed(batch, hashes, new, orders, kinds)
        elif new:
            rows = _first_rows(hashes, new)
            alone = rows if self._see_hashed is None else [row for row in rows if texts[row]]
            for row in alone:
                kind, label = self.book.kinds[kinds[row]], self.book.labels[labels[row]]
                call = self._rows.call(batch, row, orders[row], kind, label)
                known[hashes[row]] = self.book.request_of(call, labels[row])
            if len(alone) < len(rows):
                hashed = [hashes[row] for row in rows if not texts[row]]
                self._show_hashed(batch, hashes, hashed, orders, kinds)
        return list(map(known.__getitem__, hashes))

    def _show_hashed(
        self, batch: Batch, hashes: array[int], new: list[int], orders: Sequence[int], kinds: list[int]
    ) -> None:
        """Show hashes of prompts that were not seen before, all those of a model and a provider at once."""
        kind_of = dict(zip(hashes, kinds, strict=True))
        of_new = list(map(kind_of.__getitem__, new))
        members: dict[tuple[str | None, str | None], set[int]] = {}
        for number in sorted(set(of_new)):
            kind = self.book.kinds[number]
            members.setdefault((kind.model, kind.provider), set()).add(number)
        self.book.hashed = True
        for numbers in members.values():
            own = list(compress(new, map(numbers.__contains__, of_new)))
            row = hashes.index(own[0])
            call = self._rows.call(batch, row, orders[row], self.book.kinds[kinds[row]], {})
            call = replace(call, request={"prompt_hash": call.prompt_hash})
            first = self._see_hashed(call, len(own)) if self._see_hashed else -1
            self._numbers.update(zip(own, range(first, first + len(own)), strict=True))

    def _answers(self, batch: Batch, kinds: list[int]) -> tuple[Any, Any]:
        """Return the size and the flags of each answer."""
        own = batch.columns
        sizes, there = own["c_answer_bytes"], own["c_answered"]
        flags = self._flags(batch)
        if not _any(there):
            self.book.sizes_estimated = True
            return sizes, flags
        for row in compress(range(batch.length), there):
            if kinds[row] >= 0:
                self._rows.answer(batch, row, sizes, flags)
        self.book.sizes_estimated |= not all(there)
        return sizes, flags

    def _flags(self, batch: Batch) -> array[int]:
        """Return the flags of each call, as far as its answer's text has no say."""
        own = batch.columns
        flags = array("B", [KEPT]) * batch.length
        if _any(own["c_ended"]):
            keeps = self._known(own["c_ended"], self._kept, self._rows.end, batch)
            flags = array("B", [KEPT * keep for keep in keeps])
        if NO_TIME in own["c_at_us"]:
            untimed = (UNTIMED * (at_us == NO_TIME) for at_us in own["c_at_us"])
            flags = array("B", [one | other for one, other in zip(flags, untimed, strict=True)])
        if _any(own["c_naive"]):
            flags = array("B", [one | NAIVE * other for one, other in zip(flags, own["c_naive"], strict=True)])
        return flags


def _new(hashes: array[int], known: dict[int, int]) -> list[int]:
    """Return the hashes that are not known, in the order of the log."""
    return list(filterfalse(known.__contains__, dict.fromkeys(hashes)))


def _first_rows(hashes: array[int], new: list[int]) -> list[int]:
    """Return the first row of each of some hashes."""
    if len(new) < _FEW:
        return [hashes.index(value) for value in new]
    first = dict(zip(reversed(hashes), range(len(hashes) - 1, -1, -1), strict=True))
    return list(map(first.__getitem__, new))


def _any(column: array[int]) -> bool:
    """Is anything in a column that is not zero?"""
    return column.tobytes() != bytes(len(column) * column.itemsize)


def _of_calls(hashes: array[int], wanted: list[bool]) -> array[int]:
    """Return hashes without those of records that are no calls."""
    return array("Q", map(mul, hashes, wanted)) if wanted else hashes
