"""Gateways on free ports in threads of the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from llmopt.serving.gateway.app import GatewayApp
from llmopt.serving.gateway.building import gateway_app
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.running import serve_app, url_of
from llmopt.serving.gateway.values import Upstream
from llmopt.serving.running import Ended, listen

PATIENCE_S = 30.0
"""For what must come; nothing waits so long unless it is broken."""


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.005)


@dataclass
class Running:
    """A gateway that runs."""

    app: GatewayApp
    root: str
    """`http://127.0.0.1:port`"""
    stop: Callable[[], None]
    """Stands for SIGTERM."""
    thread: threading.Thread
    ended: Ended | None = None

    @property
    def url(self) -> str:
        """With `/v1`."""
        return f"{self.root}/v1"

    def end(self) -> Ended:
        """Stop, and wait until all is over."""
        self.stop()
        self.thread.join(PATIENCE_S)
        assert self.ended is not None
        return self.ended


@contextmanager
def gateway(config: GatewayConfig, *, upstreams: Sequence[Upstream] = ()) -> Iterator[Running]:
    """Run a gateway on a free port."""
    config = replace(config, port=0)
    app, listener, up = gateway_app(config, upstreams=upstreams), listen(config.host, 0), threading.Event()
    stops: list[Callable[[], None]] = []
    found: list[Running] = []

    def ready(stop: Callable[[], None]) -> None:
        stops.append(stop)
        up.set()

    def run() -> None:
        try:
            ended = serve_app(app, config, listener, ready=ready)
            if found:
                found[0].ended = ended
        finally:
            listener.close()
            up.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert up.wait(PATIENCE_S)
    assert stops, "the gateway did not start"
    running = Running(app, url_of(listener), stops[0], thread)
    found.append(running)
    try:
        yield running
    finally:
        running.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
