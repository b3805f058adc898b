"""Read a part of a log into a slice, and look at each distinct request of the part once."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmopt.core.money import EXACT
from llmopt.cost.call import Call
from llmopt.cost.call_columns import UNTIMED
from llmopt.cost.column_book import NAIVE, ColumnBook
from llmopt.cost.column_rows import NO_USAGE
from llmopt.cost.column_settle import key_of
from llmopt.cost.column_wish import Wish
from llmopt.cost.quote import Quotes
from llmopt.cost.read_columns import ColumnReading
from llmopt.cost.rejected import Rejects
from llmopt.cost.sniff import Sniffed
from llmopt.cost.sources import Source
from llmopt.cost.wanted import Wanted
from llmopt.savings.candidates import FINISH_COLUMNS, is_kept
from llmopt.savings.project.looking import Looker, Seen
from llmopt.savings.project.parts.slices import NO_KEY, Asked, Slice
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.request_facts import label_of

_ENCODE = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a part, or a range of one."""

    source: Source
    """Where a reader finds it."""
    turn: int
    """Its place among all files of the log."""
    start: int = 0
    """Of a range: its first byte in the file."""
    known: Sniffed | None = None
    """What it is; None: it is looked at."""


class Drawn(NamedTuple):
    """A request of the sample that compression and tokenizers are measured on; lowest rank first."""

    rank: int
    part: int
    """Which part of the log drew it."""
    key: bytes
    model: str | None
    text: bytes
    """As in `Sampled`."""


@dataclass(slots=True)
class Counts:
    """What reading a part gave beside calls; adds up."""

    rejects: Rejects = field(default_factory=Rejects)
    aggregated: int = 0
    aggregated_usd: Decimal = Decimal(0)
    free: int = 0
    duplicates: int = 0
    skipped: int = 0
    hashed: bool = False
    """Some requests are known by a hash of their prompt only."""
    looked: bool = False
    """Some are known by more."""
    sizes_estimated: bool = False
    unpaired: list[str] = field(default_factory=list)
    """Ids of texts without usage, whose usage another part may have."""

    def add(self, other: Counts, lines_before: Mapping[str, int] | None = None) -> None:
        """Add those of the next part.

        Args:
            other: unchanged.
            lines_before: file -> lines of it that lie before that part.
        """
        self.rejects.merge(other.rejects, lines_before)
        for name in ("aggregated", "free", "duplicates", "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.aggregated_usd = EXACT.add(self.aggregated_usd, other.aggregated_usd)
        self.hashed |= other.hashed
        self.looked |= other.looked
        self.sizes_estimated |= other.sizes_estimated
        self.unpaired += other.unpaired


@dataclass(slots=True)
class Remarks:
    """What there is to say about calls; as `llmopt.cost.calls.Counted`, and adds up."""

    untimed: int = 0
    naive: int = 0
    unpriced: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    def add(self, other: Remarks) -> None:
        """Add those of other calls."""
        self.untimed += other.untimed
        self.naive += other.naive
        self.unpriced.update(other.unpriced)
        self.warnings.update(other.warnings)


def read_slice(
    pieces: Sequence[Piece], plan: Plan, wanted: Wanted, spool: Path, *, part: int = 0, at_once: bool = True
) -> tuple[Slice, Counts, list[Drawn]]:
    """Read a part of a log.

    Args:
        pieces: its files; a range is the only one.
        plan: levers that are off look at nothing.
        wanted: formats, plan of reading, and prices.
        spool: a directory for copies.
        part: its number.
        at_once: by one statement, as far as that can be; the same for all parts of a log.

    Raises:
        Unfit: it must be one by one.
    """
    looker = Looker(plan, wanted.table)
    spelling = _Spelling(looker)
    wish = Wish(looker.columns, looker.groups, FINISH_COLUMNS, looker.by_label, None, sizes=False)
    book = ColumnBook(spelling.see, is_kept, wanted.quotes, wish)
    book.files.update({piece.source.shown: piece.turn for piece in pieces})
    known = {piece.source.path: piece.known for piece in pieces if piece.known is not None}
    sources = [piece.source for piece in pieces]
    reading = ColumnReading(sources, book, wanted, wish, spool, at_once=at_once, known=known)
    seen = looker.seen()
    found = _slice(reading, spelling, seen, pieces[0].start)
    drawn = [Drawn(item.rank, part, seen.keys[item.number], item.model, item.text) for item in seen.sampled]
    return found, _counts(reading), drawn


def remarks_of(part: Slice, quotes: Quotes) -> Remarks:
    """Count what there is to say about the calls of a slice."""
    flags = Counter(part.flags)
    found = Remarks(
        untimed=sum(calls for bits, calls in flags.items() if bits & UNTIMED),
        naive=sum(calls for bits, calls in flags.items() if bits & NAIVE),
    )
    for number, calls in Counter(part.kind).items():
        kind = part.kinds[number]
        if kind.price is None:
            found.unpriced[kind.unpriced] += calls
        quote = NO_USAGE if kind.unpriced == NO_USAGE else quotes.of(key_of(kind, 0))
        for warning in () if isinstance(quote, str) else quote.warnings:
            found.warnings[warning] += calls
    return found


class _Spelling:
    """Shows requests to a looker, and notes how each is spelled."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self.digests: list[bytes] = []

    def see(self, call: Call) -> int:
        """Give a request its number."""
        number = self._looker.see(call)
        if number >= 0:
            silent = call.usage is not None and not call.counted and call.usage.output_tokens == 0
            label = sorted(label_of(call).items()) if self._looker.by_label else []
            name = (call.request, call.model, call.provider, silent, call.whole, label)
            self.digests.append(blake2b(_ENCODE(name), digest_size=16).digest())
        return number


def _slice(reading: ColumnReading, spelling: _Spelling, seen: Seen, offset: int) -> Slice:
    book, dropped = reading.book, reading.dropped
    first = [0] * len(spelling.digests)
    order = array("q", [row + offset for row in book.order]) if offset else book.order
    for row in sorted(range(len(order)), key=order.__getitem__, reverse=True):
        if book.request[row] >= 0 and row not in dropped:
            first[book.request[row]] = order[row]
    whole = Slice(
        order=order,
        ident=book.ident,
        at_us=book.at_us,
        took_us=book.took_us,
        kind=book.kind,
        request=book.request,
        label=book.label,
        flags=book.flags,
        usage=book.usage,
        kinds=book.kinds,
        labels=book.labels,
        asked=_asked(spelling, seen, first),
    )
    return whole.picked([row for row in range(len(order)) if row not in dropped])


def _asked(spelling: _Spelling, seen: Seen, first: list[int]) -> Asked:
    requests, strata = seen.requests, seen.strata
    names = [*strata.names, None]
    count = len(spelling.digests)
    return Asked(
        spelled=spelling.digests,
        key=[seen.keys[number] or NO_KEY for number in requests.canonical],
        flags=requests.flags,
        route=requests.route or array("i", [-1]) * count,
        stratum=[names[number] for number in strata.of] or [None] * count,
        tokens=strata.tokens or array("q", bytes(8 * count)),
        first=array("q", first),
    )


def _counts(reading: ColumnReading) -> Counts:
    found, book, calls = reading.found, reading.book, reading.calls
    return Counts(
        rejects=found.rejects,
        aggregated=calls.aggregated,
        aggregated_usd=calls.aggregated_usd,
        free=found.free,
        duplicates=found.duplicates,
        skipped=found.skipped,
        hashed=book.hashed,
        looked=book.looked,
        sizes_estimated=book.sizes_estimated,
        unpaired=reading.unpaired,
    )
