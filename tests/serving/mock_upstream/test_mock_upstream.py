"""The mock upstream, asked by the real clients."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.request import urlopen

import anthropic
import openai
import pytest

from llmopt.serving.mock_upstream.__main__ import main, read, serve
from llmopt.serving.mock_upstream.behaviour import Behaviour, asked_of
from llmopt.serving.mock_upstream.record import Record
from llmopt.serving.mock_upstream.server import MockUpstream

ASKED: list[Any] = [{"role": "user", "content": "hi"}]
TEXT = "Hello from the mock upstream"
RICH = Behaviour(reasoning=2, tool_calls=1, input_tokens=30, cached_tokens=10, output_tokens=7, reasoning_tokens=3)


def send(mock: MockUpstream, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Send a request on a connection of its own; return status and body."""
    line = http.client.HTTPConnection("127.0.0.1", mock.port, timeout=30)
    with closing(line):
        line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = line.getresponse()
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def mock() -> Iterator[MockUpstream]:
    with MockUpstream(RICH) as server:
        yield server


@pytest.fixture
def client(mock: MockUpstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=mock.url, api_key="sk-mock", max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
def claude(mock: MockUpstream) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=mock.root, api_key="sk-mock", max_retries=0, timeout=30) as made:
        yield made


def test_a_chat_has_text_reasoning_tools_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=ASKED)
    message: Any = answer.choices[0].message
    assert (message.content, message.reasoning_content) == (TEXT, "thought 0 thought 1")
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Zürich"}
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (30, 10)


@pytest.mark.parametrize(
    "options", [{}, {"piece-bytes": "3"}, {"multiline": "1"}, {"keep-alives": "yes"}, {"burst": "1"}]
)
def test_a_stream_comes_to_the_same_however_it_is_cut(client: openai.OpenAI, options: dict[str, str]) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=ASKED,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={f"x-mock-{name}": value for name, value in options.items()},
    )
    chunks = list(stream)
    deltas: list[Any] = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == TEXT
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Zürich"}
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 7


