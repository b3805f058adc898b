"""A gateway ends without losing what it took in, with one process and with several."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.gateway.config.settings import GatewayConfig, Times, UpstreamSettings
from llmopt.serving.gateway.running import run
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from llmopt.serving.running import Ended
from tests.serving.gateway.running import PATIENCE_S, gateway, until
from tests.serving.gateway.wire import CHAT, Wire, ask, request

SLOW = {**CHAT, "model": "mock-latency_s-2"}
_PROC = Path("/proc/self/task")
_SCRIPT = """
import sys
from pathlib import Path
from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings
from llmopt.serving.gateway.running import run

if __name__ == "__main__":
    log = Path(sys.argv[2]) if sys.argv[2:] else None
    config = GatewayConfig((UpstreamSettings(sys.argv[1]),), port=0, workers=2, cache=None, log=log)
    ended = run(config, ready=lambda url, stop: print(url, flush=True))
    print(ended.unanswered, ended.clean, flush=True)
"""

_SIGNALLED_BESIDE = f"""
import signal, sys, threading

def signalled():
    for _ in sys.stdin:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

if __name__ == "__main__":
    threading.Thread(target=signalled, daemon=True).start()
{_SCRIPT}"""


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
def started(
    mock: MockUpstream, folder: Path | None = None, *arguments: str, script: str = _SCRIPT
) -> Iterator[subprocess.Popen[str]]:
    """A gateway of two workers in processes of its own, which are a group as those of a terminal are."""
    environ = os.environ if folder is None else {**os.environ, "TMPDIR": str(folder)}
    pipe, command = subprocess.PIPE, [sys.executable, "-c", script, mock.url, *arguments]
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ, start_new_session=True
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


@contextmanager
def process(
    mock: MockUpstream, folder: Path | None = None, *arguments: str, script: str = _SCRIPT
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The same when it takes requests, and its URL."""
    with started(mock, folder, *arguments, script=script) as running:
        assert running.stdout is not None
        yield running, running.stdout.readline().strip()


def test_several_workers_share_an_address_and_their_numbers(mock: MockUpstream) -> None:
    config = GatewayConfig((UpstreamSettings(mock.url),), port=0, workers=2, cache=None)
    up: Queue[tuple[str, Callable[[], None]]] = Queue()
    ended: Queue[Ended] = Queue()
    thread = threading.Thread(target=lambda: ended.put(run(config, ready=lambda *told: up.put(told))))
    thread.start()
    url, stop = up.get(timeout=PATIENCE_S)
    for _ in range(20):
        assert ask(url, body=CHAT).status == 200
    until(lambda: _counted(url) == 20.0)  # a call is counted when its answer is on its way
    assert {_counted(url) for _ in range(5)} == {20.0}
    calls = mock.stats.calls
    with Wire(url) as wire:
        wire.send(request(body=SLOW))
        assert mock.wait_for(lambda stats: stats.calls > calls)
        stop()
        assert wire.answer().status == 200
    assert ended.get(timeout=PATIENCE_S) == Ended(0, clean=True)
    thread.join(PATIENCE_S)


def test_one_process_runs_until_it_is_stopped(mock: MockUpstream) -> None:
    up: Queue[tuple[str, Callable[[], None]]] = Queue()
    ended: Queue[Ended] = Queue()
    config = GatewayConfig((UpstreamSettings(mock.url),), port=0, cache=None)
    thread = threading.Thread(target=lambda: ended.put(run(config, ready=lambda *told: up.put(told))))
    thread.start()
    url, stop = up.get(timeout=PATIENCE_S)
    assert ask(url, body=CHAT).status == 200
    stop()
    assert ended.get(timeout=PATIENCE_S) == Ended(0, clean=True)
    thread.join(PATIENCE_S)


@pytest.mark.skipif(not _PROC.exists(), reason="processes are looked up in /proc")
def test_a_worker_that_dies_is_replaced() -> None:
    with MockUpstream(Behaviour()) as mock, process(mock) as (running, url):
        first = set(_workers(running))
        assert len(first) == 2
        os.kill(min(first), signal.SIGKILL)
        until(lambda: len(set(_workers(running)) - first) == 1)
        assert ask(url, body=CHAT).status == 200
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE_S)
    assert out == "0 True\n"
    assert err == "a worker died with exit code -9; another one begins\n"


