"""An S3 server on this machine, and a count of what is fetched."""

from __future__ import annotations

import logging
import os
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from llmopt.cost.stores.fsspec_store import FsspecStore

HEADERS = {
    "Content-Type": "application/octet-stream",
    "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260302/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=x",
}
"""The server looks at no signature, but lets nobody delete who has none."""


@dataclass(frozen=True)
class Bucket:
    """A bucket, filled and emptied by plain requests."""

    endpoint: str
    name: str

    def url(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> str:
        self._send("PUT", f"{self.name}/{urllib.parse.quote(key)}", data)
        return self.url(key)

    def delete(self, key: str) -> None:
        self._send("DELETE", f"{self.name}/{urllib.parse.quote(key)}")

    def fill(self, folder: Path) -> None:
        """Put the files below a folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def make(self) -> None:
        self._send("PUT", self.name, b"")

    def _send(self, method: str, path: str, data: bytes | None = None) -> None:
        request = urllib.request.Request(f"{self.endpoint}/{path}", data, HEADERS, method=method)
        with urllib.request.urlopen(request):
            pass


class Memory:
    """A folder of fsspec's own store in memory: as good as a bucket where no server need be asked."""

    def __init__(self) -> None:
        self.name, self._files = uuid4().hex, fsspec.filesystem("memory")

    def url(self, key: str = "") -> str:
        return f"memory://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> str:
        self._files.pipe_file(f"/{self.name}/{key}", data)
        return self.url(key)

    def delete(self, key: str) -> None:
        self._files.rm_file(f"/{self.name}/{key}")

    def fill(self, folder: Path) -> None:
        """Put the files below a folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(path.relative_to(folder).as_posix(), path.read_bytes())


@dataclass
class Fetched:
    """What was fetched."""

    ranges: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.ranges)

    @property
    def size_bytes(self) -> int:
        return sum(end - start for _, start, end in self.ranges)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Return the address of an S3 server."""
    if "CI" not in os.environ:
        pytest.importorskip("moto.server")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set what s3fs looks for; nothing of this machine's own."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_"))]:
        monkeypatch.delenv(name)
    settings = {
        "ACCESS_KEY_ID": "key",
        "SECRET_ACCESS_KEY": "secret",
        "DEFAULT_REGION": "us-east-1",
        "ENDPOINT_URL": endpoint,
        "EC2_METADATA_DISABLED": "true",
        "CONFIG_FILE": os.devnull,
        "SHARED_CREDENTIALS_FILE": os.devnull,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return endpoint


@pytest.fixture
def bucket(credentials: str) -> Bucket:
    """Return an empty bucket."""
    made = Bucket(credentials, f"logs-{uuid4().hex[:12]}")
    made.make()
    return made


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Fetched:
    """Count what stores are asked for."""
    found = Fetched()
    read = FsspecStore.read

    def counted(self: FsspecStore, key: str, start: int, end: int) -> bytes:
        found.ranges.append((key, start, end))
        return read(self, key, start, end)

    monkeypatch.setattr(FsspecStore, "read", counted)
    return found


@pytest.fixture
def memory() -> Iterator[Memory]:
    """Return an empty folder in memory."""
    made = Memory()
    made.put("here", b"")
    yield made
    fsspec.filesystem("memory").rm(f"/{made.name}", recursive=True)
