"""A sample of the distinct requests of a log, the same whatever the order in which they are seen.

Each request has a rank, a hash of its key and of the seed; those of the lowest ranks are kept, until they are as many,
or together as large, as asked for. So a log of millions is sampled in one pass and in bounded memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, NamedTuple, Protocol, TypeVar


class HasText(Protocol):
    """A request of a sample, with its body."""

    @property
    def text(self) -> bytes:
        """Its body as JSON."""
        ...


T = TypeVar("T", bound=HasText)


class Sampled(NamedTuple):
    """One request of the sample."""

    rank: int
    number: int
    """Of the request."""
    model: str | None
    """As logged."""
    text: bytes
    """Its body as JSON."""

    @property
    def body(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = json.loads(self.text.decode("utf-8", "surrogatepass"))
        return decoded


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a sample may be."""

    most: int
    """Requests."""
    most_bytes: int
    """Of their bodies; the last one may go over it."""


class Sample:
    """Keeps the requests of the lowest ranks."""

    def __init__(self, bounds: Bounds, seed: int) -> None:
        """Begin with nothing."""
        self._bounds, self._seed = bounds, seed
        self._kept: list[tuple[int, Sampled]] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def see(self, key: bytes, number: int, model: str | None, body: Mapping[str, Any]) -> None:
        """Look at a request that was not seen before.

        Args:
            key: of it.
            number: of it.
            model: as logged.
            body: is kept as JSON where the rank is low enough.
        """
        rank = rank_of(key, self._seed)
        if self._is_full() and rank > -self._kept[0][0]:
            return
        try:
            text = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError, RecursionError):
            return  # JSON has no such thing: it is in no sample
        heappush(self._kept, (-rank, Sampled(rank, number, model, text)))
        self._bytes += len(text)
        while self._is_over():
            _, dropped = heappop(self._kept)
            self._bytes -= len(dropped.text)

    def by_rank(self) -> list[Sampled]:
        """Return the requests of the sample, the lowest rank first."""
        return sorted(item for _, item in self._kept)

    def _is_full(self) -> bool:
        bounds = self._bounds
        return bool(self._kept) and (len(self._kept) >= bounds.most or self._bytes >= bounds.most_bytes)

    def _is_over(self) -> bool:
        """Is there one more than needed: of the highest rank, without which it would still be full?"""
        bounds, kept = self._bounds, self._kept
        return len(kept) > bounds.most or self._bytes - len(kept[0][1].text) >= bounds.most_bytes if kept else False


def rank_of(key: bytes, seed: int) -> int:
    """Return the rank of a request."""
    return int.from_bytes(blake2b(key, digest_size=8, key=seed.to_bytes(16, "big", signed=True)).digest(), "big")


def taken(drawn: Sequence[T], bounds: Bounds) -> list[T]:
    """Return what a sample keeps of others that were drawn from parts of a log, lowest rank first, each once."""
    found: list[T] = []
    size = 0
    for one in drawn:
        if len(found) >= bounds.most or size >= bounds.most_bytes:
            break
        found.append(one)
        size += len(one.text)
    return found
