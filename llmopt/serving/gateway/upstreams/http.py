"""`HttpUpstream`: a server behind HTTP/1.1.

What the client sent goes on as it is, but for headers about the connection and, where this upstream has a key of its
own, the caller's credential. Redirects are not followed and no proxy is asked, so a key goes to the named server alone.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from llmopt.errors import ConfigError, MissingExtraError
from llmopt.serving.gateway.config.settings import Times, UpstreamSettings
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.connections import opened_session, was_stale
from llmopt.serving.gateway.upstreams.headers import CREDENTIALS, end_to_end, without_key
from llmopt.serving.gateway.upstreams.http_reply import HttpReply
from llmopt.serving.gateway.values import Headers, UpstreamRequest
from llmopt.serving.openai_errors import reason
from llmopt.serving.openai_url import root_of, shown
from llmopt.serving.routing.failures import Kind

try:
    import aiohttp
    from yarl import URL
except ImportError as error:
    raise MissingExtraError((error.name or "aiohttp").partition(".")[0], "serve") from error

_OWN = frozenset({b"host", b"content-length", b"expect"})
"""Headers that are made anew for the upstream; a client that waits for `100 Continue` got it from the gateway."""
_IN_ONE_BYTES = 2**20
"""Larger bodies are written in parts."""
_IN_PATH = "/?:@!$&'()*+,;=%-._~[]\"<>\\^`{|}"
"""Characters that stay as they are in a path that has others which no request line can have."""
_WHY = {
    "timeout": "no connection in time",
    "no secure connection": "no secure connection; its certificate is not trusted here, or it speaks no TLS",
    "disconnected": "it closed the connection without an answer",
    "broken stream": "its answer is no HTTP",
}


class HttpUpstream:
    """A server that answers over HTTP/1.1; connections are kept and shared by all requests.

    Args:
        settings: where it is, and with which key.
        times: how long things may take.
        environ: where the key is looked up; None: the environment of this process.

    Raises:
        UsageError: the URL is none.
        ConfigError: the key's variable is not set, or has characters that no header can carry.
    """

    def __init__(
        self, settings: UpstreamSettings, times: Times | None = None, *, environ: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._times = times or Times()
        parts = urlsplit(root_of(settings.url))
        self._base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.removesuffix("/v1"), "", ""))
        self._query = parts.query
        self._credential = _credential(settings, parts.netloc, os.environ if environ is None else environ)
        self._left = _OWN | CREDENTIALS if self._credential else _OWN
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """For logs and metrics."""
        return self._settings.name

    @property
    def models(self) -> tuple[str, ...]:
        """Names or patterns of the models that it answers; empty: all that no other upstream claims."""
        return self._settings.models

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        return shown(root_of(self._settings.url))

    async def open(self, request: UpstreamRequest, timeout_s: float | None) -> HttpReply:
        """Send a request, and return when the head of the answer is there.

        Raises:
            UpstreamError: it could not be reached, or did not answer in time.
        """
        headers = self._headers(request.headers)
        url = self._url(request.path)
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    response = await self._send(request.method, url, headers, request.body)
                except (aiohttp.ClientError, OSError) as error:
                    if isinstance(request.body, AsyncIterator) or not was_stale(error):
                        raise
                    response = await self._send(request.method, url, headers, request.body)
        except TimeoutError as error:
            raise self._late(error) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._failed(error) from error
        return HttpReply(response, self.name, self._times.idle_s)

    async def close(self) -> None:
        """Let go of connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(
        self, method: str, url: URL, headers: list[tuple[str, str]], body: bytes | AsyncIterator[bytes]
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = opened_session(self._times.connect_s)
        data: object = body or None
        if isinstance(body, bytes) and len(body) > _IN_ONE_BYTES:
            data = io.BytesIO(body)
        return await self._session.request(method, url, data=data, headers=headers, allow_redirects=False)

    def _url(self, path: str) -> URL:
        """Return the URL of a path with its query, byte for byte as the client sent it."""
        if self._credential:
            path = without_key(path)
        if not path.startswith("/"):
            path = f"/{path}"  # what follows the host directly could change the host
        if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
            path = quote(path, safe=_IN_PATH)
        if self._query:
            path += f"{'&' if '?' in path else '?'}{self._query}"
        return URL(self._base + path, encoded=True)

    def _headers(self, headers: Headers) -> list[tuple[str, str]]:
        """Return the headers that go out: end-to-end ones, with this upstream's own credential where it has one."""
        kept = end_to_end(headers, self._left)
        try:
            found = [(name.decode(), value.decode()) for name, value in kept]  # aiohttp encodes it by UTF-8 again
        except UnicodeDecodeError:
            found = [(name.decode("latin-1"), _text(value)) for name, value in kept]
        found += self._credential
        return found

    def _late(self, error: TimeoutError) -> UpstreamError:
        """Return what a time-out means: no connection, which costs nothing, or no answer, which may be billed."""
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return self._failed(error)
        return UpstreamError(f"upstream '{self.name}' did not answer in time", Kind.TIMEOUT.value)

    def _failed(self, error: BaseException) -> UpstreamError:
        was_cut = isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError)
        why = "disconnected" if was_cut else reason(error)
        kind = Kind.SERVER if isinstance(error, aiohttp.ClientResponseError) else Kind.CONNECTION
        return UpstreamError(f"upstream '{self.name}' gave no answer: {_WHY.get(why, why)}", kind.value)


def _credential(settings: UpstreamSettings, netloc: str, environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the header with the upstream's own key; nothing where the caller's is passed on.

    Raises:
        ConfigError: the variable is not set, or cannot be sent.
    """
    name = settings.api_key_env
    if not name:
        user = netloc.rpartition("@")[0]
        basic = base64.b64encode(unquote(user).encode()).decode()
        return (("authorization", f"Basic {basic}"),) if user else ()
    key = environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"upstream '{settings.name}': {name} is not set", f"put the key into {name}")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            f"upstream '{settings.name}': {name} has characters that no header can carry", "look for a line break in it"
        )
    return (("x-api-key", key),) if settings.anthropic else (("authorization", f"Bearer {key}"),)


def _text(value: bytes) -> str:
    """Return a header's value as the text that aiohttp makes the same bytes of, which it does by UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
