"""Every setting of a file reaches the part that it is for: a gateway runs with it, and does what it says."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmopt.serving.gateway.config.file import read_config
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import Running, gateway

PATIENCE_S = 30
SHA_OF_SECRET = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
"""SHA-256 of `secret`."""
BODY = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": "What is a monad?"}]}
PRICES = {
    "schema": 1,
    "provider": "own",
    "checked": "2026-01-01",
    "sources": ["https://example.com"],
    "models": {"house-7b": {"rows": [{"usd_per_mtok": {"input_uncached": "1000000", "output_text": "0"}}]}},
}
POLICY = 'default = "cheap"\n[routes]\ncheap = "gpt-4o-mini"\n'


class Answer:
    """What came back."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode()


def ask(running: Running, body: object = BODY, path: str = "/v1/chat/completions", **headers: str) -> Answer:
    line = http.client.HTTPConnection(running.root.removeprefix("http://"), timeout=PATIENCE_S)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body)
        line.request("GET" if body is None else "POST", path, data, {"content-type": "application/json", **sent})
        return Answer(line.getresponse())
    finally:
        line.close()


@pytest.fixture(scope="module")
def mock() -> Iterator[MockUpstream]:
    with MockUpstream() as running:
        yield running


@pytest.fixture
def started(tmp_path: Path, mock: MockUpstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start gateways with the text of a settings file; `URL` in it is the mock's."""
    monkeypatch.setenv("UPSTREAM_KEY", "sk-upstream")
    running: list[Any] = []

    def start(text: str) -> Running:
        path = tmp_path / "llmopt.toml"
        path.write_text(f"[gateway]\n{text}".replace("URL", mock.url), encoding="utf-8")
        flags = {} if "upstream" in text else {"upstream": mock.url}
        context = gateway(read_config(path, flags=flags))
        running.append(context)
        found: Running = context.__enter__()
        return found

    yield start
    for context in running:
        context.__exit__(None, None, None)


def log_of(running: Running, folder: Path) -> list[Any]:
    running.end()
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()]


def test_keys_and_the_upstreams_own(started: Any, mock: MockUpstream) -> None:
    text = f'upstream = "URL"\napi-key-env = "UPSTREAM_KEY"\n[gateway.keys.care]\nsha256 = "{SHA_OF_SECRET}"\n'
    running = started(text)
    assert ask(running, authorization="Bearer wrong").status == 401
    assert ask(running, authorization="Bearer secret").status == 200
    sent = dict(mock.requests[-1].headers)
    assert sent[b"authorization"] == b"Bearer sk-upstream"


def test_several_upstreams_by_model(started: Any, mock: MockUpstream) -> None:
    text = (
        '[gateway.cache]\nstore = "off"\n'
        '[[gateway.upstream]]\nurl = "URL"\nname = "a"\nmodels = ["gpt-*"]\napi-key-env = "UPSTREAM_KEY"\n'
        '[[gateway.upstream]]\nurl = "URL"\nname = "b"\nmodels = ["claude-*"]\nanthropic = true\n'
        'api-key-env = "UPSTREAM_KEY"\n'
    )
    running = started(text)
    assert ask(running).status == 200
    assert b"x-api-key" not in dict(mock.requests[-1].headers)
    assert ask(running, {**BODY, "model": "claude-x", "max_tokens": 5}, "/v1/messages").status == 200
    assert dict(mock.requests[-1].headers)[b"x-api-key"] == b"sk-upstream"
    assert ask(running, {**BODY, "model": "other"}).status == 404


