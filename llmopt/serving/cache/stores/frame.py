"""Entries as a server keeps them: a head that says what they are, then the entry as `codec` writes it.

The head lets `purge` and `stats` read a few bytes of each entry. It begins with the key, so that an answer meant for
another question (a connection that was left in the middle of a reply) is noticed.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

from llmopt.serving.cache.codec import decoded, encoded
from llmopt.serving.cache.entry import Entry

HEAD_BYTES = 1024
"""Read this much, and there is a whole head, unless names are very long."""
_LENGTH = struct.Struct(">I")
_KINDS: tuple[type | tuple[type, ...], ...] = (str, str, str, (int, float), (int, float), str, int)
"""Of the key and the fields of `Head`."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a stored entry is."""

    tenant: str
    model: str
    stored_at_s: float
    expires_at_s: float
    usd: str
    size_bytes: int
    """Of the answer."""


def framed(key: str, entry: Entry) -> bytes:
    """Return what is stored."""
    facts = (key, entry.tenant, entry.model, entry.stored_at_s, entry.expires_at_s, entry.usd, len(entry.body))
    head = json.dumps(facts, separators=(",", ":")).encode()
    return _LENGTH.pack(len(head)) + head + encoded(entry)


def unframed(key: str, data: bytes) -> Entry | None:
    """Return the entry; None: it is damaged, of another version, or the answer to another question."""
    begins = f"[{json.dumps(key)},".encode()
    if len(data) < _LENGTH.size or not data.startswith(begins, _LENGTH.size):
        return None
    return decoded(data[_LENGTH.size + _LENGTH.unpack_from(data)[0] :])


def head_size(data: bytes) -> int:
    """Return how many bytes there are up to the end of the head; 0 where there is none."""
    return _LENGTH.size + _LENGTH.unpack_from(data)[0] if len(data) >= _LENGTH.size else 0


def head(data: bytes) -> Head | None:
    """Return the head of what is stored; None: it is none that can be read."""
    try:
        facts = json.loads(data[_LENGTH.size : head_size(data)])
    except ValueError:
        return None
    if not isinstance(facts, list) or len(facts) != len(_KINDS) or not _is_each(facts):
        return None
    return Head(*facts[1:])


def _is_each(facts: list[object]) -> bool:
    return all(isinstance(fact, kind) for fact, kind in zip(facts, _KINDS, strict=True))
