"""Settle calls that a statement has read as columns: repeats, buckets without a price, and what there is to say."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

from llmopt.core.ledger import Entry, Key
from llmopt.core.rate import Price
from llmopt.core.usage import Usage
from llmopt.cost.call_book import CallBook
from llmopt.cost.call_columns import UNTIMED, Kind
from llmopt.cost.column_book import NAIVE, ColumnBook
from llmopt.cost.column_rows import NO_USAGE
from llmopt.cost.keying import Keying
from llmopt.cost.quote import Quotes, charged
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.cost.spec.row import Outcome


def repeats(book: ColumnBook, fast: range) -> list[tuple[int, int]]:
    """Return (call, the same call further up) of those that were logged again."""
    idents = book.ident[fast.start : fast.stop]
    told = len(idents) - idents.count(0)
    if len(set(idents)) - (told < len(idents)) == told:
        return []
    first: dict[int, int] = {}
    found = []
    for row in sorted(fast, key=book.order.__getitem__):
        ident = book.ident[row]
        if ident and first.setdefault(ident, row) != row:
            found.append((row, first[ident]))
    return found


def merge(book: ColumnBook, again: Sequence[tuple[int, int]]) -> None:
    """Let a call tell what only a repeat of it says."""
    for row, kept in again:
        if book.request[kept] < 0:
            book.request[kept] = book.request[row]
        if not book.took_us[kept]:
            book.took_us[kept] = book.took_us[row]
        if book.label[kept] != book.label[row]:
            own, other = book.labels[book.label[kept]], book.labels[book.label[row]]
            extra = {name: text for name, text in other.items() if name not in GROUP_FIELDS}
            book.label[kept] = book.label_of(extra | dict(own))


def leave_unpriced(book: ColumnBook, fast: range, keying: Keying, quotes: Quotes) -> None:
    """Give calls with tokens in a bucket that has no price a kind that says so."""
    doubtful = {number for number, kind in enumerate(book.kinds) if kind.price and _lacks(kind.price, book.usage)}
    if not doubtful:
        return
    for row in fast:
        if book.kind[row] in doubtful:
            kind = book.kinds[book.kind[row]]
            usage = Usage(**{bucket: column[row] for bucket, column in book.usage.items()})
            key = key_of(kind, keying.band(usage.input_tokens, aggregate=False))
            quote = quotes.of(key)
            spent = quote if isinstance(quote, str) else charged(key, Entry(1, 1, usage), quote.price)
            if isinstance(spent, str):
                book.kind[row] = book.kind_of(key, spent)


def remember(book: ColumnBook, fast: range, dropped: set[int], calls: CallBook[int], quotes: Quotes) -> None:
    """Count what there is to say about the calls where that of the others is counted."""
    rows = [row for row in fast if row not in dropped] if dropped else fast
    flags = Counter(_at(book.flags, rows))
    calls.untimed += sum(count for bits, count in flags.items() if bits & UNTIMED)
    calls.naive += sum(count for bits, count in flags.items() if bits & NAIVE)
    for number, count in Counter(_at(book.kind, rows)).items():
        kind = book.kinds[number]
        if kind.price is None:
            calls.unpriced[kind.unpriced] += count
        quote = NO_USAGE if kind.unpriced == NO_USAGE else quotes.of(key_of(kind, 0))
        for warning in () if isinstance(quote, str) else quote.warnings:
            calls.warnings[warning] += count


def _at(column: array[int], rows: range | list[int]) -> Iterator[int]:
    if isinstance(rows, range):
        return iter(column[rows.start : rows.stop])
    return map(column.__getitem__, rows)


def _lacks(price: Price, usage: dict[str, array[int]]) -> bool:
    """Is there no rate for a bucket that has tokens, in some band?"""
    every = (price.rates, *(band.rates for band in price.bands))
    return any(
        rates.usd_per_mtok(bucket) is None and any(column) for rates in every for bucket, column in usage.items()
    )


def key_of(kind: Kind, band: int) -> Key:
    """Return what the price of a kind depends on, with a long-context band."""
    return Key("", int(Outcome.OK), kind.model, kind.provider, kind.tier, kind.epoch, kind.minute, band)
