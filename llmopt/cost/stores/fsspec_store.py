"""Objects behind the file systems of fsspec: s3fs, gcsfs, adlfs and what else is installed.

The only module that knows fsspec's file systems; their credentials, retries and endpoints are those of their libraries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import has_magic
from typing import Any

from llmopt.cost.stores.address import scheme_of, shown
from llmopt.cost.stores.errors import explained, family, raised_by
from llmopt.cost.stores.patterns import as_walked, divided, is_hidden, literal_start, matches
from llmopt.cost.stores.stored import StoreError
from llmopt.errors import InputError, MissingExtraError

try:
    import fsspec
except ImportError as error:
    raise MissingExtraError("fsspec", "cloud") from error

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
_CONNECT_S, _TRIES, _CONNECTIONS = 5, 3, 32
_ETAGS = ("ETag", "etag", "md5Hash", "content_md5")
_INSTANTS = ("LastModified", "last_modified", "updated", "mtime", "created")


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as it was listed."""

    url: str
    """Where it is, spelled as the user did."""
    key: str
    """What its store calls it."""
    size_bytes: int
    """Its size."""
    etag: str
    """Changes with the content; empty when the store has none."""
    modified: datetime | None
    """When it was written (UTC); None when the store does not say."""


class FsspecStore:
    """A store behind one file system of fsspec."""

    def __init__(self, url: str) -> None:
        """Make the file system for URLs like this one; nothing is sent yet.

        Raises:
            InputError: the scheme is not known.
            MissingExtraError: its library is not installed.
        """
        self._url = url
        self._files = _file_system(url)
        self._raised = raised_by(url)

    def read(self, key: str, start: int, end: int) -> bytes:
        """Return bytes of an object.

        Raises:
            StoreError: this object cannot be read.
            InputError: the store cannot be used at all.
        """
        try:
            data: bytes = self._files.cat_file(key, start=start, end=end)
        except self._raised as error:
            found = explained(error, self._url)
            if found.of_store:
                raise InputError(f"{_host(self._url)} {found.reason}", found.hint) from error
            raise StoreError(found.reason) from error
        if len(data) != end - start:
            raise StoreError("changed while it was being read")
        return data

    def find(self, url: str, wanted: Callable[[str], bool]) -> list[Listed]:
        """Return the objects behind a URL: one object, those a glob matches, or those of a folder.

        Args:
            url: as the user wrote it; that of a folder may end in `/`, and must if it has wildcards in its name.
            wanted: tells by the name whether an object of a folder is meant.

        Raises:
            InputError: there is none, or the store cannot be asked.
        """
        try:
            if url.endswith("/"):
                return self._folder(url, wanted)
            if has_magic(url):
                return self._matching(url)
            info = self._files.info(url)
            return self._folder(f"{url}/", wanted) if info["type"] == "directory" else [_listed(url, info)]
        except self._raised as error:
            found = explained(error, url)
            raise InputError(f"{shown(url)}: {found.reason}", found.hint) from error

    def _folder(self, url: str, wanted: Callable[[str], bool]) -> list[Listed]:
        found = self._below(url, "", deep=True)
        names = [name for name in found if not is_hidden(name.split("/")) and wanted(name)]
        return [_listed(url + name, found[name]) for name in sorted(names, key=lambda name: as_walked(name.split("/")))]

    def _matching(self, url: str) -> list[Listed]:
        folder, pattern = divided(url)
        found = self._below(folder, pattern, deep="/" in pattern)
        parts = pattern.split("/")
        names = [pattern] if pattern in found else sorted(name for name in found if matches(parts, name.split("/")))
        if not names:
            raise InputError(f"no object matches {shown(url)}", "* stays within a folder, ** does not")
        return [_listed(folder + name, found[name]) for name in names]

    def _below(self, folder: str, pattern: str, *, deep: bool) -> dict[str, Mapping[str, Any]]:
        """Return the objects of a folder by their names in it; asks for no more than may match where the store can."""
        if folder.endswith("://"):
            raise InputError(f"{shown(folder + pattern)}: a bucket has no wildcards", "name the bucket")
        start = literal_start(pattern) if family(folder) in ("s3", "gs") else ""
        found: Iterable[Mapping[str, Any]]
        if deep:
            found = self._files.find(folder, detail=True, **({"prefix": start} if start else {})).values()
        elif start:
            found = self._files.find(folder, detail=True, prefix=start, maxdepth=1).values()
        else:
            # `find` with a depth leaves out what it may not see.
            found = self._files.ls(folder, detail=True)
        root = fsspec.core.strip_protocol(folder).rstrip("/") + "/"
        names = {str(info["name"]): info for info in found if info["type"] == "file"}
        return {name[len(root) :]: info for name, info in names.items() if name.startswith(root) and name != root}


def _file_system(url: str) -> Any:
    """Make a file system of our own, that remembers no listing."""
    scheme, kind = scheme_of(url), family(url)
    options: dict[str, Any] = {}
    if kind == "s3" and not {"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"} & set(os.environ):
        # The mode by default takes 13 seconds to find that a connection is refused; this one, two.
        options["config_kwargs"] = {
            "retries": {"mode": "standard", "total_max_attempts": _TRIES},
            "connect_timeout": _CONNECT_S,
            "max_pool_connections": _CONNECTIONS,
        }
    try:
        return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError as error:
        missing = MissingExtraError(_PACKAGES.get(kind, error.name or scheme), "cloud")
        if kind != "s3":
            missing.hint = f"pip install {_PACKAGES.get(kind, error.name or scheme)}"
        raise missing from error
    except raised_by(url) as error:
        if isinstance(error, ValueError) and "rotocol not known" in str(error):
            hint = "logs lie on the disk, or at s3://, gs://, az://, https://"
            raise InputError(f"{shown(url)}: no store for {scheme}://", hint) from error
        found = explained(error, url)
        raise InputError(f"{shown(url)}: {found.reason}", found.hint) from error


def _listed(url: str, info: Mapping[str, Any]) -> Listed:
    etag = next((str(info[name]) for name in _ETAGS if info.get(name)), "")
    instant = next((info[name] for name in _INSTANTS if info.get(name)), None)
    return Listed(shown(url), info["name"], int(info["size"] or 0), etag.strip('"'), _in_utc(instant))


def _in_utc(value: object) -> datetime | None:
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _host(url: str) -> str:
    """Return the scheme and the bucket of a URL."""
    scheme, _, rest = shown(url).partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
