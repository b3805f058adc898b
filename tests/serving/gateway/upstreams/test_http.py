"""A server behind HTTP: what reaches it, what comes back, and every way in which it fails."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import aiohttp
import pytest

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.gateway.config.settings import Times, UpstreamSettings
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.http import HttpUpstream
from llmopt.serving.gateway.values import Headers, UpstreamReply
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.upstreams.asked import sent

T = TypeVar("T")
LONG_S = 60.0
SHORT = Times(idle_s=0.2, connect_s=10.0)


@pytest.fixture
def mock() -> Iterator[MockUpstream]:
    with MockUpstream() as found:
        yield found


def using(
    url: str,
    work: Callable[[HttpUpstream], Awaitable[T]],
    *,
    times: Times | None = None,
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> T:
    async def main() -> T:
        upstream = HttpUpstream(UpstreamSettings(url, **settings), times, environ=environ or {})
        try:
            return await work(upstream)
        finally:
            await upstream.close()

    return asyncio.run(main())


async def drained(reply: UpstreamReply) -> bytes:
    return b"".join([piece async for piece in reply.pieces()])


def seen_by(mock: MockUpstream, **more: Any) -> dict[str, str]:
    """Return the headers that a mock got."""
    given = {name: more.pop(name) for name in ("path", "headers") if name in more}

    async def work(upstream: HttpUpstream) -> None:
        await (await upstream.open(sent(**given), LONG_S)).read()

    using(mock.url, work, **more)
    return {name.decode(): value.decode("latin-1") for name, value in mock.requests[-1].headers}


def test_bytes_reach_it_and_come_back_as_they_are(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(echo="body")
    body = b'{ "model":"m",  "n":1.50, "t":"\xc3\xa9\\u00e9"}'

    async def work(upstream: HttpUpstream) -> bytes:
        return await drained(await upstream.open(sent(body=body), LONG_S))

    assert using(mock.url, work) == body
    assert mock.requests[-1].body == body


@pytest.mark.parametrize("size", [0, 2**20, 2**20 + 1, 3 * 2**20])
def test_bodies_of_any_size_reach_it_whole(mock: MockUpstream, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def work(upstream: HttpUpstream) -> dict[str, Any]:
        found = json.loads(await (await upstream.open(sent("/v1/files", body=body), LONG_S)).read())
        assert isinstance(found, dict)
        return found

    told = using(mock.url, work)
    assert (told["body_bytes"], told["body_sha256"]) == (size, sha256(body).hexdigest())


def test_a_body_that_is_still_coming_is_sent_as_it_comes(mock: MockUpstream) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"three"):
            yield piece

    async def work(upstream: HttpUpstream) -> bytes:
        return await (await upstream.open(sent("/v1/files", body=pieces()), LONG_S)).read()

    using(mock.url, work)
    assert mock.requests[-1].body == b"one two three"


def test_headers_go_on_but_those_about_the_connection(mock: MockUpstream) -> None:
    headers: Headers = (
        *((b"authorization", b"Bearer mine"), (b"x-twice", b"1"), (b"x-twice", b"2"), (b"x-utf", "é".encode())),
        *((b"host", b"elsewhere"), (b"connection", b"close"), (b"te", b"trailers"), (b"expect", b"100-continue")),
    )
    found = seen_by(mock, headers=headers)
    assert found["authorization"] == "Bearer mine"
    assert found["x-utf"] == "é".encode().decode("latin-1")
    assert found["host"] == mock.root.removeprefix("http://")
    assert [value for name, value in mock.requests[-1].headers if name == b"x-twice"] == [b"1", b"2"]
    assert not {"te", "expect", "connection", "user-agent", "accept"} & set(found)
    assert found["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("anthropic", "name", "value"), [(False, "authorization", "Bearer own-key"), (True, "x-api-key", "own-key")]
)
def test_its_own_key_takes_the_place_of_the_callers(mock: MockUpstream, anthropic: bool, name: str, value: str) -> None:
    callers: Headers = tuple((each, b"caller-key") for each in (b"authorization", b"x-api-key", b"api-key"))
    found = seen_by(
        mock,
        path="/v1/chat/completions?key=caller-key&a=1",
        headers=callers,
        api_key_env="KEY",
        anthropic=anthropic,
        environ={"KEY": " own-key\n"},
    )
    assert found[name] == value
    assert "caller-key" not in f"{found} {mock.requests[-1].path}"
    assert mock.requests[-1].path == "/v1/chat/completions?a=1"


@pytest.mark.parametrize(("environ", "why"), [({}, "is not set"), ({"KEY": "a\nb"}, "no header can carry")])
def test_a_key_that_cannot_be_sent(environ: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        HttpUpstream(UpstreamSettings("http://localhost", api_key_env="KEY"), environ=environ)
    assert "a\nb" not in str(caught.value)


def test_credentials_in_the_url_are_sent_and_not_shown(mock: MockUpstream) -> None:
    url = mock.url.replace("http://", "http://me:p%40ss@")

    async def work(upstream: HttpUpstream) -> str:
        await (await upstream.open(sent(), LONG_S)).read()
        return upstream.url

    assert using(url, work) == mock.url
    assert mock.requests[-1].header("authorization") == "Basic bWU6cEBzcw=="


def test_headers_that_are_no_utf_8_go_on(mock: MockUpstream) -> None:
    assert seen_by(mock, headers=((b"x-odd", b"caf\xe9"), (b"x-plain", b"1")))["x-odd"] == "caf\u00e9".encode().decode(
        "latin-1"
    )


def test_it_says_which_models_it_answers() -> None:
    assert HttpUpstream(UpstreamSettings("http://localhost", models=("gpt-*",))).models == ("gpt-*",)


def test_a_server_that_takes_no_connection_in_time_was_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs nothing to ask again then, unlike after a time-out of an answer."""

    async def late(*_: object, **__: object) -> None:
        raise aiohttp.ConnectionTimeoutError

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", late)
    with pytest.raises(UpstreamError, match="no connection in time") as caught:
        using("http://localhost", lambda upstream: upstream.open(sent(), LONG_S))
    assert caught.value.kind == "connection"


