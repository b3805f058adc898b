"""Logs on web servers, by the requests of HTTP alone (RFC 9110): ranges where the server has them, else a whole copy.

The first request asks for the first bytes as a range. The answer tells all: the size and that ranges work (206), that
the file is empty (416), or that the server sends it only as a whole (200); many servers have no HEAD, and a signed URL
is signed for GET only.
"""

from __future__ import annotations

import base64
import http.client
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

from llmopt.cost.stores.address import shown
from llmopt.cost.stores.heads import HEAD_BYTES
from llmopt.cost.stores.stored import StoreError
from llmopt.errors import InputError

_TIMEOUT_S, _TRIES, _PAUSE_S = 20.0, 3, 0.2
_LATER = {429, 500, 502, 503, 504}
"""Answers that may be others a moment later."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_SPELLED = "/%:=&?~#+!$,;'@()*[]"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of a web server, after the first request."""

    size_bytes: int
    """Of the file."""
    etag: str
    """Changes with the content; empty when the server has none."""
    modified: datetime | None
    """When it was written (UTC); None when the server does not say."""
    head: bytes
    """Its first bytes."""


class HttpStore:
    """Web servers."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        """Nothing is sent yet; `pause` waits before a request is sent again."""
        self._pause = pause

    def open(self, url: str, copy: Path) -> Opened | None:
        """Ask for a file.

        Args:
            url: where it is.
            copy: where to write it to if the server does not send ranges of it.

        Returns:
            What it is; None: it was copied.

        Raises:
            InputError: it cannot be read.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            if not parts.hostname or parts.port == 0:
                raise StoreError("no host in this address")
            return self._again(url, lambda: _first(url, copy))
        except ValueError as error:
            raise InputError(f"{shown(url)}: no address: {error}", "write it as https://host/path") from error
        except StoreError as error:
            folder = error.status == http.HTTPStatus.NOT_FOUND and ("*" in url or url.endswith("/"))
            hint = "over https there are no folders and no globs: name each file" if folder else ""
            raise InputError(f"{shown(url)}: {error}", hint) from error

    def read(self, key: str, start: int, end: int) -> bytes:
        """Return bytes of a file.

        Raises:
            StoreError: it cannot be read.
            InputError: the server cannot be reached.
        """
        return self._again(key, lambda: _part(key, start, end))

    def _again(self, url: str, ask: Callable[[], _T]) -> _T:
        """Ask, and where the answer may be another a moment later, ask again."""
        for tried in range(1, _TRIES + 1):
            try:
                return ask()
            except urllib.error.HTTPError as error:
                with error:
                    failure = StoreError(f"the server answered {error.code} {error.reason}", error.code)
                if error.code not in _LATER:
                    raise failure from error
            except (TimeoutError, ConnectionResetError, http.client.HTTPException) as error:
                failure = StoreError(f"the answer of the server broke off: {str(error) or type(error).__name__}")
            except urllib.error.URLError as error:
                host = urllib.parse.urlsplit(url).hostname
                raise InputError(f"{host} cannot be reached: {error.reason}", "look at the address") from error
            if tried < _TRIES:
                self._pause(_PAUSE_S * tried)
        raise failure


def _first(url: str, copy: Path) -> Opened | None:
    """Ask for the first bytes."""
    try:
        answer = _asked(url, 0, HEAD_BYTES)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        error.close()
        return Opened(0, "", None, b"")
    with answer:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT and found:
            head = _whole(answer, int(found[2]) + 1)
            return Opened(int(found[3]), answer.headers.get("ETag", "").strip('"'), _modified(answer), head)
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            _copied(answer, copy)
            return None
    with _asked(url) as answer:  # a range of nobody knows how much
        _copied(answer, copy)
    return None


def _part(url: str, start: int, end: int) -> bytes:
    with _asked(url, start, end) as answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            raise StoreError("the server sends ranges of this file no more")
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if not found or (int(found[1]), int(found[2]) + 1) != (start, end):
            raise StoreError("changed while it was being read")
        return _whole(answer, end - start)


def _asked(url: str, start: int = 0, end: int = 0) -> http.client.HTTPResponse:
    """Send a request for a file, or for a range of it where `end` is given."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path, query = (urllib.parse.quote(part, _SPELLED) for part in (parts.path, parts.query))
    request = urllib.request.Request(urllib.parse.urlunsplit((parts.scheme, host, path, query, "")))
    if end:
        request.add_header("Range", f"bytes={start}-{end - 1}")
    if parts.username:
        user, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        # Not to be sent on to where the server may point.
        request.add_unredirected_header("Authorization", f"Basic {token}")
    answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    return answer


def _whole(answer: http.client.HTTPResponse, size: int) -> bytes:
    data = answer.read(size)
    if len(data) < size:
        raise http.client.IncompleteRead(data, size - len(data))
    return data


def _copied(answer: http.client.HTTPResponse, copy: Path) -> None:
    """Write an answer to a file, and look that all of it came."""
    with copy.open("wb") as out:
        shutil.copyfileobj(answer, out, 2**20)
        size = out.tell()
    promised = answer.headers.get("Content-Length")
    if promised is not None and promised.isdigit() and size < int(promised):
        raise http.client.IncompleteRead(b"", int(promised) - size)


def _modified(answer: http.client.HTTPResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("Last-Modified", "")).astimezone(UTC)
    except ValueError:
        return None