def test_a_stream_tells_its_usage_only_when_asked(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=ASKED, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_the_responses_api_answers_and_streams(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="gpt-4o-mini", input="hi")
    with client.responses.stream(model="gpt-4o-mini", input="hi") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert answer.output_text == final.output_text == TEXT
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.usage is not None
    assert final.usage.output_tokens_details.reasoning_tokens == 3


def test_completions_embeddings_and_models_answer(client: openai.OpenAI) -> None:
    assert client.completions.create(model="m", prompt="hi").choices[0].text == TEXT
    stream = client.completions.create(model="m", prompt="hi", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == TEXT
    vectors = client.embeddings.create(model="m", input=["a", "b"])
    assert len(vectors.data) == 2
    assert vectors.data[0].embedding[:2] == pytest.approx([0, 0.01])
    plain = client.embeddings.create(model="m", input="a", encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(vectors.data[0].embedding)
    assert "gpt-4o-mini" in [model.id for model in client.models.list()]


def test_anthropic_answers_and_streams(claude: anthropic.Anthropic) -> None:
    answer = claude.messages.create(model="claude-mock", max_tokens=9, messages=ASKED)
    with claude.messages.stream(model="claude-mock", max_tokens=9, messages=ASKED) as stream:
        final = stream.get_final_message()
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    for each in (answer, final):
        assert [getattr(block, "text", "") for block in each.content][1] == TEXT
        assert (each.usage.input_tokens, each.usage.cache_read_input_tokens, each.usage.output_tokens) == (20, 10, 7)
    assert answer.id != final.id


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("mock-status-429-retry_after-7", openai.RateLimitError),
        ("mock-error-503", openai.InternalServerError),
        ("mock-status-400", openai.BadRequestError),
        ("mock-drop-1", openai.APIConnectionError),
    ],
)
def test_a_models_name_asks_for_an_error(client: openai.OpenAI, model: str, error: type[openai.APIError]) -> None:
    with pytest.raises(error) as raised:
        client.chat.completions.create(model=model, messages=ASKED)
    if isinstance(raised.value, openai.RateLimitError):
        assert raised.value.response.headers["retry-after"] == "7"
        assert raised.value.type == "rate_limit_error"


def test_anthropic_gets_its_own_errors(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        claude.messages.create(model="mock-status-529", max_tokens=9, messages=ASKED)
    assert raised.value.body == {"type": "error", "error": {"type": "overloaded_error", "message": "mock error 529"}}


def test_a_body_fails_at_first_and_then_goes_well(client: openai.OpenAI) -> None:
    once = client.with_options(max_retries=1)
    answer = once.chat.completions.create(model="mock-fail_first-1", messages=ASKED)
    assert answer.choices[0].message.content == TEXT


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_it_dies_midway(mock: MockUpstream, streamed: bool) -> None:
    cut = mock.stats.cut
    body = {"model": "mock-die_after-2", "messages": ASKED, "stream": streamed}
    with pytest.raises(http.client.IncompleteRead):
        send(mock, "POST", "/v1/chat/completions", json.dumps(body).encode())
    assert mock.wait_for(lambda stats: stats.cut == cut + 1 and stats.open == 0)


@pytest.mark.parametrize("model", ["mock-hang-head", "mock-hang-body", "mock-latency_s-60", "mock-first_s-60"])
def test_a_client_that_leaves_is_counted(mock: MockUpstream, model: str) -> None:
    before = mock.stats
    body = json.dumps({"model": model, "stream": True, "messages": ASKED}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", mock.port)) as line:
        line.sendall(head.encode() + body)
        assert mock.wait_for(lambda stats: stats.open == before.open + 1)
    assert mock.wait_for(lambda stats: stats.cancelled == before.cancelled + 1)
    assert mock.stats.answered == before.answered


def test_any_other_path_tells_what_came(mock: MockUpstream) -> None:
    told = json.loads(send(mock, "PUT", "/v1/files/a%2Fb?x=1", b"\x00\xff", X_Mine="yes")[1])
    assert (told["method"], told["path"], told["body_bytes"]) == ("PUT", "/v1/files/a%2Fb?x=1", 2)
    assert ["x-mine", "yes"] in told["headers"]
    assert (mock.requests[-1].body, mock.requests[-1].header("X-Mine")) == (b"\x00\xff", "yes")
    assert send(mock, "POST", "/v1/files", b"\x00\xff", x_mock_echo="body") == (200, b"\x00\xff")
    assert send(mock, "HEAD", "/v1/files") == (200, b"")


def test_requests_in_one_piece_are_answered_in_turn(mock: MockUpstream) -> None:
    one = b"GET /v1/models HTTP/1.1\r\nhost: mock\r\n\r\n"
    with socket.create_connection(("127.0.0.1", mock.port), timeout=30) as line:
        line.sendall(one * 2 + one.replace(b"host", b"connection: close\r\nhost"))
        got = b"".join(iter(lambda: line.recv(65536), b""))
    assert got.count(b"HTTP/1.1 200 OK") == 3


def test_it_is_stopped_and_started_on_its_port() -> None:
    server = MockUpstream(Behaviour(chunks=1))
    with server:
        send(server, "GET", "/v1/models")
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            send(server, "GET", "/v1/models")
        server.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
            line.sendall(b"GET /v1/models HTTP/1.1\r\nhost: mock\r\n\r\n")
            assert server.wait_for(lambda stats: stats.answered == 2)
            server.drop_idle()
            assert server.wait_for(lambda stats: stats.connected == 0)
        server.behaviour = Behaviour(status=418)
        assert send(server, "GET", "/v1/models")[0] == 418
    assert (server.stats.calls, server.stats.errors) == (3, 1)


def test_it_waits_for_a_client_that_does_not_read() -> None:
    async def run(server: MockUpstream) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        body = json.dumps({"model": "m", "stream": True, "messages": ASKED}).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        assert await server.until(lambda stats: stats.calls == 1)
        read = 0
        while piece := await reader.read(1 << 20):
            read += len(piece)
        writer.close()
        await writer.wait_closed()
        assert read > 20_000_000
        assert await server.until(lambda stats: stats.answered == 1)

    with MockUpstream(
        Behaviour(chunks=20, text="x" * 1_000_000 + " " + " ".join("y" * 1_000_000 for _ in range(20)))
    ) as it:
        asyncio.run(run(it))


def test_wishes_of_headers_and_of_the_model() -> None:
    usual = Behaviour(chunks=9)
    headers = ((b"x-mock-first-s", b"0.5"), (b"x-mock-status", b"what"), (b"x-mock-junk", b"1"), (b"accept", b"*/*"))
    assert asked_of(usual, headers, "mock-chunks-3-usage-off") == Behaviour(chunks=3, first_s=0.5, usage=False)
    assert asked_of(usual, (), "gpt-4o-mini") is usual


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "llmopt.serving.mock_upstream", "--text", "so it goes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            with openai.OpenAI(base_url=url, api_key="sk-mock", max_retries=0, timeout=30) as client:
                answer = client.chat.completions.create(model="m", messages=ASKED)
            with urlopen(f"{url.removesuffix('/v1')}/mock/stats", timeout=30) as counted:
                counts = json.load(counted)
        finally:
            process.terminate()
        assert process.wait(30) == 0
    assert answer.choices[0].message.content == "so it goes"
    assert counts["calls"] == 1


def test_a_command_line_says_how_it_behaves(capsys: pytest.CaptureFixture[str]) -> None:
    assert read(["--port", "9", "--die-after", "3", "--burst", "yes"]) == (
        "127.0.0.1",
        9,
        Behaviour(die_after=3, burst=True),
    )
    for name, value in (("--chunks", "many"), ("--port", "99999"), ("--port", "-1")):
        with pytest.raises(SystemExit):
            read([name, value])
        assert f"{name} {value}: no such" in capsys.readouterr().err


def test_what_keeps_it_from_serving_is_told_without_a_traceback(
    mock: MockUpstream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--port", str(mock.port)])
    assert f"llmopt: error: 127.0.0.1:{mock.port} cannot be listened on" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "httptools", None)
    monkeypatch.delitem(sys.modules, "llmopt.serving.mock_upstream.connection")
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "httptools is not installed\nllmopt: hint: pip install" in capsys.readouterr().err


def test_it_serves_until_it_is_told_to_stop() -> None:
    async def run() -> tuple[str, bytes]:
        stop, urls = asyncio.Event(), asyncio.Queue[str]()
        serving = asyncio.create_task(serve("127.0.0.1", 0, Record(Behaviour(), 0), stop, urls.put_nowait))
        url = await asyncio.wait_for(urls.get(), 30)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].removesuffix("/v1")))
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: mock\r\n\r\n")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        stop.set()
        await asyncio.wait_for(serving, 30)
        writer.close()
        return url, answer

    url, answer = asyncio.run(run())
    assert url.startswith("http://127.0.0.1:")
    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("stream", [b"false", b"true"])
