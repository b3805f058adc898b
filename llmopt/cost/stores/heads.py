"""The first bytes of many objects, fetched side by side before somebody asks for them one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from llmopt.cost.stores.stored import Store, StoreError

HEAD_BYTES = 64 * 2**10
"""As much as recognising a log takes; an object up to this size is fetched once and whole."""
AT_ONCE = 16
"""Requests that are under way together."""
_AHEAD = 128
_KEPT_BYTES = 64 * 2**20
"""Heads that stay in memory; those of further objects are fetched again when they are asked for again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object whose head may be asked for."""

    store: Store
    """Where it lies."""
    key: str
    """What its store calls it."""
    size_bytes: int
    """Its size."""


class Heads:
    """The first bytes of objects, by their place in the list."""

    def __init__(self) -> None:
        """Nothing is fetched yet."""
        self._objects: list[Wanted] = []
        self._kept: dict[int, bytes | StoreError] = {}
        self._latest: dict[int, bytes | StoreError] = {}
        self._room = _KEPT_BYTES
        self._lock = Lock()

    def add(self, store: Store, key: str, size_bytes: int, head: bytes | None = None) -> int:
        """Take an object in, with its first bytes where they are known; return its place."""
        place = len(self._objects)
        self._objects.append(Wanted(store, key, size_bytes))
        if head is not None:
            self._keep(place, head)
        return place

    def head(self, place: int) -> bytes:
        """Return the first bytes of an object; fetches those of its successors too.

        Raises:
            StoreError: it cannot be read.
            InputError: its store cannot be used at all.
        """
        with self._lock:
            found = self._known(place)
            if found is None:
                self._fetch([n for n in range(place, len(self._objects)) if self._known(n) is None][:_AHEAD])
                found = self._known(place)
        if isinstance(found, StoreError):
            raise StoreError(str(found), found.status)
        return found or b""

    def known(self, place: int) -> bytes:
        """Return the first bytes of an object if they are in memory; else nothing."""
        found = self._known(place)
        return found if isinstance(found, bytes) else b""

    def _known(self, place: int) -> bytes | StoreError | None:
        return self._kept.get(place, self._latest.get(place))

    def _fetch(self, places: Sequence[int]) -> None:
        self._latest.clear()
        executor = ThreadPoolExecutor(min(AT_ONCE, len(places)))
        try:
            for place, found in zip(places, executor.map(_first, map(self._objects.__getitem__, places)), strict=True):
                self._keep(place, found)
        finally:
            # After Ctrl-C nobody waits for what was asked for ahead.
            executor.shutdown(wait=False, cancel_futures=True)

    def _keep(self, place: int, found: bytes | StoreError) -> None:
        size = len(found) if isinstance(found, bytes) else 0
        if size <= self._room:
            self._room -= size
            self._kept[place] = found
        else:
            self._latest[place] = found


def _first(wanted: Wanted) -> bytes | StoreError:
    if not wanted.size_bytes:
        return b""
    try:
        return wanted.store.read(wanted.key, 0, min(HEAD_BYTES, wanted.size_bytes))
    except StoreError as error:
        return error
