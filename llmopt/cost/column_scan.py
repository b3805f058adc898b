"""Take the batches of the statement of `llmopt.cost.column_sql` into columns.

Whole columns go over at once; Python looks at a row only where a hash turns up for the first time: of a kind of price,
of a label, of a request.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import msgspec

from llmopt.core.ledger import Key
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.answer_bytes import answer_bytes
from llmopt.cost.answered import answered, column
from llmopt.cost.arrow import Batch
from llmopt.cost.asked import Asked, asked, asked_as, hash_of, is_cut
from llmopt.cost.call import Call
from llmopt.cost.call_columns import KEPT, NO_TIME, UNTIMED
from llmopt.cost.column_book import NAIVE, ColumnBook, place
from llmopt.cost.column_cells import along, cell, constant_provider, text_at, tier_of
from llmopt.cost.column_sql import Places, keying_of
from llmopt.cost.plan import Plan
from llmopt.cost.spec.expr import Path
from llmopt.cost.spec.load import GROUP_FIELDS, Spec
from llmopt.cost.spec.row import Outcome
from llmopt.cost.spec.values import SAYS_NOTHING, from_micros, to_text
from llmopt.cost.totals import unpacked

_FREE, _SKIP, _UNSURE = -1, -2, -3
"""What becomes of a record that is no call, in the place of the number of its kind."""
NO_USAGE = "no usage in the record"


class NeedsSettings(Exception):
    """A request is logged in parts, and what may stand beside it was not read."""


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


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of the statement mean."""

    plan: Plan
    formats: Sequence[Spec]
    places: Places
    files: Sequence[str]
    """Names of the files by number."""
    turns: Sequence[int]
    """Their places among all files of the log."""
    tables: frozenset[int]
    """Numbers of the files that are tables."""
    headed: frozenset[int]
    """Numbers of the files whose first line names the columns."""
    columns: tuple[str, ...]
    ends: tuple[str, ...]
    settings: bool
    """Was read what may stand beside a question?"""
    by_label: bool


