"""The least that a gateway in Python can be: raw ASGI, uvicorn and aiohttp, bytes in and bytes out, nothing else.

What `benchmarks/gateway.py` holds llmopt against, so that a ratio says what its features cost on any machine.

    python benchmarks/gateway_passthrough.py http://127.0.0.1:9000 --port 8080
"""

from __future__ import annotations

import argparse
from typing import Any

import aiohttp
import uvicorn

DROPPED = {b"host", b"content-length", b"transfer-encoding", b"connection", b"keep-alive"}


class Passthrough:
    """An ASGI application that asks another server."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request; the start and the end of the server are no requests and go unanswered."""
        if scope["type"] != "http":
            return
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"] if name not in DROPPED}
        url = self.root + scope["path"]
        async with self.session.request(scope["method"], url, data=body, headers=headers) as answer:
            kept = [(name.lower(), value) for name, value in answer.raw_headers if name.lower() not in DROPPED]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description="Pass requests on.")
    parser.add_argument("upstream", help="scheme, host and port")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    app: Any = Passthrough(options.upstream)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="critical", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