def test_policy_and_the_models_that_are_routed(started: Any, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(POLICY, encoding="utf-8")
    running = started('policy = "p.toml"\nroute-models = ["gpt-4*"]\n')
    assert ask(running).headers["x-llmopt-route"].startswith("cheap;")
    assert "x-llmopt-route" not in ask(running, {**BODY, "model": "gpt-5"}).headers


def test_compression(started: Any, mock: MockUpstream) -> None:
    running = started('compress = "safe"\n')
    wordy = "Please could you  kindly tell me, in order to help:\n\n\n\n\n\n what is a monad? Thank you very much!"
    before = [{"role": "user", "content": wordy}]
    assert ask(running, {**BODY, "messages": before}).status == 200
    assert len(json.loads(mock.requests[-1].body)["messages"][0]["content"]) < len(wordy)


def test_caps(started: Any, tmp_path: Path) -> None:
    running = started('[gateway.caps]\nusd-per-day = "0.0000001"\nstore = "spent.db"\n[gateway.cache]\nstore = "off"\n')
    assert ask(running, authorization="Bearer a").status == 200
    refused = ask(running, authorization="Bearer a")
    assert (refused.status, json.loads(refused.text)["error"]["code"]) == (429, "budget_exceeded")
    assert ask(running, authorization="Bearer b").status == 200
    assert (tmp_path / "spent.db").exists()


@pytest.mark.parametrize("cap", ["usd-per-month", "total-usd-per-month"])
def test_caps_of_a_month(started: Any, cap: str) -> None:
    running = started(f'[gateway.caps]\n{cap} = "0.0000001"\n[gateway.cache]\nstore = "off"\n')
    statuses = [ask(running, authorization=f"Bearer {who}").status for who in ("a", "a", "b")]
    assert statuses == [200, 402, 402 if cap.startswith("total") else 200]


def test_the_cache_and_what_it_tells_apart(started: Any, tmp_path: Path) -> None:
    running = started('key-headers = ["X-Feature"]\n[gateway.cache]\nstore = "answers.db"\nsampled = true\n')
    sampling = {**BODY, "temperature": 1}
    found = [ask(running, sampling, x_feature=feature).headers["x-llmopt-cache"] for feature in ("a", "a", "b")]
    assert found == ["miss", "hit", "miss"]
    assert (tmp_path / "answers.db").exists()


@pytest.mark.parametrize(("text", "found"), [("", ["miss", "hit"]), ('cache = "off"\n', ["bypass", "bypass"])])
def test_the_cache_can_be_off(started: Any, text: str, found: list[str]) -> None:
    running = started(text)
    assert [ask(running).headers["x-llmopt-cache"] for _ in range(2)] == found
    assert ask(running, {**BODY, "temperature": 1}).headers["x-llmopt-cache"] == "bypass"


@pytest.mark.parametrize("bodies", [True, False])
def test_the_log_and_what_it_holds(started: Any, tmp_path: Path, bodies: bool) -> None:
    running = started(f'log = "calls.jsonl"\nlog-bodies = {str(bodies).lower()}\n')
    assert ask(running, x_llmopt_tags="team=care").status == 200
    (line,) = log_of(running, tmp_path)
    assert (line["asked_model"], line["tags"], "request" in line) == ("gpt-4o", {"team": "care"}, bodies)


@pytest.mark.parametrize("asked", [True, False])
def test_asking_for_usage(started: Any, mock: MockUpstream, asked: bool) -> None:
    running = started(f"ask-usage = {str(asked).lower()}\n")
    assert ask(running, {**BODY, "stream": True}).status == 200
    assert (b"include_usage" in mock.requests[-1].body) == asked


def test_metrics(started: Any) -> None:
    running = started('tutorial-metrics = true\nmetric-models = ["house-7b"]\n')
    for model in ("house-7b", "nobody-7b"):
        assert ask(running, {**BODY, "model": model}).status == 200
    text = ask(running, None, "/metrics").text
    assert "llm_api_calls_total" in text
    assert 'model="house-7b"' in text
    assert "nobody-7b" not in text


def test_prices_of_ones_own(started: Any, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(PRICES), encoding="utf-8")
    running = started('prices = ["own.json"]\n')
    assert ask(running, {**BODY, "model": "house-7b"}).headers["x-llmopt-cost-usd"] == "20"


def test_limits(started: Any) -> None:
    running = started('[gateway.limits]\nbody = "1kB"\nhead = "4KiB"\n')
    assert ask(running, {**BODY, "user": "a" * 1000}).status == 413
    host, port = running.root.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nx-long: " + b"a" * 8000)
        assert line.recv(20).startswith(b"HTTP/1.1 431")
    assert ask(running).status == 200


def test_the_time_for_an_answer(started: Any) -> None:
    running = started('timeout = "200ms"\ncache = "off"\n')
    assert ask(running, x_mock_hang="head").status == 504


@pytest.mark.parametrize("most", [0, 2])
def test_retries(started: Any, mock: MockUpstream, most: int) -> None:
    running = started(f'cache = "off"\n[gateway.retries]\nmost = {most}\nfirst-wait = "1ms"\nlongest-wait = "2ms"\n')
    before = mock.stats.calls
    assert ask(running, x_mock_status="503").status == 503
    assert mock.stats.calls - before == 1 + most
