"""Files of web servers of every make: with ranges and without, with a size and without, broken and gone."""

from __future__ import annotations

import base64
import gzip
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

import llmopt
from llmopt.cost.stores.heads import HEAD_BYTES
from llmopt.cost.stores.http_store import HttpStore
from llmopt.cost.stores.stored import StoreError
from llmopt.errors import InputError
from tests.cost.conftest import Force
from tests.cost.logs import ONE, lines

LOG = b"".join(lines(600))


@dataclass
class Site:
    """What a server has, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"/a b.jsonl": LOG, "/empty.jsonl": b""})
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(Path, range, authorization) of each request."""
    ranges: bool = True
    sized: bool = True
    cut: int = 0
    """Answers that end too soon, from now on."""
    statuses: list[int] = field(default_factory=list)
    """Answers in the place of the next ones."""


class Handler(BaseHTTPRequestHandler):
    """Answers as its site says."""

    site: ClassVar[Site]

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers.get("Range", "")
        site.asked.append((self.path, wanted, self.headers.get("Authorization", "")))
        path = self.path.partition("?")[0].replace("%20", " ")
        data = site.files.get(path)
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/a%20b.jsonl")
            self.end_headers()
        elif site.statuses:
            self.send_error(site.statuses.pop(0))
        elif data is None:
            self.send_error(404)
        elif site.ranges and (found := re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)):
            self._send_range(data, int(found[1]), min(int(found[2]) + 1, len(data)))
        else:
            self._send(200, data, {})

    def _send_range(self, data: bytes, start: int, end: int) -> None:
        if start >= len(data):
            self.send_error(416)
            return
        self._send(206, data[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}", "ETag": '"v1"'})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", "Mon, 02 Mar 2026 09:00:00 GMT")
        if self.site.sized:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.site.cut:
            self.site.cut -= 1
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    handler = type("SiteHandler", (Handler,), {"site": found})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        found.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield found
        server.shutdown()
        thread.join()


def cost(*urls: str) -> object:
    return llmopt.price_logs(list(urls)).total.cost_usd


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("ranges", "sized"), [(True, True), (False, True), (False, False)])
def test_any_server(site: Site, ranges: bool, sized: bool, packed: bool, reader: str) -> None:
    site.ranges, site.sized = ranges, sized
    site.files["/a b.jsonl"] = gzip.compress(LOG) if packed else LOG
    assert cost(f"{site.address}/a b.jsonl?token=x") == 600 * ONE
    if not ranges:
        assert len(site.asked) == 1


def test_what_the_first_answer_says(site: Site, tmp_path: Path) -> None:
    store, url = HttpStore(), f"{site.address}/a%20b.jsonl"
    opened = store.open(url, tmp_path / "copy")
    assert opened is not None
    assert (opened.size_bytes, opened.etag, opened.head) == (len(LOG), "v1", LOG[:HEAD_BYTES])
    assert opened.modified == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert store.read(url, 10, 20) == LOG[10:20]
    assert not (tmp_path / "copy").exists()


def test_an_empty_file(site: Site, tmp_path: Path) -> None:
    opened = HttpStore().open(f"{site.address}/empty.jsonl", tmp_path / "copy")
    assert opened is not None
    assert opened.size_bytes == 0


def test_user_and_password_go_to_the_server_named_and_no_further(site: Site) -> None:
    url = site.address.replace("://", "://me:p%40ss@")
    cost(f"{url}/moved")
    token = base64.b64encode(b"me:p@ss").decode()
    assert next(authorization for path, _, authorization in site.asked if path == "/moved") == f"Basic {token}"
    assert {authorization for path, _, authorization in site.asked if path != "/moved"} == {""}


def test_no_secret_is_shown(site: Site) -> None:
    url = f"{site.address.replace('://', '://me:SECRET@')}/a b.jsonl?sig=SECRET"
    site.files["/a b.jsonl"] = b"".join(lines(2))
    report = llmopt.price_logs([url, url.replace("=", "=2"), url], by=("file",), dedupe="none")
    assert "SECRET" not in repr(report)
    name = f"{site.address}/a b.jsonl"
    assert sorted(str(group.key["file"]) for group in report.groups) == [name, f"{name} (2)"]
    assert report.total.cost_usd == 4 * ONE
    with pytest.raises(InputError) as caught:
        cost(url.replace("a b", "nothing"))
    assert "SECRET" not in caught.value.message + caught.value.hint


def test_an_answer_that_breaks_off_is_asked_for_again(site: Site, tmp_path: Path) -> None:
    pauses: list[float] = []
    store, url = HttpStore(pauses.append), f"{site.address}/a%20b.jsonl"
    site.cut, site.statuses = 1, [503]
    assert store.read(url, 0, 10) == LOG[:10]
    assert len(pauses) == 2
    site.cut = 3
    with pytest.raises(StoreError, match="broke off"):
        store.read(url, 0, 10)
    site.ranges, site.cut = False, 1
    assert store.open(url, tmp_path / "copy") is None
    assert (tmp_path / "copy").read_bytes() == LOG


@pytest.mark.parametrize(
    ("path", "status", "message", "hint"),
    [
        ("/x.jsonl", 404, "the server answered 404 Not Found", ""),
        ("/*.jsonl", 404, "the server answered 404 Not Found", "name each file"),
        ("/folder/", 404, "the server answered 404 Not Found", "name each file"),
        ("/a%20b.jsonl", 403, "the server answered 403 Forbidden", ""),
        ("/a%20b.jsonl", 500, "the server answered 500 Internal Server Error", ""),
    ],
)
def test_what_a_server_refuses(site: Site, path: str, status: int, message: str, hint: str, tmp_path: Path) -> None:
    site.statuses = [status] * 3
    with pytest.raises(InputError) as caught:
        HttpStore(lambda _: None).open(site.address + path, tmp_path / "copy")
    assert caught.value.message == f"{site.address}{path}: {message}"
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9/x", "127.0.0.1 cannot be reached: "),
        ("http://[bad/x", "no address: Invalid IPv6 URL"),
        ("http:///x", "no host in this address"),
        ("https://h:port/x", "no address: "),
    ],
)
def test_no_server(url: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        HttpStore().open(url, tmp_path / "copy")


def test_a_file_that_changes_while_it_is_read(site: Site, force: Force) -> None:
    force("duckdb")
    store, url = HttpStore(lambda _: None), f"{site.address}/a%20b.jsonl"
    site.files["/a b.jsonl"] = LOG[:1000]
    with pytest.raises(StoreError, match="changed while it was being read"):
        store.read(url, 0, 2000)
    site.ranges = False
    with pytest.raises(StoreError, match="no more"):
        store.read(url, 0, 10)
