"""The objects behind the URLs of one run."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmopt.cost.stores.address import is_web, scheme_of, shown
from llmopt.cost.stores.errors import family
from llmopt.cost.stores.fsspec_store import FsspecStore, Listed
from llmopt.cost.stores.heads import Heads
from llmopt.cost.stores.http_store import HttpStore
from llmopt.cost.stores.stored import Halt, Store, Stored
from llmopt.errors import InputError

_numbers = itertools.count()
"""No two objects of a process have the same number: their paths tell them apart in messages."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A file of a web server that sends no ranges."""

    path: str
    """The copy of it."""
    url: str
    """What people call it: the URL as the user wrote it, without credentials."""


class Listing:
    """What was found behind URLs; each store is set up once."""

    def __init__(self, spool: Path) -> None:
        """`spool` is a folder for copies of what can only be read as a whole."""
        self._spool = spool
        self._heads, self._halt = Heads(), Halt()
        self._stores: dict[str, FsspecStore] = {}
        self._web, self._files = HttpStore(), dict[str, Stored | Copied]()

    def expand(self, url: str, wanted: Callable[[str], bool], nothing: str) -> list[Stored | Copied]:
        """Return the objects behind a URL; nothing but the listing and, of a web server, the first bytes are fetched.

        Args:
            url: an object, a quoted glob or a folder, as the user wrote it.
            wanted: tells by its name whether an object of a folder is meant.
            nothing: what to say next when a folder has none.

        Raises:
            InputError: there is none, or it cannot be asked for.
            MissingExtraError: the library for such URLs is not installed.
        """
        if is_web(url):
            if url not in self._files:
                self._files[url] = self._file(url)
            return [self._files[url]]
        scheme = scheme_of(url)
        url = scheme + url[len(scheme) :]
        store = self._store(url)
        found = store.find(url, wanted)
        if not found:
            raise InputError(f"{shown(url)}: no log in this folder", nothing)
        return [self._stored(listed, store) for listed in found]

    def _store(self, url: str) -> FsspecStore:
        """Return the store of a URL: one for a scheme, but where the host is no bucket."""
        name = scheme_of(url) if family(url) != "az" else url.split("/")[2] + scheme_of(url)
        if name not in self._stores:
            self._stores[name] = FsspecStore(url)
        return self._stores[name]

    def _file(self, url: str) -> Stored | Copied:
        copy = self._spool / f"web-{next(_numbers)}"
        opened = self._web.open(url, copy)
        name = _numbered(shown(url), {file.url for file in self._files.values()})
        if opened is None:
            return Copied(str(copy), name)
        listed = Listed(name, url, opened.size_bytes, opened.etag, opened.modified)
        return self._stored(listed, self._web, opened.head)

    def _stored(self, listed: Listed, store: Store, head: bytes | None = None) -> Stored:
        return Stored(
            path=f"llmopt://{next(_numbers)}/{listed.url.partition('://')[2]}",
            url=listed.url,
            key=listed.key,
            size_bytes=listed.size_bytes,
            etag=listed.etag,
            modified=listed.modified,
            store=store,
            heads=self._heads,
            halt=self._halt,
            place=self._heads.add(store, listed.key, listed.size_bytes, head),
        )


def _numbered(url: str, taken: set[str]) -> str:
    """Return what to call a file whose URL may be that of another but for what is not shown."""
    if url not in taken:
        return url
    return next(name for number in itertools.count(2) if (name := f"{url} ({number})") not in taken)
