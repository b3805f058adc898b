"""Columns as they fill: calls in any order come in, and go out by time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from operator import le

import msgspec

from llmopt.core.ledger import Key
from llmopt.core.usage import BUCKETS
from llmopt.cost.answer_bytes import answer_bytes
from llmopt.cost.call import Call
from llmopt.cost.call_columns import COUNTED, KEPT, NO_TIME, UNTIMED, CallColumns, Kind
from llmopt.cost.column_wish import Wish
from llmopt.cost.identity import number_of
from llmopt.cost.quote import Quotes
from llmopt.cost.spec.values import epoch_micros

_ENCODE = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode
_MOST_US = 2**62
_ROW_BITS = 40
NAIVE = 128
"""Bit of the flags of a book: the log gave no time zone."""
_SHOWN = bytes(flags & ~NAIVE for flags in range(256))

See = Callable[[Call], int]
"""Looks at a request, and gives it a number."""
Kept = Callable[[str | None, Mapping[str, str]], bool]
"""Says of an answer (its text, and the columns about its end) whether a cache keeps it."""


def place(file: int, row: int) -> int:
    """Return a number by which records come in the order of the log."""
    return file << _ROW_BITS | row


def row_of(order: int) -> int:
    """Return the row, of a place in the log."""
    return order & (1 << _ROW_BITS) - 1


class ColumnBook:
    """Keeps calls as numbers."""

    def __init__(
        self, see: See, kept: Kept | None, quotes: Quotes, wish: Wish, *, known: dict[object, int] | None = None
    ) -> None:
        """Begin with nothing; the arguments are those of `llmopt.cost.read_columns.read_columns`.

        Args:
            see: looks at requests.
            kept: looks at answers.
            quotes: prices.
            wish: what is wanted of each call.
            known: the requests that `see` has seen; added to.
        """
        self._see, self._kept, self._quotes, self._wish = see, kept, quotes, wish
        self.at_us, self.took_us, self.answer_bytes = array("q"), array("q"), array("q")
        self.kind, self.request, self.label, self.flags = array("i"), array("i"), array("i"), array("B")
        self.usage = {bucket: array("q") for bucket in BUCKETS}
        self.order, self.ident = array("q"), array("Q")
        """Place in the log, and what a record is told from others by; 0 where nothing does."""
        self.files: dict[str, int] = {}
        """Name of a file -> its place among all."""
        self.counts: Mapping[tuple[str, int], int] = {}
        """(File, line) of a record -> its count in the file, where a statement counts otherwise than by lines."""
        self.kinds: list[Kind] = []
        self.labels: list[Mapping[str, str]] = []
        self._kinds: dict[tuple[object, ...], int] = {}
        self._labels: dict[tuple[tuple[str, str], ...], int] = {}
        self._numbers: dict[object, int] = {} if known is None else known
        self.hashed = self.looked = self.sizes_estimated = False

    def take(self, call: Call) -> int:
        """Add a call; return its place among all that were added."""
        usage = call.usage
        estimated = call.response is None
        self.sizes_estimated |= estimated
        ends = {name: text for name in self._wish.ends if (text := call.columns.get(name)) is not None}
        keeps = self.keeps(call.response, ends)
        file, _, line = call.where.rpartition(":")
        at_us = epoch_micros(call.at)
        label = self._label(call)
        self.order.append(place(self.files.get(file, 0), self.counts.get((file, int(line)), int(line))))
        self.ident.append(0 if call.identity is None else number_of(call.identity))
        self.at_us.append(NO_TIME if at_us is None else at_us)
        self.kind.append(self.kind_of(call.key or Key("", 0, call.model, call.provider), call.unpriced))
        self.label.append(label)
        self.request.append(self.request_of(call, label))
        self.took_us.append(0 if call.latency_s is None else min(round(call.latency_s * 1e6), _MOST_US))
        self.answer_bytes.append(answer_bytes(call.response, usage.output_tokens if usage else 0))
        self.flags.append(KEPT * keeps | COUNTED * call.counted | UNTIMED * (at_us is None) | NAIVE * call.naive)
        for bucket, column in self.usage.items():
            column.append(getattr(usage, bucket) if usage else 0)
        return len(self.at_us) - 1

    def kind_of(self, key: Key, unpriced: str) -> int:
        """Return the number of a kind; one with a reason has no price."""
        name = (key.model, key.provider, key.tier, key.epoch, key.minute, unpriced)
        found = self._kinds.get(name)
        if found is None:
            quote = unpriced or self._quotes.of(key)
            if isinstance(quote, str) and quote != unpriced:
                return self._kinds.setdefault(name, self.kind_of(key, quote))
            self.kinds.append(Kind(*name[:5], None if isinstance(quote, str) else quote.price, unpriced))
            found = self._kinds[name] = len(self.kinds) - 1
        return found

    def keeps(self, response: str | None, ends: Mapping[str, str]) -> bool:
        """Does a cache keep an answer?"""
        return self._kept is None or self._kept(response, ends)

    def cut(self, length: int) -> None:
        """Forget the calls after the first `length`."""
        for column in (*self._all(), *self.usage.values()):
            del column[length:]

    def _all(self) -> tuple[array[int], ...]:
        return (
            *(self.at_us, self.took_us, self.answer_bytes, self.order, self.ident),
            *(self.kind, self.request, self.label, self.flags),
        )

    def by_time(self, dropped: set[int]) -> Sequence[int]:
        """Return the calls by time, those without one last, those of one time in the order of the log."""
        order: Sequence[int] = range(len(self.at_us))
        if not dropped and _rises(self.at_us) and _rises(self.order) and NO_TIME not in self.at_us[:1]:
            return order
        if dropped:
            order = [row for row in order if row not in dropped]
        listed = sorted(order, key=self.order.__getitem__)
        at_us = self.at_us
        untimed = [row for row in listed if at_us[row] == NO_TIME] if NO_TIME in at_us else []
        timed = [row for row in listed if at_us[row] != NO_TIME] if untimed else listed
        timed.sort(key=at_us.__getitem__)
        return timed + untimed

    def label_of(self, label: Mapping[str, str]) -> int:
        """Return the number of a label."""
        name = tuple(sorted(label.items()))
        found = self._labels.get(name)
        if found is None:
            self.labels.append(label)
            found = self._labels[name] = len(self.labels) - 1
        return found

    def columns(self, order: Sequence[int]) -> CallColumns:
        """Return the columns with the calls in this order."""

        def pick(column: array[int]) -> array[int]:
            return column if isinstance(order, range) else array(column.typecode, map(column.__getitem__, order))

        return CallColumns(
            at_us=pick(self.at_us),
            kind=pick(self.kind),
            request=pick(self.request),
            usage={bucket: pick(column) for bucket, column in self.usage.items() if any(column)},
            took_us=pick(self.took_us),
            answer_bytes=pick(self.answer_bytes),
            flags=pick(array("B", self.flags.tobytes().translate(_SHOWN))),
            label=pick(self.label),
            kinds=self.kinds,
            labels=self.labels,
            hashed=self.hashed and not self.looked,
            sizes_estimated=self.sizes_estimated,
        )

    def _label(self, call: Call) -> int:
        wish, columns, groups = self._wish, call.columns, call.groups
        own = {name: text for name in wish.columns if (text := columns.get(name)) is not None}
        return self.label_of(own | {name: text for name in wish.groups if (text := groups.get(name)) is not None})

    def request_of(self, call: Call, label: int) -> int:
        """Return what is said of a request; that of a repeated one is known."""
        group = label if self._wish.by_label else 0
        if call.request is None:
            return -1 if call.prompt_hash is None else self._hash(call, group)
        self.looked = True
        silent = call.usage is not None and not call.counted and call.usage.output_tokens == 0
        text = _ENCODE(call.request)
        digest = blake2b(text, digest_size=16).digest()
        name = (digest, call.model, call.provider, silent, call.whole, group)
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = self._see(call)
        return found

    def _hash(self, call: Call, group: int) -> int:
        self.hashed = True
        name = (call.prompt_hash, call.model, call.provider, group)
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = self._see(replace(call, request={"prompt_hash": call.prompt_hash}))
        return found


def _rises(column: array[int]) -> bool:
    """Is each value at least the one before?"""
    return all(map(le, column, islice(column, 1, None)))
