"""A part of a log as bytes (msgpack), to be sent to another machine or laid aside for the next night."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.cost.identity import Identity
from llmopt.cost.pairs import Answer, Kept
from llmopt.cost.partial import Partial
from llmopt.cost.rejected import Reject, Rejects


@dataclass(slots=True)
class _Packed:
    """The fields of `Partial`, with plain lists in the place of what has methods."""

    files: list[str]
    ledger: list[tuple[Key, Entry]]
    rejects: list[Reject]
    seen: int
    free: int
    skipped: int
    duplicates: int
    dearest_usd: Decimal | None
    ids: list[int]
    rows: list[str]
    kept: list[tuple[Identity, Kept]]
    answers: list[Answer]


def encode(partial: Partial) -> bytes:
    """Return a part as bytes; the files of its rows stay where they are."""
    fields = {field.name: getattr(partial, field.name) for field in dataclasses.fields(partial)}
    fields["ledger"], fields["rejects"] = list(partial.ledger), list(partial.rejects.kinds())
    return msgspec.msgpack.encode(_Packed(**fields))


def decode(data: bytes) -> Partial:
    """Return the part that `encode` has written.

    Raises:
        msgspec.DecodeError: something else has written it.
    """
    packed = msgspec.msgpack.decode(data, type=_Packed, dec_hook=_unknown)
    ledger, rejects = Ledger(), Rejects()
    for key, entry in packed.ledger:
        ledger.add(key, entry)
    for reject in packed.rejects:
        rejects.take(reject)
    fields = {field.name: getattr(packed, field.name) for field in dataclasses.fields(packed)}
    return Partial(**fields | {"ledger": ledger, "rejects": rejects})


def _unknown(kind: type, _: Any) -> None:
    """Refuse what a part does not hold: only those who read calls one by one make more of a record."""
    raise NotImplementedError(f"{kind.__name__} in a part of a log")
