"""The load of the gateway's benchmark, a process of its own: clients on kept connections, each answer looked at.

    python benchmarks/gateway_load.py PORT --clients 32 --seconds 3 [--requests N] [--stream] [--same] [--key KEY]

The last line is one JSON object. An error is an answer other than 200, one that is not whole, or none.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from statistics import median, quantiles
from time import perf_counter
from typing import Any

try:
    from uvloop import run
except ImportError:  # as on Windows
    from asyncio import run

QUIET_S = 30.0
"""Without an answer for so long, the rest of the requests count as errors."""
_SYSTEM = (
    "You are a helpful assistant of a shop. Answer in three sentences at most, and name what you do not know. " * 8
)
_NUMBER = "000000000000"
_HEAD = (
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept-encoding: gzip, deflate\r\n"
    "connection: keep-alive\r\naccept: application/json\r\ncontent-type: application/json\r\n"
    "user-agent: OpenAI/Python 3.54.0\r\nx-stainless-lang: python\r\nx-stainless-package-version: 3.54.0\r\n"
    "x-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\nx-stainless-retry-count: 0\r\n"
    "x-stainless-async: async:asyncio\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\n\r\n"
)


class Load:
    """Requests that are still to be sent, and what came of those that were.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        asked: dict[str, Any] = {
            "model": "gpt-4o-mini",
            "temperature": 0,
            "max_tokens": 200,
            "messages": [
                {"role": "system", "content": _SYSTEM},
                {"role": "user", "content": f"Where is my parcel number {_NUMBER}?"},
            ],
        }
        if options.stream:
            asked["stream"] = True
        body = json.dumps(asked)
        head = _HEAD.format(port=options.port, key=options.key, length=len(body))
        self._before, self._after = (part.encode() for part in (head + body).split(_NUMBER))
        self.streamed: bool = options.stream
        self._same: bool = options.same
        self._next: int = options.first
        self._left: int = options.requests or 10**9
        self._until_s = perf_counter() + (options.seconds or 1e9)
        self.open = 0
        self.done = asyncio.Event()
        self.times_s: list[float] = []
        self.firsts_s: list[float] = []
        self.errors = 0
        self.last_s = perf_counter()

    def take(self) -> bytes | None:
        """Return the next request; None: there is none."""
        if not self._left or perf_counter() >= self._until_s:
            return None
        self._left -= 1
        if not self._same:
            self._next += 1
        return self._before + b"%012d" % self._next + self._after

    def ended(self, began_s: float, first_s: float | None, *, right: bool) -> None:
        """Take note of an answer."""
        self.last_s = perf_counter()
        if right:
            self.times_s.append(self.last_s - began_s)
            if first_s is not None:
                self.firsts_s.append(first_s - began_s)
        else:
            self.errors += 1

    def leave(self) -> None:
        """Say that a client has nothing more to send."""
        self.open -= 1
        if not self.open:
            self.done.set()


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._busy = False
        self._got = bytearray()
        self._body = self._length = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport  # type: ignore[assignment]
        self._load.open += 1
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read, and send the next request when the answer is whole."""
        got = self._got
        got += data
        if self._body < 0:
            self._body = got.find(b"\r\n\r\n") + 4
            if self._body < 4:
                self._body = -1
                return
            head = bytes(got[: self._body]).lower()
            at = head.find(b"content-length:")
            self._length = int(head[at + 15 : head.find(b"\r\n", at)]) if at >= 0 else -1
        if self._first_s is None and len(got) > self._body:
            self._first_s = perf_counter()
        if self._length >= 0:
            if len(got) - self._body >= self._length:
                self._ended(whole=True)
        elif got.endswith(b"0\r\n\r\n"):
            self._ended(whole=not self._load.streamed or b"[DONE]" in got)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was not answered."""
        if self._busy:
            self._load.ended(self._began_s, None, right=False)
        self._load.leave()

    def _send(self) -> None:
        request = self._load.take()
        if self._transport is None:
            return
        if request is None:
            self._busy = False
            self._transport.close()
            return
        self._got.clear()
        self._body = self._length = -1
        self._first_s: float | None = None
        self._busy = True
        self._began_s = perf_counter()
        self._transport.write(request)

    def _ended(self, *, whole: bool) -> None:
        right = whole and self._got.startswith(b"HTTP/1.1 200 ")
        self._load.ended(self._began_s, self._first_s, right=right)
        self._send()


async def loaded(options: argparse.Namespace) -> dict[str, Any]:
    """Return what came of the load."""
    load, loop = Load(options), asyncio.get_running_loop()
    began_s = perf_counter()
    made = [loop.create_connection(lambda: Client(load), "127.0.0.1", options.port) for _ in range(options.clients)]
    refused = [one for one in await asyncio.gather(*made, return_exceptions=True) if isinstance(one, OSError)]
    while not load.done.is_set():
        try:
            await asyncio.wait_for(load.done.wait(), QUIET_S)
        except TimeoutError:
            if perf_counter() - load.last_s > QUIET_S:
                load.errors += load.open
                break
    taken_s = load.last_s - began_s
    return {
        "requests": len(load.times_s),
        "errors": load.errors + len(refused),
        "per_s": len(load.times_s) / taken_s if taken_s > 0 else 0.0,
        "p50_ms": 1e3 * median(load.times_s) if load.times_s else None,
        "p99_ms": 1e3 * quantiles(load.times_s, n=100)[98] if len(load.times_s) > 1 else None,
        "first_p50_ms": 1e3 * median(load.firsts_s) if load.firsts_s else None,
    }


def main() -> None:
    """Run the load, and print what came of it."""
    parser = argparse.ArgumentParser(description="Ask a server, many times.")
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument(
        "--first", type=int, default=0, help="number in the first request, so that no two runs share any"
    )
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--same", action="store_true", help="the same request again and again")
    parser.add_argument("--key", default="sk-bench")
    print(json.dumps(run(loaded(parser.parse_args()))))


if __name__ == "__main__":
    main()