class Scan:
    """Fills a book from batches of rows."""

    def __init__(self, book: ColumnBook, layout: Layout, see_hashed: Callable[[Call, int], int] | None) -> None:
        """Begin where the book ends."""
        self.book, self.layout = book, layout
        self.found = Scanned()
        self._see_hashed = None if layout.by_label else see_hashed
        self._keying = keying_of(layout.plan)
        self._kinds: dict[int, int] = {}
        self._formats: dict[int, int] = {}
        """Kind of the statement -> format."""
        self._keys: dict[int, Key] = {}
        self._labels: dict[int, int] = {}
        self._kept: dict[int, int] = {0: True}
        self._numbers: dict[int, int] = {0: -1}
        self._turns: list[int] = []
        """Places in the log of the rows at hand."""

    def take(self, batch: Batch) -> None:
        """Take some rows."""
        own = batch.columns
        kinds = self._known(own["c_kind"], self._kinds, self._kind, batch)
        orders = self._turns = self._orders(own["c_file"], batch.length, kinds)
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
        labels = self._known(own["c_label"], self._labels, self._label, batch)
        put(book.label, labels)
        put(book.request, self._requests(batch, kinds, labels))
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
        new = set(hashes).difference(known)
        if new:
            for row, value in enumerate(hashes):
                if value in new:
                    new.discard(value)
                    known[value] = look(batch, row)
                    if not new:
                        break
        return list(map(known.__getitem__, hashes))

    def _orders(self, files: array[int], length: int, kinds: list[int]) -> list[int]:
        """Return the place of each row in the log, and note the rows of which the statement is not sure."""
        rows = self.found.rows
        if files[0] == files[-1]:
            first = rows[files[0]] + 1
            rows[files[0]] += length
            turn = self.layout.turns[files[0]]
            orders = list(range(place(turn, first), place(turn, first + length)))
        else:
            orders = []
            for file in files:
                rows[file] += 1
                orders.append(place(self.layout.turns[file], rows[file]))
        if _UNSURE in kinds:
            for file, order, kind in zip(files, orders, kinds, strict=True):
                if kind == _UNSURE:
                    self.found.unsure.setdefault(file, []).append(order & (1 << 40) - 1)
        return orders

    def _leave(self, kinds: list[int]) -> None:
        counts = Counter(kind for kind in kinds if kind < 0)
        self.found.free += counts[_FREE]
        self.found.skipped += counts[_SKIP]

    def _kind(self, batch: Batch, row: int) -> int:
        """Look at a kind of record: the kind of the calls, or what becomes of them."""
        own = batch.columns
        formats = self.layout.formats
        _, fmt, outcome, epoch, minute, _ = unpacked(own["c_packed"][row], len(formats), self._keying)
        if outcome in (Outcome.FREE, Outcome.SKIP):
            return _FREE if outcome == Outcome.FREE else _SKIP
        if outcome not in (Outcome.OK, Outcome.NO_USAGE):
            return _UNSURE
        spec = formats[fmt]
        tier = tier_of(spec, text_at(own["c_tier"], row))
        if tier is None:
            return _UNSURE
        key = Key(
            format=spec.name,
            outcome=outcome,
            model=text_at(own["c_model"], row),
            provider=text_at(own["c_provider"], row) or constant_provider(spec),
            tier=tier,
            epoch=None if epoch < 0 else self._keying.epoch_start(epoch),
            minute=self._keying.minutes[minute - 1] if minute else 0,
        )
        self._formats[own["c_kind"][row]] = fmt
        return self.book.kind_of(key, "" if outcome == Outcome.OK else NO_USAGE)

    def _label(self, batch: Batch, row: int) -> int:
        record, line = self._reduced(batch, row, "c_label_text")
        extra = {name: text for name in self.layout.columns if (text := column(record, line, name)) is not None}
        own = batch.columns
        groups = {name: text for name in GROUP_FIELDS if (text := text_at(own[f"c_g_{name}"], row)) is not None}
        return self.book.label_of(extra | groups)

    def _reduced(self, batch: Batch, row: int, packed: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the record and the line with those of their fields that are in a column."""
        own, places = batch.columns, self.layout.places
        fmt = self._formats.get(own["c_kind"][row], 0)
        wrapper = self.layout.formats[fmt].wrapper if self.layout.formats else ()
        number = places.wrappers.index(wrapper)
        table = own["c_file"][row] in self.layout.tables
        line: dict[str, Any] = {}
        record: dict[str, Any] = {} if number else line
        texts = own[packed]
        raw = None if texts is None else texts[row]
        for place_name, value in (msgspec.json.decode(raw) if raw else {}).items():
            where, _, name = place_name.partition(":")
            value = cell(value) if table else value
            if value is not None and where and int(where) in (0, number):
                if name:
                    (record if int(where) else line)[name] = value
                elif isinstance(value, dict):
                    record.update(value)
        return record, line

    def _requests(self, batch: Batch, kinds: list[int], labels: list[int]) -> list[int]:
        """Return the number of each request, having shown the new ones."""
        hashes, known = batch.columns["c_asked"], self._numbers
        if self.layout.by_label:
            hashes = array(
                "Q",
                [
                    hash((value, label)) & (1 << 64) - 1 if value else 0
                    for value, label in zip(hashes, labels, strict=True)
                ],
            )
        new = set(hashes).difference(known)
        if new:
            rows = []
            for row, value in enumerate(hashes):
                if value in new:
                    new.discard(value)
                    rows.append(row)
                    if not new:
                        break
            self._show(batch, rows, hashes, kinds, labels)
        return list(map(known.__getitem__, hashes))

    def _show(self, batch: Batch, rows: list[int], hashes: array[int], kinds: list[int], labels: list[int]) -> None:
        """Show requests that were not seen before: hashes of prompts all at once, others one by one."""
        is_text = batch.columns["c_is_text"]
        hashed: dict[tuple[str | None, str | None], list[int]] = {}
        for row in rows:
            if self._see_hashed is None or is_text[row]:
                self._numbers[hashes[row]] = self.book.request_of(self._call(batch, row, kinds, labels), labels[row])
            else:
                kind = self.book.kinds[kinds[row]]
                hashed.setdefault((kind.model, kind.provider), []).append(row)
        for members in hashed.values():
            self.book.hashed = True
            call = self._call(batch, members[0], kinds, labels, shown=True)
            first = self._see_hashed(call, len(members)) if self._see_hashed else -1
            for number, row in enumerate(members, first):
                self._numbers[hashes[row]] = number

    def _call(self, batch: Batch, row: int, kinds: list[int], labels: list[int], *, shown: bool = False) -> Call:
        """Return a call as it is shown: without its price, its answer and its latency."""
        own, kind, label = batch.columns, self.book.kinds[kinds[row]], self.book.labels[labels[row]]
        found = self._asked(batch, row) if own["c_is_text"][row] else None
        at_us = own["c_at_us"][row]
        usage = Usage(**{name: own[f"c_{name}"][row] for name in BUCKETS if f"c_{name}" in own})
        prompt_hash = None if found is not None else self._hash_text(batch, row)
        return Call(
            where=self._where(own["c_file"][row], row),
            at=None if at_us == NO_TIME else from_micros(at_us),
            model=kind.model,
            provider=kind.provider,
            request={"prompt_hash": prompt_hash} if shown else found.body if found is not None else None,
            whole=found is not None and found.whole,
            response=None,
            usage=None if kind.unpriced == NO_USAGE else usage,
            cost_usd=None,
            groups={name: label.get(name) for name in GROUP_FIELDS},
            columns={name: label.get(name) for name in self.layout.columns},
            prompt_hash=prompt_hash,
        )

    def _hash_text(self, batch: Batch, row: int) -> str | None:
        known = text_at(batch.columns["c_hash_text"], row)
        return known or hash_of(*self._reduced(batch, row, "c_asked_text"))

    def _where(self, file: int, row: int) -> str:
        line = (self._turns[row] & (1 << 40) - 1) + (file in self.layout.headed)
        return f"{self.layout.files[file]}:{line}"

    def _asked(self, batch: Batch, row: int) -> Asked | None:
        """Look for what was asked, as `llmopt.cost.call_book` does in a whole record."""
        record, line = self._reduced(batch, row, "c_asked_text")
        model = text_at(batch.columns.get("c_line_model"), row)
        if model is not None:
            line["model"] = model
        spec = self.layout.formats[self._formats[batch.columns["c_kind"][row]]]
        own = spec.fields.get("prompt")
        found = None if isinstance(own, Path) else asked(record, line)
        text = to_text(along(record, own)) if isinstance(own, Path) else None
        if text is not None and text.strip() not in SAYS_NOTHING:
            found = asked_as(text, record)
        found = found or asked(record, line)
        if found is None or is_cut(msgspec.json.encode(found.body)):
            return None
        if not (found.whole or self.layout.settings):
            raise NeedsSettings
        return found

    def _answers(self, batch: Batch, kinds: list[int]) -> tuple[Any, Any]:
        """Return the size and the flags of each answer."""
        own = batch.columns
        sizes = own["c_answer_bytes"]
        keeps = self._known(own["c_ended"], self._kept, self._end, batch)
        flags = [KEPT * keep for keep in keeps] if False in self._kept.values() else [KEPT] * batch.length
        if NO_TIME in own["c_at_us"]:
            untimed = (UNTIMED * (at_us == NO_TIME) for at_us in own["c_at_us"])
            flags = [one | other for one, other in zip(flags, untimed, strict=True)]
        if any(own["c_naive"]):
            flags = [one | NAIVE * other for one, other in zip(flags, own["c_naive"], strict=True)]
        there = own["c_answered"]
        if not any(there):
            self.book.sizes_estimated = True
            return sizes, flags
        for row, is_there in enumerate(there):
            if is_there and kinds[row] >= 0:
                self._answer(batch, row, sizes, flags)
        self.book.sizes_estimated |= not all(there)
        return sizes, flags

    def _end(self, batch: Batch, row: int) -> bool:
        """Is an answer kept as far as the columns about its end say?"""
        return self.book.keeps(None, self._ends(batch, row))

    def _ends(self, batch: Batch, row: int) -> dict[str, str]:
        record, line = self._reduced(batch, row, "c_end_text")
        return {name: text for name in self.layout.ends if (text := column(record, line, name)) is not None}

    def _answer(self, batch: Batch, row: int, sizes: array[int], flags: list[int]) -> None:
        """Look at an answer; of one that is a whole record, only those of its fields are there that tell of it."""
        record, line = self._reduced(batch, row, "c_answer_text")
        text = answered(record, line)
        if text is None:
            self.book.sizes_estimated = True
            return
        if text.startswith("{") and (record is line or not self.layout.places.bodies):
            self.book.sizes_estimated = True
        else:
            sizes[row] = answer_bytes(text, 0)
        kept = not flags[row] & KEPT or self.book.keeps(text, {})
        if not kept:
            flags[row] &= ~KEPT
