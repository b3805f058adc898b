"""A gateway ends without losing what it took in, with one process and with several."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from llmopt.errors import UsageError
from llmopt.serving.gateway.config import GatewayConfig, Times, UpstreamSettings
from llmopt.serving.gateway.running import run
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import PATIENCE_S, gateway
from tests.serving.gateway.wire import CHAT, Wire, ask, request

SLOW = {**CHAT, "model": "mock-latency_s-0.5"}
_SCRIPT = """
import json, sys
from llmopt.errors import LlmoptError
from llmopt.serving.gateway.config import GatewayConfig, Times, UpstreamSettings
from llmopt.serving.gateway.running import run

def main():
    config = GatewayConfig(
        (UpstreamSettings(sys.argv[1], api_key_env=sys.argv[3]),), port=0, workers=int(sys.argv[2]), cache=None,
        times=Times(drain_s=20.0),
    )
    try:
        ended = run(config, ready=lambda url, stop: print(url, flush=True))
    except LlmoptError as error:
        print("error", error.message, flush=True)
    else:
        print(ended.unanswered, ended.clean, flush=True)

if __name__ == "__main__":
    main()
"""


def test_what_was_taken_is_answered_and_nothing_new_is_taken(mock: MockUpstream) -> None:
    with gateway(GatewayConfig((UpstreamSettings(mock.url),), cache=None)) as running:
        assert ask(running.root, "/readyz", method="GET").status == 200
        with Wire(running.root) as busy, Wire(running.root) as idle:
            idle.send(request("/readyz", method="GET"))
            assert idle.answer().status == 200
            calls = mock.stats.calls
            busy.send(request(body=SLOW))
            assert mock.wait_for(lambda stats: stats.calls > calls)
            running.stop()
            while ask(running.root, "/readyz", method="GET").status != 503:
                pass
            assert ask(running.root, "/healthz", method="GET").status == 200
            idle.send(request(body=CHAT))
            refused = idle.answer()
            assert (refused.status, refused.code) == (503, "draining")
            assert refused.header("connection") == "close"
            assert busy.answer().status == 200
        ended = running.end()
    assert (ended.unanswered, ended.clean) == (0, True)


def test_a_stream_is_answered_to_its_end(mock: MockUpstream) -> None:
    with gateway(GatewayConfig((UpstreamSettings(mock.url),), cache=None)) as running, Wire(running.root) as wire:
        wire.send(request(body={**CHAT, "model": "mock-gap_s-0.05", "stream": True}))
        assert wire.answer_begun() == 200
        running.stop()
        rest = wire.stream_to_its_end()
        assert rest.endswith(b"data: [DONE]\n\n")
        assert running.end().unanswered == 0


def test_what_takes_too_long_is_cut_and_counted(mock: MockUpstream) -> None:
    config = GatewayConfig((UpstreamSettings(mock.url),), cache=None, times=Times(drain_s=0.2))
    before = mock.stats.cancelled
    with gateway(config) as running, Wire(running.root) as wire:
        calls = mock.stats.calls
        wire.send(request(body={**CHAT, "model": "mock-hang-head"}))
        assert mock.wait_for(lambda stats: stats.calls > calls)
        ended = running.end()
    assert (ended.unanswered, ended.clean) == (1, False)
    assert mock.wait_for(lambda stats: stats.cancelled > before)


def test_an_address_that_is_taken_is_told(mock: MockUpstream) -> None:
    with gateway(GatewayConfig((UpstreamSettings(mock.url),), cache=None)) as running:
        port = int(running.root.rpartition(":")[2])
        with pytest.raises(UsageError, match="cannot listen"):
            run(GatewayConfig((UpstreamSettings(mock.url),), port=port))


@contextmanager
def process(mock: MockUpstream, workers: int, key: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A gateway in processes of its own; yields the first line that it writes, too."""
    command = [sys.executable, "-c", _SCRIPT, mock.url, str(workers), key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().strip()
        finally:
            if running.poll() is None:
                running.kill()


def test_several_workers_share_an_address_and_their_numbers() -> None:
    with MockUpstream(Behaviour()) as mock, process(mock, 2) as (running, url):
        for _ in range(20):
            assert ask(url, body=CHAT).status == 200
        shown = {_counted(url) for _ in range(5)}
        assert shown == {20.0}
        with Wire(url) as wire:
            wire.send(request(body=SLOW))
            assert mock.wait_for(lambda stats: stats.calls == 21)
            running.send_signal(signal.SIGTERM)
            assert wire.answer().status == 200
        out, err = running.communicate(timeout=PATIENCE_S)
    assert (out, err) == ("0 True\n", "")
    assert running.returncode == 0


def test_a_worker_that_cannot_serve_is_told_once() -> None:
    with MockUpstream(Behaviour()) as mock, process(mock, 2, "NO_SUCH_KEY_HERE") as (running, line):
        assert line.startswith("error ")
        assert "NO_SUCH_KEY_HERE" in line
        assert running.wait(PATIENCE_S) == 0


def _counted(url: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=PATIENCE_S) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("llmopt_requests_total{"))
