"""Hand calls over one by one as they enter the ledger, each with what its records say and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic

import msgspec

from llmopt.core.ledger import Entry, Key
from llmopt.core.money import EXACT
from llmopt.cost.answered import answered, column
from llmopt.cost.asked import Asked, asked, asked_as, hash_of, is_cut
from llmopt.cost.call import Call, T
from llmopt.cost.identity import Identity
from llmopt.cost.quote import Quotes, charged
from llmopt.cost.shelf import Shelf, Ticket
from llmopt.cost.spec.closures import Closures, Frames
from llmopt.cost.spec.expr import Path
from llmopt.cost.spec.load import GROUP_FIELDS, Spec
from llmopt.cost.spec.row import Outcome, Row, Told
from llmopt.cost.spec.values import SAYS_NOTHING, epoch_micros, from_micros, to_money, to_time

_ENCODE = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode
STAMPS = ("timestamp", "time", "ts", "created_at", "request_time", "start_time", "startTime")
"""Where a line may have the time of its request beside the `created` of an answer, which is in whole seconds."""
_NONE: dict[str, str] = {}
"""Columns of most records; one for all, for there may be millions."""


@dataclass(slots=True)
class Note:
    """What the records of one call say beyond what a bill needs."""

    shelf: Shelf
    """Where its texts wait."""
    where: str
    order: int
    """Place among all calls of the log."""
    stamped_us: int | None
    """Time of the line, in microseconds since 1970, where it has one to the fraction of a second."""
    latency_s: float | None
    columns: dict[str, str]
    """Those that the record has."""
    request: list[tuple[int, Ticket]]
    """What was asked, as JSON, with its number where it was split over several records; empty: nobody knows."""
    whole: bool
    split: bool
    """Was it split?"""
    response: Ticket | None
    prompt_hash: str | None = None
    identity: Identity | None = None
    """As `Reader` has it, where it keeps the records of one response."""

    def absorb(self, other: Told) -> None:
        """Take what only another record of the same call says, and its request if that is more of it."""
        if not isinstance(other, Note):
            return
        self._absorb_request(other)
        if self.response is None:
            self.response, other.response = other.response, None
        self.shelf.drop(other.response)
        if self.latency_s is None:
            self.latency_s = other.latency_s
        if self.stamped_us is None:
            self.stamped_us = other.stamped_us
        if self.prompt_hash is None:
            self.prompt_hash = other.prompt_hash
        if other.columns:
            self.columns = {**other.columns, **self.columns}

    def _absorb_request(self, other: Note) -> None:
        if self.split and other.split:
            self.request += other.request
        elif not self.request or (other.whole and not self.whole):
            self.request, other.request = other.request, self.request
            self.whole, self.split = other.whole, other.split
            self._drop(other)
        else:
            self._drop(other)

    def _drop(self, other: Note) -> None:
        for _, ticket in other.request:
            self.shelf.drop(ticket)


class CallBook(Generic[T]):
    """Takes calls, and keeps what is wanted of each."""

    def __init__(self, take: Callable[[Call], T], columns: tuple[str, ...], quotes: Quotes, shelf: Shelf) -> None:
        """Begin with nothing.

        Args:
            take: what to keep of a call.
            columns: the extra columns.
            quotes: prices.
            shelf: where texts wait.
        """
        self._take, self._columns, self._quotes, self._shelf = take, columns, quotes, shelf
        self._taken: list[tuple[int | None, int, T]] = []
        self._read: dict[tuple[str, str], Callable[[Frames], str | None]] = {}
        self._aggregates: set[str] = set()
        self._seen = 0
        self.untimed = self.naive = self.aggregated = 0
        self.aggregated_usd = Decimal(0)
        self.unpriced: Counter[str] = Counter()
        """Reason -> calls."""
        self.warnings: Counter[str] = Counter()
        """What there is to say about prices -> calls."""

    def note(self, spec: Spec, frames: Frames, where: str) -> Note:
        """Look at a record while it is there."""
        self._seen += 1
        if spec.aggregate:
            self._aggregates.add(spec.name)
        record = frames.levels[-1]
        line = record if spec.rows else frames.line
        found, request = self._asked(spec, frames, line), list[tuple[int, Ticket]]()
        text = _ENCODE(found.body) if found is not None else b""
        if found is not None and not is_cut(text):
            request.append((found.part or 0, self._shelf.put(text)))
        own = self._field(spec, "response", frames) if _is_column(spec, "response") else None
        response = own or answered(record, line)
        return Note(
            shelf=self._shelf,
            where=where,
            order=self._seen,
            stamped_us=_stamped_us(line),
            latency_s=self._took(spec, frames),
            columns=self._read_columns(record, line),
            request=request,
            whole=bool(request) and found is not None and found.whole,
            split=found is not None and found.part is not None,
            response=None if response is None else self._shelf.put(response.encode("utf-8", "surrogatepass")),
            prompt_hash=None if request else self._field(spec, "prompt_hash", frames) or hash_of(record, line),
        )

    def enter(self, key: Key, entry: Entry, row: Row) -> None:
        """Take a call, as it enters the ledger."""
        note = row.told
        if not isinstance(note, Note):
            return
        if key.format in self._aggregates or entry.requests != 1:
            self.aggregated += entry.records
            self.aggregated_usd = EXACT.add(self.aggregated_usd, self._quotes.cost_usd(key, entry) or 0)
            return
        cost, unpriced = self._cost(key, entry)
        self.untimed += entry.untimed
        self.naive += entry.naive
        at = _finer(entry.first, note.stamped_us)
        call = Call(
            where=note.where,
            at=at,
            model=key.model,
            provider=key.provider,
            request=self._request(note),
            whole=note.whole,
            response=self._response(note),
            usage=entry.usage if key.outcome == Outcome.OK else None,
            cost_usd=cost,
            unpriced=unpriced,
            counted=entry.counted is not None,
            latency_s=note.latency_s,
            groups=dict(zip(GROUP_FIELDS, key.groups, strict=True)),
            columns={name: note.columns.get(name) for name in self._columns},
            prompt_hash=None if note.request else note.prompt_hash,
            key=key,
            identity=note.identity,
            naive=bool(entry.naive),
        )
        self._taken.append((epoch_micros(at), note.order, self._take(call)))

    def by_time(self) -> tuple[T, ...]:
        """Return what was taken of each call: by time, those without one last."""
        self._taken.sort(key=lambda item: (item[0] is None, item[0] or 0, item[1]))
        return tuple(taken for _, _, taken in self._taken)

    def _read_columns(self, record: Any, line: Any) -> dict[str, str]:
        found = ((name, column(record, line, name)) for name in self._columns)
        return {name: value for name, value in found if value is not None} or _NONE

    def _cost(self, key: Key, entry: Entry) -> tuple[Decimal | None, str]:
        """Price a call, or say why it has no price."""
        if key.outcome != Outcome.OK:
            return self._left("no usage in the record")
        quote = self._quotes.of(key)
        if isinstance(quote, str):
            return self._left(quote)
        self.warnings.update(quote.warnings)
        spent = charged(key, entry, quote.price)
        return self._left(spent) if isinstance(spent, str) else (spent.cost_usd, "")

    def _left(self, reason: str) -> tuple[None, str]:
        self.unpriced[reason] += 1
        return None, reason

    def _request(self, note: Note) -> dict[str, Any] | None:
        """Decode what was asked; texts that it was split into are put together in order."""
        parts = [msgspec.json.decode(self._shelf.take(ticket)) for _, ticket in sorted(note.request, key=_number)]
        if len(parts) < 2:
            return parts[0] if parts else None
        said = [part["messages"] for part in parts]
        return {
            **parts[0],
            "messages": [message for some in said for message in (some if type(some) is list else [some])],
        }

    def _response(self, note: Note) -> str | None:
        return None if note.response is None else self._shelf.take(note.response).decode("utf-8", "surrogatepass")

    def _asked(self, spec: Spec, frames: Frames, line: Any) -> Asked | None:
        """Look for what was asked: in the column that is named for it, by shape, or as the format counts its tokens."""
        found = None if _is_column(spec, "prompt") else asked(frames.levels[-1], line)
        text = self._field(spec, "prompt", frames) if found is None else None
        if text is not None and text.strip() not in SAYS_NOTHING:
            found = asked_as(text, frames.levels[-1])
        return found or asked(frames.levels[-1], line)

    def _took(self, spec: Spec, frames: Frames) -> float | None:
        """Return how long a call took; None where the log does not say, or says nonsense."""
        seconds = to_money(self._field(spec, "latency_s", frames))
        return None if seconds is None or seconds < 0 else float(seconds)

    def _field(self, spec: Spec, name: str, frames: Frames) -> str | None:
        """Read a field of the format as text."""
        known = spec.fields.get(name)
        if known is None:
            return None
        if (spec.variant, name) not in self._read:
            self._read[spec.variant, name] = Closures(spec).text(known)
        return self._read[spec.variant, name](frames)


def _stamped_us(line: Any) -> int | None:
    """Read the time of a line; None where there is none to the fraction of a second."""
    if not isinstance(line, dict):
        return None
    found = next((line[name] for name in STAMPS if line.get(name) is not None), None)
    return epoch_micros(to_time(found)[0]) if isinstance(found, (str, float)) else None


def _finer(at: datetime | None, stamped_us: int | None) -> datetime | None:
    """Return when a call was made: as the bill has it, and within that second as the line says."""
    if at is None or stamped_us is None or at.microsecond:
        return at
    finer = from_micros(stamped_us)
    return finer if finer is not None and finer.replace(microsecond=0) == at else at


def _is_column(spec: Spec, name: str) -> bool:
    """Does the format, or the user, name one column for a text?"""
    return isinstance(spec.fields.get(name), Path)


def _number(part: tuple[int, Ticket]) -> int:
    return part[0]
