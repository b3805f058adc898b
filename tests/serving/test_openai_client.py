"""The client against a server on the loopback: answers of all shapes, and every way to have none."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys

import pytest

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.serving.exchange import Exchange
from llmopt.serving.openai_client import OpenAiClient
from llmopt.serving.openai_errors import hint
from tests.serving.mock_openai import Behaviour, Mock, frame, serving


def ask(url: str, *, timeout_s: float = 30, due_before_s: float = 0.0, api_key: str = "") -> Exchange:
    async def main() -> Exchange:
        async with OpenAiClient(url, model="m", new_tokens=3, timeout_s=timeout_s, api_key=api_key) as client:
            return await client.ask("hello", asyncio.get_running_loop().time() - due_before_s)

    return asyncio.run(main())


def answered(behaviour: Behaviour) -> Exchange:
    with serving(behaviour) as mock:
        return ask(mock.url)


def test_an_answer_is_timed_and_counted() -> None:
    with serving() as mock:
        found = ask(mock.url, due_before_s=5.0)
    assert (found.error, found.tokens, found.prompt_tokens, found.text) == ("", 3, 11, "")
    assert found.first_s is not None
    assert found.last_s is not None
    assert found.due_s < found.sent_s <= found.first_s <= found.last_s <= found.ended_s
    assert found.latency_s >= (found.ttft_s or 0) >= 5.0, "what was due counts, not what was sent"
    [body] = mock.bodies
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "temperature": 0,
        "max_tokens": 3,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "?team=a"])
def test_a_url_may_end_as_it_likes(suffix: str) -> None:
    with serving() as mock:
        assert ask(mock.url + suffix).error == ""


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/x", "http://", "http://host:port", "http://[::1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no URL"):
        OpenAiClient(url)


def test_an_answer_without_usage_is_kept_to_be_counted() -> None:
    found = answered(Behaviour(usage=False, done=False))
    assert (found.error, found.tokens, found.text) == ("", None, " word word word")


def test_reasoning_counts_as_tokens() -> None:
    found = answered(Behaviour(reasoning=True, usage=False))
    assert found.text == " word word word"
    assert found.due_s < (found.first_s or 0) <= (found.last_s or 0)


def test_a_server_that_does_not_stream_is_understood() -> None:
    found = answered(Behaviour(streams=False))
    assert (found.error, found.tokens, found.first_s == found.last_s) == ("", 3, True)


TEXT = frame({"choices": [{"delta": {"content": "a"}}]})


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (TEXT.replace(b"\n", b"\r\n") + b": ping\r\n\r\ndata: [DONE]\r\n\r\n", ""),
        (TEXT, ""),
        (TEXT.rstrip(), ""),
        (frame({"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}]}), ""),
        (frame({"choices": [{"text": "old style"}]}), ""),
        (frame({"choices": [{"delta": {}, "finish_reason": "stop"}]}), ""),
        (TEXT + frame({"error": {"message": "out of memory"}}) + b"data: [DONE]\n\n", "error in stream"),
        (TEXT + b"data: {broken\n\n", "broken frame"),
        (b"data: [1]\n\n", "broken frame"),
        (b"data: " + b"[" * 5000 + b"\n\n", "broken frame"),
        (b"", "empty answer"),
        (b"<html>", "empty answer"),
        (frame({"choices": "none", "usage": 3}) + frame({"choices": [{"delta": None}], "usage": {}}), "empty answer"),
    ],
)
def test_streams_of_all_kinds(raw: bytes, error: str) -> None:
    assert answered(Behaviour(raw=raw)).error == error


def test_statuses_and_timeouts_are_told_apart() -> None:
    assert answered(Behaviour(status=lambda number: 429)).error == "HTTP 429"
    assert answered(Behaviour(status=lambda number: 307)).error == "HTTP 307"
    with serving(Behaviour(first_s=30)) as mock:
        assert ask(mock.url, timeout_s=0.05).error == "timeout"
        assert ask(mock.url, timeout_s=20, due_before_s=19.95).error == "timeout", "from when it was due"


def test_no_server_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert ask(f"http://127.0.0.1:{port}").error == "connection refused"
    with pytest.raises(InputError, match="connection refused"):
        settled(f"http://127.0.0.1:{port}")
    with pytest.raises(InputError, match=r"cannot be reached \(connection refused\)"):
        first_model(f"http://127.0.0.1:{port}")


def test_a_server_that_hangs_up() -> None:
    async def main() -> Exchange:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server, OpenAiClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            return await client.ask("hello", asyncio.get_running_loop().time())

    assert asyncio.run(main()).error == "disconnected"


def settled(url: str, api_key: str = "") -> tuple[Exchange, Exchange]:
    async def main() -> tuple[Exchange, Exchange]:
        async with OpenAiClient(url, model="m", new_tokens=3, api_key=api_key) as client:
            return await client.settle_form("hi"), await client.ask("hi", asyncio.get_running_loop().time())

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        ((), {"max_tokens", "stream_options"}),
        (("max_tokens",), {"max_completion_tokens", "stream_options"}),
        (("stream_options",), {"max_tokens"}),
    ],
)
def test_the_form_that_a_server_understands_is_found(refused: tuple[str, ...], sent: set[str]) -> None:
    with serving(Behaviour(refused=refused)) as mock:
        first, second = settled(mock.url)
    assert (first.error, second.error) == ("", "")
    assert set(mock.bodies[-1]) - {"model", "messages", "stream", "temperature"} == sent


def test_a_server_that_refuses_every_form_says_why() -> None:
    with serving(Behaviour(refused=("model",))) as mock, pytest.raises(InputError) as caught:
        settled(mock.url)
    assert caught.value.message == f"{mock.url}: no answer (HTTP 400: no ['model'])"
    assert len(mock.bodies) == 3


def test_a_key_goes_to_the_server_and_into_no_message() -> None:
    with serving(Behaviour(key="secret-1")) as mock:
        settled(mock.url, "secret-1")
        assert mock.headers[-1]["Authorization"] == "Bearer secret-1"
        with pytest.raises(InputError) as caught:
            settled(mock.url.replace("http://", "http://user:secret-3@"), "")
    assert "HTTP 401" in caught.value.message
    assert caught.value.hint == "set OPENAI_API_KEY to the key, or name the variable that holds it (--api-key-env)"
    assert "secret" not in caught.value.message + caught.value.hint
    with pytest.raises(UsageError) as refused:
        OpenAiClient("http://localhost", api_key="secret-2\nX: y")
    assert "secret" not in refused.value.message + refused.value.hint


def first_model(url: str) -> str:
    async def main() -> str:
        async with OpenAiClient(url) as client:
            return await client.first_model()

    return asyncio.run(main())


@pytest.mark.parametrize("listed", [{"data": []}, {}, [], {"data": [{"id": 3}]}, {"data": [{"id": ""}]}])
def test_the_first_model_is_asked_for(listed: object) -> None:
    with serving() as mock:
        assert first_model(mock.url) == "mock-1"
    with serving(Behaviour(models=listed)) as mock, pytest.raises(InputError, match="no list of models") as caught:
        first_model(mock.url)
    assert caught.value.hint == "name one with --model"


def test_a_list_of_models_may_be_refused() -> None:
    with serving(Behaviour(models_status=404)) as mock, pytest.raises(InputError, match=r"\(HTTP 404") as caught:
        first_model(mock.url)
    assert caught.value.hint.startswith("check the URL, or name a model")


def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(UsageError, match="not open"):
        asyncio.run(OpenAiClient("http://localhost").ask("hello", 0.0))


def test_connections_are_reused() -> None:
    async def main(mock: Mock) -> list[str]:
        async with OpenAiClient(mock.url, connections=1) as client:
            now = asyncio.get_running_loop().time()
            return [each.error for each in await asyncio.gather(*(client.ask("hi", now) for _ in range(5)))]

    with serving() as mock:
        assert asyncio.run(main(mock)) == [""] * 5
    assert len(mock.peers) == 1


def test_without_aiohttp_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    spec = importlib.util.find_spec("llmopt.serving.openai_client")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(MissingExtraError) as caught:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert caught.value.hint == "pip install 'llmopt[bench]'"


def test_a_server_that_repeats_the_key_does_not_get_it_printed() -> None:
    refusing = Behaviour(status=lambda number: 401, words="wrong key: secret-1")
    with serving(refusing) as mock, pytest.raises(InputError) as caught:
        settled(mock.url, "secret-1")
    assert caught.value.message == f"{mock.url}: no answer (HTTP 401: wrong key: ***)"
    assert caught.value.hint == "the server refuses the key in OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("localhost:8000", "did you mean http://localhost:8000?"),
        ("127.0.0.1:8000/v1", "did you mean http://127.0.0.1:8000/v1?"),
        ("ftp://localhost", "such as http://localhost:8000"),
        ("", "such as http://localhost:8000"),
    ],
)
def test_a_url_without_a_scheme_is_completed(url: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        OpenAiClient(url)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("why", "step"),
    [
        ("HTTP 307", "redirects are not followed"),
        ("HTTP 404", "check the URL, and the model's name"),
        ("HTTP 429", "the server limits its requests"),
        ("HTTP 500", "look at the server's log"),
        ("no secure connection", "give http:// where"),
        ("disconnected", "check the URL (https://"),
        ("timeout", "look at the server"),
        ("broken frame", "look at the server's log"),
        ("connection refused", "check the URL, and that the server is up"),
    ],
)
def test_each_failure_has_a_next_step(why: str, step: str) -> None:
    assert hint(why).startswith(step)


def test_a_redirect_is_told_and_not_followed() -> None:
    elsewhere = Behaviour(redirect="http://user:secret-4@elsewhere:1/v1?x=1")
    with serving(elsewhere) as mock, pytest.raises(InputError) as caught:
        settled(mock.url, "secret-1")
    assert caught.value.message == f"{mock.url}: no answer (HTTP 307: to http://elsewhere:1/v1)"
    assert len(mock.bodies) == 1


def test_a_web_page_is_no_answer() -> None:
    page = Behaviour(raw=b"<html>", content_type="text/html")
    with serving(page) as mock, pytest.raises(InputError, match="a web page") as caught:
        settled(mock.url)
    assert "the URL of the API" in caught.value.hint