def test_no_url() -> None:
    with pytest.raises(UsageError):
        HttpUpstream(UpstreamSettings("localhost:8000"))


@pytest.mark.parametrize(
    ("after", "path", "found"),
    [
        ("", "/v1/chat/completions", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/", "/v1/models?a=%20b&c=d+e", "/v1/models?a=%20b&c=d+e"),
        ("/prefix/v1", "/v1/models", "/prefix/v1/models"),
        ("/prefix", "/tokenize", "/prefix/tokenize"),
        ("/v1?api-version=1", "/v1/models?a=b", "/v1/models?a=b&api-version=1"),
        ("/v1?api-version=1", "/v1/models", "/v1/models?api-version=1"),
        ("", "/v1/a%2Fb/../c//d;e=f@g:h", "/v1/a%2Fb/../c//d;e=f@g:h"),
        ("", "/v1/a b#c\u00e9", "/v1/a%20b%23c%C3%A9"),
        ("", "@elsewhere/v1", "/@elsewhere/v1"),
    ],
)
def test_paths_below_its_root(mock: MockUpstream, after: str, path: str, found: str) -> None:
    async def work(upstream: HttpUpstream) -> None:
        await (await upstream.open(sent(path, method="GET", body=b""), LONG_S)).read()

    using(mock.root + after, work)
    assert mock.requests[-1].path == found


def test_connections_are_kept(mock: MockUpstream) -> None:
    async def work(upstream: HttpUpstream) -> None:
        for _ in range(3):
            await (await upstream.open(sent(), LONG_S)).read()
        for _ in range(3):
            await drained(await upstream.open(sent(), LONG_S))

    using(mock.url, work)
    assert (mock.stats.calls, mock.stats.connections) == (6, 1)


@pytest.mark.parametrize("rounds", [3])
def test_a_connection_that_was_closed_meanwhile_is_replaced(mock: MockUpstream, rounds: int) -> None:
    """The server closes while the client cannot see it, as when both act at the same time."""

    async def work(upstream: HttpUpstream) -> None:
        await (await upstream.open(sent(), LONG_S)).read()
        for _ in range(rounds):
            mock.drop_idle()  # blocks this loop, so that it does not take note of the end
            await (await upstream.open(sent(), LONG_S)).read()

    using(mock.url, work)
    assert mock.stats.calls == 1 + rounds


def test_a_server_that_always_closes_is_asked_once(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(drop=True)

    async def work(upstream: HttpUpstream) -> None:
        with pytest.raises(UpstreamError, match="closed the connection without an answer") as caught:
            await upstream.open(sent(), LONG_S)
        assert caught.value.kind == "connection"

    using(mock.url, work)
    assert mock.stats.calls == 1


def test_a_connection_that_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    async def reset(*_: object, **__: object) -> None:
        raise aiohttp.ClientOSError(104, "Connection reset by peer")

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", reset)
    with pytest.raises(UpstreamError, match="closed the connection without an answer") as caught:
        using("http://localhost", lambda upstream: upstream.open(sent(), LONG_S))
    assert caught.value.kind == "connection"


def test_nobody_listens_and_then_somebody_does(mock: MockUpstream) -> None:
    mock.stop()

    async def work(upstream: HttpUpstream) -> int:
        with pytest.raises(UpstreamError, match="upstream 'here' gave no answer: connection refused") as caught:
            await upstream.open(sent(), LONG_S)
        assert caught.value.kind == "connection"
        await asyncio.to_thread(mock.start)
        reply = await upstream.open(sent(), LONG_S)
        await reply.read()
        return reply.status

    assert using(mock.url, work, name="here") == 200


def test_an_answer_that_does_not_begin_in_time(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(hang="head")

    async def work(upstream: HttpUpstream) -> None:
        with pytest.raises(UpstreamError, match="did not answer in time") as caught:
            await upstream.open(sent(), 1.0)
        assert caught.value.kind == "timeout"
        assert await mock.until(lambda stats: stats.cancelled == 1)

    using(mock.url, work)


@pytest.mark.parametrize("reading", ["read", "pieces"])
def test_an_answer_that_stops_in_the_middle(mock: MockUpstream, reading: str) -> None:
    mock.behaviour = Behaviour(hang="body")

    async def work(upstream: HttpUpstream) -> None:
        reply = await upstream.open(sent(), LONG_S)
        with pytest.raises(UpstreamError, match="nothing came for too long") as caught:
            await (reply.read() if reading == "read" else drained(reply))
        assert caught.value.kind == "timeout"
        assert await mock.until(lambda stats: stats.cancelled == 1)

    using(mock.url, work, times=SHORT)


@pytest.mark.parametrize("reading", ["read", "pieces"])
def test_an_answer_that_is_cut(mock: MockUpstream, reading: str) -> None:
    mock.behaviour = Behaviour(die_after=1)

    async def work(upstream: HttpUpstream) -> None:
        reply = await upstream.open(sent(), LONG_S)
        with pytest.raises(UpstreamError, match="broke off") as caught:
            await (reply.read() if reading == "read" else drained(reply))
        assert caught.value.kind == "connection"

    using(mock.url, work)


@pytest.mark.parametrize("hang", ["head", "body"])
def test_leaving_closes_the_connection_at_once(mock: MockUpstream, hang: str) -> None:
    mock.behaviour = Behaviour(hang=hang)

    async def ask(upstream: HttpUpstream) -> None:
        await drained(await upstream.open(sent(), LONG_S))

    async def work(upstream: HttpUpstream) -> None:
        task = asyncio.create_task(ask(upstream))
        assert await mock.until(lambda stats: stats.calls == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await mock.until(lambda stats: stats.cancelled == 1)

    using(mock.url, work)


def test_closing_a_reply_lets_the_server_go(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(hang="body")

    async def work(upstream: HttpUpstream) -> None:
        reply = await upstream.open(sent(), LONG_S)
        reply.close()
        reply.close()
        assert await mock.until(lambda stats: stats.cancelled == 1)

    using(mock.url, work)


def test_an_idle_connection_does_not_run_into_the_time_between_pieces(mock: MockUpstream) -> None:
    async def work(upstream: HttpUpstream) -> None:
        reply = await upstream.open(sent(), LONG_S)
        await reply.read()
        reply.close()
        ends_s = time.monotonic() + 3 * SHORT.idle_s
        while time.monotonic() < ends_s:
            await asyncio.sleep(0.01)
        await (await upstream.open(sent(), LONG_S)).read()

    using(mock.url, work, times=SHORT)
    assert mock.stats.connections == 1


def test_an_error_is_an_answer(mock: MockUpstream) -> None:
    mock.behaviour = Behaviour(status=429, retry_after="7")

    async def work(upstream: HttpUpstream) -> tuple[int, bytes | None]:
        reply = await upstream.open(sent(), LONG_S)
        await reply.read()
        return reply.status, dict(reply.headers).get(b"retry-after")

    assert using(mock.url, work) == (429, b"7")


RAW = {
    "garbage": (b"hello\r\n\r\n", "server"),
    "redirect": (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302),
    "cookie": (b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n", 200),
    "packed": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x00\x00", 200),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 500 + b"content-length: 0\r\n\r\n", 200),
    "long header": (b"HTTP/1.1 200 OK\r\nx-a: " + b"b" * 30_000 + b"\r\ncontent-length: 0\r\n\r\n", 200),
    "latin-1": (b"HTTP/1.1 200 OK\r\nx-a: \xe9\r\ncontent-length: 0\r\n\r\n", 200),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nall of it", 200),
}


@pytest.mark.parametrize("name", RAW)
def test_what_a_server_may_say(name: str) -> None:
    raw, found = RAW[name]
    reply, body = asyncio.run(_raw(raw))
    assert (reply.kind if isinstance(reply, UpstreamError) else reply.status) == found
    if isinstance(reply, UpstreamError):
        return
    if name == "cookie":
        assert [value for key, value in reply.headers if key == b"set-cookie"] == [b"a=1", b"b=2"]
    if name == "latin-1":
        assert (b"x-a", b"\xe9") in reply.headers
    assert body == {"packed": b"\x1f\x8b\x00\x00", "until the end": b"all of it"}.get(name, b"")


async def _raw(raw: bytes) -> tuple[UpstreamReply | UpstreamError, bytes]:
    """Return what becomes of an answer that a server writes byte for byte; it then closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}]")
        writer.write(raw)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    upstream = HttpUpstream(UpstreamSettings(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    try:
        reply = await upstream.open(sent(), LONG_S)
        return reply, await reply.read()
    except UpstreamError as error:
        return error, b""
    finally:
        await upstream.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("reading", ["read", "pieces"])
def test_chunks_that_are_none_end_an_answer(reading: str) -> None:
    """aiohttp by itself would wait for more for ever."""

    async def main() -> str:
        begun = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}]")
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
            await begun.wait()
            writer.write(b"no chunk\r\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        upstream = HttpUpstream(UpstreamSettings(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        try:
            async with asyncio.timeout(LONG_S):
                reply = await upstream.open(sent(), LONG_S)
                begun.set()
                with pytest.raises(UpstreamError) as caught:
                    await (reply.read() if reading == "read" else drained(reply))
                return caught.value.kind
        finally:
            await upstream.close()
            server.close()

    assert asyncio.run(main()) == "connection"