def test_half_a_surrogate_pair_in_a_name_is_answered(mock: MockUpstream, stream: bytes) -> None:
    body = b'{"model": "m\\udfff", "stream": %s, "messages": []}' % stream
    for multiline in ("off", "on"):
        status, answer = send(mock, "POST", "/v1/chat/completions", body, x_mock_multiline=multiline)
        assert status == 200
        assert b'"m?"' in answer


def test_counts_are_told_and_begin_anew(mock: MockUpstream) -> None:
    send(mock, "POST", "/v1/chat/completions", b"no json")
    assert json.loads(send(mock, "GET", "/mock/stats")[1])["calls"] == mock.stats.calls > 0
    send(mock, "POST", "/mock/reset")
    assert (mock.stats.calls, list(mock.requests)) == (0, [])


def test_what_is_no_http_is_cut_off(mock: MockUpstream) -> None:
    with socket.create_connection(("127.0.0.1", mock.port), timeout=30) as line:
        line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        with suppress(ConnectionResetError):
            assert line.recv(1) == b""


def test_it_goes_on_where_a_client_waits_to_be_asked_for_the_body(mock: MockUpstream) -> None:
    with socket.create_connection(("127.0.0.1", mock.port), timeout=30) as line:
        line.sendall(b"POST /v1/x HTTP/1.1\r\nhost: m\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"{}")
        assert line.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_port_is_taken_once(mock: MockUpstream) -> None:
    with pytest.raises(OSError, match="in use"), MockUpstream(port=mock.port):
        pass


def test_all_connections_are_cut_in_the_middle(mock: MockUpstream) -> None:
    before = mock.stats.cut
    with socket.create_connection(("127.0.0.1", mock.port), timeout=30) as line:
        line.sendall(b"GET /v1/models HTTP/1.1\r\nhost: m\r\nx-mock-hang: head\r\n\r\n")
        assert mock.wait_for(lambda stats: stats.open == 1)
        mock.cut()
        assert mock.wait_for(lambda stats: stats.cut == before + 1)
