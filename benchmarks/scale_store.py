"""What goes over the wire for an object in a store, counted by an S3 server (moto) on this machine.

    python -m benchmarks.scale_store FILE...

Prints JSON: for each file, what one run of `price_logs` asks for, and what one task asks for that reads a range of it;
last, how long a refused connection takes.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

BUCKET = "logs"
RANGE_BYTES = 16 * 2**20
REFUSED_ROUNDS = 3
SIGNED = {
    "Content-Type": "application/octet-stream",
    "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260302/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=x",
}
"""The server looks at no signature."""


@dataclass(slots=True)
class Wire:
    """What the server was asked for."""

    gets: int = 0
    lists: int = 0
    heads: int = 0
    others: int = 0
    body_bytes: int = 0
    """Of all answers to requests for bytes."""

    def count(self, method: str, path: str) -> None:
        """Count a request by what it is billed as."""
        is_object = path.strip("/").count("/") > 0
        if method == "HEAD":
            self.heads += 1
        elif method != "GET":
            self.others += 1
        elif is_object:
            self.gets += 1
        else:
            self.lists += 1


class Server:
    """An S3 server in a thread, which counts."""

    def __init__(self) -> None:
        """Start it at a free port."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
            from werkzeug.serving import make_server
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self.wire, self._lock = Wire(), threading.Lock()
        self._app: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]] = DomainDispatcherApplication(
            create_backend_app
        )
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, key: str, data: bytes = b"") -> None:
        """Make an object, or a bucket."""
        request = urllib.request.Request(f"{self.endpoint}/{key}", data, SIGNED, method="PUT")
        with urllib.request.urlopen(request):
            pass

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()

    def counted(self, work: Callable[[], object]) -> Wire:
        """Return what some work asks for."""
        self.wire = Wire()
        work()
        return self.wire

    def _answer(self, asked: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        method, path = asked["REQUEST_METHOD"], asked["PATH_INFO"]
        with self._lock:
            self.wire.count(method, path)
        for part in self._app(asked, start):
            if method == "GET":
                with self._lock:
                    self.wire.body_bytes += len(part)
            yield part


def main(paths: list[str]) -> None:
    """Count, and print."""
    server = Server()
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
    )
    server.put(BUCKET)
    found = {}
    for path in map(Path, paths):
        server.put(f"{BUCKET}/{path.name}", path.read_bytes())
        url = f"s3://{BUCKET}/{path.name}"
        whole = server.counted(lambda url=url: _priced(url))  # type: ignore[misc]  # bound at once
        one = server.counted(lambda url=url: _range(url))  # type: ignore[misc]
        found[path.name] = {"size_bytes": path.stat().st_size, "whole": asdict(whole), "range": asdict(one)}
    server.close()
    print(json.dumps({"objects": found, "range_bytes": RANGE_BYTES, "refused_s": refused_s()}))


def refused_s() -> list[float]:
    """Return how long a whole run takes to say that nobody listens at the endpoint, less one that needs no store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    return [_run_s(f"s3://{BUCKET}/a.jsonl", environment) for _ in range(REFUSED_ROUNDS)]


def _run_s(url: str, environment: dict[str, str]) -> float:
    began = perf_counter()
    command = [sys.executable, "-m", "llmopt", "cost", url]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    took_s = perf_counter() - began
    if done.returncode != 2:
        raise SystemExit(f"a refused connection: exit {done.returncode}\n{done.stderr}")
    return took_s


def _priced(url: str) -> None:
    import llmopt

    llmopt.price_logs([url], cached="included")


def _range(url: str) -> None:
    """Copy a range from the middle of an object, as a task does."""
    from llmopt.cost.sources import find_files
    from llmopt.cost.spark.objects import apart, opened
    from llmopt.cost.spark.ranges import copy_range

    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        (source,) = find_files([url], Path(folder))
        bare, address = apart(source)
        if address is None:
            raise SystemExit(f"{bare.shown}: not an object of a store")
        start = min(1, source.size_bytes // 4)
        with opened(source) as file:
            copy_range(file, start, start + min(RANGE_BYTES, source.size_bytes // 2), Path(folder, "copy"))


if __name__ == "__main__":
    main(sys.argv[1:])
