"""Entries as bytes, for stores that keep bytes; what is damaged, under another key, or of another version is no entry.

Layout, little endian: 4 bytes of magic with the version, CRC-32 of all that follows and of the key, the two instants as
doubles, three lengths, then tenant, model, cost and body. The key is part of the checksum, so that an index that points
to the wrong bytes is a miss and not somebody else's answer. A checksum finds damage; it does not keep out somebody who
may write to the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from llmopt.serving.cache.entry import Entry

MAGIC = b"LMA\x01"
"""First bytes; the last of them is the version of the layout."""
_HEAD = Struct("<4sIddIII")
_FRONT_BYTES = 8
"""Of magic and checksum."""
HEAD_BYTES = 1024
"""Read this much, and there is a whole head, unless names are very long."""


@dataclass(frozen=True, slots=True)
class Head:
    """What an entry is, without the answer."""

    tenant: str
    model: str
    stored_at_s: float
    expires_at_s: float
    usd: str
    size_bytes: int
    """Of all that comes before the answer."""


def encoded(entry: Entry, key: str = "") -> bytes:
    """Return an entry as bytes.

    Args:
        entry: to be kept.
        key: under which it is kept; `decoded` has to be given the same.
    """
    tenant, model, usd = _bytes(entry.tenant), _bytes(entry.model), _bytes(entry.usd)
    head = _HEAD.pack(MAGIC, 0, entry.stored_at_s, entry.expires_at_s, len(tenant), len(model), len(usd))
    rest = b"".join((head[_FRONT_BYTES:], tenant, model, usd, entry.body))
    return b"".join((MAGIC, crc32(rest, crc32(_bytes(key))).to_bytes(4, "little"), rest))


def decoded(data: object, key: str = "") -> Entry | None:
    """Return the entry of bytes; None where they are damaged, cut, under another key, or of another version.

    Args:
        data: as `encoded` made them; a database may give back what is no bytes at all.
        key: under which they were found.
    """
    if not isinstance(data, bytes) or len(data) < _HEAD.size:
        return None
    magic, checksum, stored_at_s, expires_at_s, tenant, model, usd = _HEAD.unpack_from(data)
    if magic != MAGIC or checksum != crc32(memoryview(data)[_FRONT_BYTES:], crc32(_bytes(key))):
        return None
    tenant += _HEAD.size
    model += tenant
    usd += model
    if usd > len(data):
        return None
    try:
        owner, asked, cost = _text(data[_HEAD.size : tenant]), _text(data[tenant:model]), _text(data[model:usd])
    except UnicodeDecodeError:
        return None
    return Entry(data[usd:], owner, asked, stored_at_s, expires_at_s, cost)


def head_size(data: bytes) -> int:
    """Return how many bytes come before the answer; 0 where the data is no entry."""
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        return 0
    tenant, model, usd = _HEAD.unpack_from(data)[4:]
    size: int = _HEAD.size + tenant + model + usd
    return size


def head(data: bytes) -> Head | None:
    """Return what an entry is, from its beginning, unchecked; None: it is none, or cut before the answer."""
    if not 0 < head_size(data) <= len(data):
        return None
    stored_at_s, expires_at_s, *sizes = _HEAD.unpack_from(data)[2:]
    texts, at = [], _HEAD.size
    try:
        for size in sizes:
            texts.append(_text(data[at : at + size]))
            at += size
    except UnicodeDecodeError:
        return None
    return Head(texts[0], texts[1], stored_at_s, expires_at_s, texts[2], at)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a JSON request can hold half a surrogate pair, and so can its model


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
