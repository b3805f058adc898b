"""Objects of stores as they travel to the workers: by their address. Each worker asks the store itself, as itself."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from llmopt.cost.sources import Source
from llmopt.cost.stores.address import is_web
from llmopt.cost.stores.stored import BLOCK_BYTES, Halt, Store, Stored

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True, slots=True)
class Address:
    """Where an object is; the fields of `Stored` that travel."""

    path: str
    url: str
    key: str
    size_bytes: int
    etag: str
    modified: datetime | None
    exact: bool

    def stored(self) -> Stored:
        """Return the object as this process reads it.

        Raises:
            MissingExtraError: the library of its store is not installed.
        """
        # Workers that read files need not have the libraries of stores.
        from llmopt.cost.stores.heads import Heads

        heads = Heads()
        store = _store("https://" if is_web(self.key) else "/".join([*self.url.split("/")[:3], ""]))
        return Stored(
            self.path,
            self.url,
            self.key,
            self.size_bytes,
            self.etag,
            self.modified,
            store=store,
            heads=heads,
            place=heads.add(store, self.key, self.size_bytes),
            halt=Halt(),
            exact=self.exact,
        )


def apart(source: Source) -> tuple[Source, Address | None]:
    """Return a source as it travels: without its object, and the address of that."""
    one = source.stored
    if one is None:
        return source, None
    address = Address(one.path, one.url, one.key, one.size_bytes, one.etag, one.modified, one.exact)
    return replace(source, stored=None), address


def opened(source: Source) -> BinaryIO:
    """Open a source where it lies, packed as it is, to be read from any place."""
    if source.stored is None:
        return Path(source.path).open("rb")
    return cast("BinaryIO", io.BufferedReader(_Object(source.stored), BLOCK_BYTES))


class _Object(io.RawIOBase):
    """An object as a file that can be read from any place."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self._stored, self._place = stored, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._stored.size_bytes}[whence]
        self._place = start + offset
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stored.read(self._place, self._place + len(view))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)


@lru_cache(maxsize=64)
def _store(url: str) -> Store:
    """A worker's process reads many objects of few stores."""
    if is_web(url):
        from llmopt.cost.stores.http_store import HttpStore

        return HttpStore()
    from llmopt.cost.stores.fsspec_store import FsspecStore

    return FsspecStore(url)