@pytest.mark.skipif(not _PROC.exists(), reason="processes are looked up in /proc")
def test_a_worker_that_cannot_begin_again_says_why(mock: MockUpstream, tmp_path: Path) -> None:
    log = tmp_path / "log" / "calls.jsonl"
    log.parent.mkdir()
    with process(mock, tmp_path, str(log)) as (running, url):
        shutil.rmtree(log.parent)
        seen = set(_workers(running))
        os.kill(min(seen), signal.SIGKILL)
        until(lambda: len(seen.union(_workers(running))) >= 3)
        seen |= set(_workers(running))
        until(lambda: len(seen.union(_workers(running))) >= 4)
        assert ask(url, "/healthz", method="GET").status == 200
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=PATIENCE_S)
    died, begins, *_ = err.splitlines()
    assert died == "a worker died with exit code -9; another one begins"
    assert begins.startswith(f"a worker could not begin: {log}: ")


@pytest.mark.skipif(not _PROC.exists(), reason="processes are looked up in /proc")
def test_a_second_signal_ends_the_workers_at_once(mock: MockUpstream, tmp_path: Path) -> None:
    with process(mock, tmp_path) as (running, url), Wire(url) as wire:
        calls = mock.stats.calls
        wire.send(request(body={**CHAT, "model": "mock-hang-head"}))
        assert mock.wait_for(lambda stats: stats.calls > calls)
        assert len(list(tmp_path.iterdir())) == 1
        workers = _workers(running)
        os.killpg(running.pid, signal.SIGINT)
        until(lambda: not _listens(url))
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE_S)
        assert (running.returncode, out, err) == (130, "", "")
        assert not list(tmp_path.iterdir())
        until(lambda: not any(_lives(worker) for worker in workers))


@pytest.mark.skipif(not _PROC.exists(), reason="processes are looked up in /proc")
def test_a_signal_while_workers_begin_ends_them_without_a_word(mock: MockUpstream, tmp_path: Path) -> None:
    with started(mock, tmp_path) as running:
        until(lambda: len(_workers(running)) >= 1)
        os.killpg(running.pid, signal.SIGHUP)
        _, err = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, err) == (0, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not _PROC.exists(), reason="processes are looked up in /proc")
def test_workers_end_with_who_began_them(tmp_path: Path) -> None:
    with MockUpstream(Behaviour()) as mock, process(mock, tmp_path) as (running, _):
        workers = _workers(running)
        assert list(tmp_path.iterdir())
        running.kill()
        running.wait()
        until(lambda: not any(_lives(worker) for worker in workers))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not _PROC.exists(), reason="processes are looked up in /proc")
def test_signals_that_another_thread_takes_are_heard(mock: MockUpstream) -> None:
    """They interrupt no system call of the main thread, as one that comes just before the call."""
    with process(mock, script=_SIGNALLED_BESIDE) as (running, url), Wire(url) as wire:
        calls = mock.stats.calls
        wire.send(request(body={**CHAT, "model": "mock-hang-head"}))
        assert mock.wait_for(lambda stats: stats.calls > calls)
        assert running.stdin is not None
        running.stdin.write("!\n")
        running.stdin.flush()
        until(lambda: not _listens(url))
        out, err = running.communicate("!\n", timeout=PATIENCE_S)
    assert (running.returncode, out, err) == (130, "", "")


def test_a_worker_that_cannot_serve_is_told_once(mock: MockUpstream) -> None:
    upstream = UpstreamSettings(mock.url, api_key_env="NO_SUCH_KEY_HERE")
    with pytest.raises(ConfigError, match="NO_SUCH_KEY_HERE"):
        run(GatewayConfig((upstream,), port=0, workers=2, cache=None))


def _workers(running: subprocess.Popen[str]) -> list[int]:
    """The processes that a gateway began and that still live, but for the one that cleans up after them."""
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in _command(int(child))]


def _command(process: int) -> bytes:
    """Its command line, empty where it has ended since it was listed."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _listens(url: str) -> bool:
    """Whether a gateway takes requests."""
    try:
        return ask(url, "/readyz", method="GET").status == 200
    except OSError:
        return False


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _counted(url: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=PATIENCE_S) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("llmopt_requests_total{"))
