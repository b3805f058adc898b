"""`llmopt serve`: what it refuses before it starts, the settings it takes, and how signals end it."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmopt.serving.running import listen
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.models.extras import library, save_bert

FUNCTIONS = """
import pathlib, threading

def shout(texts):
    return [text.upper() for text in texts]

def sizes(texts):
    return [[float(len(text))] for text in texts]

def stuck(texts):
    pathlib.Path("began").touch()
    threading.Event().wait()
"""
PATIENCE_S = 60


@dataclass
class Started:
    """A server in a process of its own."""

    process: Any
    told: str
    """What it wrote when it was ready."""
    port: int

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        line = self.connection()
        try:
            self.send(line, path, body)
            response = line.getresponse()
            return response.status, response.read().decode()
        finally:
            line.close()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def send(self, line: http.client.HTTPConnection, path: str, body: object) -> None:
        data = None if body is None else json.dumps(body).encode()
        line.request("GET" if data is None else "POST", path, data, {"content-type": "application/json"})


@contextmanager
def started(*arguments: str) -> Iterator[Started]:
    command = [sys.executable, "-m", "llmopt", "serve", *arguments, "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            match = re.search(r"http://127\.0\.0\.1:(\d+)", told)
            assert match, told + process.stderr.read()
            yield Started(process, told, int(match[1]))
        finally:
            process.kill()


@contextmanager
def asked_within(port: int, talk: Callable[[Started], object]) -> Iterator[None]:
    """Talk to a server that this thread is about to run, from another; then end it with a signal."""
    server = Started(None, "", port)
    failures: list[BaseException] = []

    def work() -> None:
        for _ in range(PATIENCE_S * 100):
            try:
                if server.ask("/healthz")[0] == 200:
                    break
            except ConnectionError:
                time.sleep(0.01)
        else:
            return
        try:
            talk(server)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    if failures:
        raise failures[0]


@pytest.fixture
def free_port() -> int:
    with listen("127.0.0.1", 0) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def functions(workdir: Path) -> Path:
    (workdir / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
    return workdir


def ended(server: Started) -> tuple[int, str]:
    """Return exit code and what else it wrote."""
    _, err = server.process.communicate(timeout=PATIENCE_S)
    return server.process.returncode, err


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_function_is_served_until_a_signal_comes(functions: Path, sent: signal.Signals) -> None:
    (functions / "bench.toml").write_text("[batcher]\nmax_batch_size = 8\nmax_wait_s = 0.005\nmax_queue = 99\n")
    with started("functions.py:shout", "--name", "loud", "--config", "bench.toml", "--max-wait", "0") as server:
        assert server.told == f"serving loud on http://127.0.0.1:{server.port} (max batch 8, max wait 0 ms, queue 99)\n"
        status, text = server.ask("/predict", {"input": ["a", "b c"]})
        assert (status, json.loads(text)["outputs"]) == (200, ["A", "B C"])
        assert server.ask("/healthz")[0] == 200
        assert 'llmopt_batch_inputs_bucket{le="8.0"}' in server.ask("/metrics")[1]
        server.process.send_signal(sent)
        assert ended(server) == (0, "")


def test_it_runs_in_this_process_too(functions: Path, llmopt: Llmopt, free_port: int) -> None:
    def talk(server: Started) -> None:
        assert json.loads(server.ask("/predict", {"input": "a"})[1])["outputs"] == ["A"]

    with asked_within(free_port, talk):
        outcome = llmopt("serve", "functions.py:shout", "--port", free_port, "--max-batch-tokens", "50", "-v")
    assert (outcome.code, outcome.out) == (0, "")
    assert f"on http://127.0.0.1:{free_port} (max batch 32, max wait 0 ms, max 50 tokens, queue 1,024)" in outcome.err
    assert "INFO: 127.0.0.1:" in outcome.err
    assert '"POST /predict HTTP/1.1" 200' in outcome.err


def test_a_server_that_others_reach_is_warned_of(functions: Path, llmopt: Llmopt, free_port: int) -> None:
    with asked_within(free_port, lambda _: None):
        outcome = llmopt("serve", "functions.py:shout", "--port", free_port, "--host", "0.0.0.0")
    assert outcome.code == 0
    assert f"whoever reaches 0.0.0.0:{free_port} can use the model" in outcome.err.splitlines()[1]


def test_a_function_may_embed(functions: Path, llmopt: Llmopt, free_port: int) -> None:
    def talk(server: Started) -> None:
        status, text = server.ask("/v1/embeddings", {"model": "mine", "input": ["ab", "c"]})
        assert (status, [one["embedding"] for one in json.loads(text)["data"]]) == (200, [[2.0], [1.0]])

    with asked_within(free_port, talk):
        outcome = llmopt("serve", "functions.py:sizes", "--task", "embed", "--name", "mine", "--port", free_port, "-q")
    assert outcome.code == 0


def test_it_serves_though_nobody_reads_what_it_says(
    functions: Path, llmopt: Llmopt, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Closed())
    with asked_within(free_port, lambda server: server.ask("/predict", {"input": "a"})):
        assert llmopt("serve", "functions.py:shout", "--port", free_port).code == 0


def test_quiet_says_nothing(functions: Path, llmopt: Llmopt, free_port: int) -> None:
    with asked_within(free_port, lambda _: None):
        outcome = llmopt("serve", "functions.py:shout", "--port", free_port, "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_what_is_left_is_counted(
    functions: Path, llmopt: Llmopt, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "_exit", sys.exit)
    waiting: list[threading.Thread] = []

    def talk(server: Started) -> None:
        for _ in range(2):
            waiting.append(threading.Thread(target=server.ask, args=("/predict", {"input": "a"})))
            waiting[-1].start()
        while "llmopt_http_requests_in_flight 3.0" not in server.ask("/metrics")[1]:
            pass

    with asked_within(free_port, talk):
        outcome = llmopt("serve", "functions.py:stuck", "--port", free_port, "--drain", "20ms", "-q")
    for thread in waiting:
        thread.join(PATIENCE_S)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "llmopt: check failed: 2 requests were not answered within 20ms\n"


def test_a_model_that_does_not_end_is_ended(functions: Path) -> None:
    with started("functions.py:stuck", "--drain", "50ms") as server:
        line = server.connection()
        server.send(line, "/predict", {"input": "a"})
        while not (functions / "began").exists():
            assert server.ask("/healthz")[0] == 200
        server.process.terminate()
        assert line.getresponse().status == 503
        line.close()
        assert ended(server) == (1, "llmopt: check failed: 1 request was not answered within 50ms\n")


def test_a_second_signal_ends_it_at_once(functions: Path) -> None:
    with started("functions.py:stuck", "--drain", "1h") as server:
        line = server.connection()
        server.send(line, "/predict", {"input": "a"})
        while not (functions / "began").exists():
            assert server.ask("/healthz")[0] == 200
        server.process.terminate()
        while server.ask("/healthz")[0] == 200:
            pass
        server.process.send_signal(signal.SIGINT)
        assert ended(server) == (130, "")
        line.close()


def test_a_checkpoint_is_served(tmp_path: Path, llmopt: Llmopt, free_port: int) -> None:
    library("torch", "semantic")
    folder = save_bert(tmp_path / "tiny", "BertForSequenceClassification")

    def talk(server: Started) -> None:
        status, text = server.ask("/predict", {"input": "report before it"})
        (output,) = json.loads(text)["outputs"]
        assert status == 200
        assert set(output["scores"]) == {"LABEL_0", "LABEL_1"}
        assert 'device="cpu"' in server.ask("/metrics")[1]

    with asked_within(free_port, talk):
        outcome = llmopt("serve", folder, "--port", free_port, "--device", "cpu", "--dtype", "float32")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.splitlines()[-1].startswith("serving tiny on http://127.0.0.1:")


def test_a_taken_port_is_said_before_the_model_is_opened(llmopt: Llmopt) -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        outcome = llmopt("serve", "no/such/model", "--port", port)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        f"llmopt: error: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "llmopt: hint: --port 0 takes a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no/such/model"], "no/such/model"),
        (["nowhere:function"], "nowhere"),
        (["m", "--config", "missing.toml"], "missing.toml: No such file or directory"),
        (["m", "--config", "wrong.toml"], "wrong.toml: [batcher] has no key 'max_batch'"),
        (["m", "--max-batch-size", "0"], "--max-batch-size '0': not a whole number of 1 or more"),
        (["m", "--max-wait", "5"], "--max-wait '5': a duration ends in its unit"),
        (["m", "--max-queue", "many"], "--max-queue 'many': not a whole number of 1 or more"),
        (["m", "--port", "70000"], "--port 70000: ports end at 65535"),
        (["m", "--port", "http"], "--port 'http': not a whole number of 0 or more"),
        (["m", "--max-body", "much"], "--max-body 'much': not a size"),
        (["m", "--max-body", "0"], "the limits on body and inputs are at least 1"),
        (["m", "--timeout", "never"], "--timeout 'never': not a duration"),
        (["m", "--drain", "0s"], "--drain '0s'"),
        (["m", "--task", "sing"], "--task 'sing': not one of embed, classify, generate"),
        (["json:dumps", "--task", "classify"], "--task classify is for models, and json:dumps is a function"),
        (["json:dumps", "--device", "cuda"], "--device is for models, and json:dumps is a function"),
        (["json:dumps", "--trust-remote-code"], "--trust-remote-code is for models, and json:dumps is a function"),
    ],
)
def test_what_makes_no_sense_is_one_line(llmopt: Llmopt, workdir: Path, arguments: list[str], message: str) -> None:
    (workdir / "wrong.toml").write_text("[batcher]\nmax_batch = 8\n")
    port = [] if "--port" in arguments else ["--port", "0"]
    outcome = llmopt("serve", *arguments, *port)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("llmopt: error: ")
    assert message in outcome.err.splitlines()[0]
    assert len(outcome.err.splitlines()) <= 2


def test_the_help_and_the_reference_load_no_server() -> None:
    code = "import sys; from llmopt.cli.main import run; run(['serve', '--help']); print('\\n', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "--max-batch-size" in done.stdout
    assert not {"fastapi", "uvicorn", "torch", "starlette"} & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("package", ["uvicorn", "fastapi", "prometheus_client", "orjson"])
def test_a_missing_extra_is_named(package: str, workdir: Path) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from llmopt.cli.main import run; sys.exit(run(['serve', 'json:dumps', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=workdir)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"llmopt: error: {package} is not installed\nllmopt: hint: pip install 'llmopt[serve]'\n")
