"""A streaming client of an OpenAI-compatible server that notes when each thing happened.

It asks one thing, `POST /v1/chat/completions` with `stream`, and says of any answer what it was: a benchmark counts
errors, it does not stop at them. Redirects are not followed and no proxy is asked, so a key goes to the named server
alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.serving.exchange import Exchange
from llmopt.serving.openai_answer import Answer
from llmopt.serving.openai_chunks import DONE, chunk_of
from llmopt.serving.openai_errors import WEB_PAGE, hint, reason, told
from llmopt.serving.openai_url import below, root_of, shown
from llmopt.serving.sse import Event, SseReader

try:
    import aiohttp
except ImportError as error:
    raise MissingExtraError((error.name or "aiohttp").partition(".")[0], "bench") from error

CONNECTIONS = 512
"""Open at once at most: a process may usually hold 1,024 files. A request beyond waits, and its wait counts."""
_AFTER_DONE_S = 0.1
"""How long the end of the stream may take after its last event; then the connection is closed instead of reused."""


class OpenAiClient:
    """Sends prompts to one server; use as `async with`."""

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        new_tokens: int = 64,
        api_key: str = "",
        api_key_name: str = "OPENAI_API_KEY",
        timeout_s: float = 60.0,
        connections: int = CONNECTIONS,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: of the server, with or without `/v1`.
            model: to ask for; `first_model` finds one.
            new_tokens: to generate at most for each prompt.
            api_key: sent as a bearer token to that URL; empty: none.
            api_key_name: the variable that it comes from, for errors.
            timeout_s: for a whole request, from the time when it is due.
            connections: at once at most.

        Raises:
            UsageError: the URL is none, or the key cannot be sent.
        """
        self.url = url
        self.model = model
        self._root = root_of(url)
        self._new_tokens = new_tokens
        self._timeout_s = timeout_s
        self._connections = connections
        if not api_key.isprintable() or not api_key.isascii():
            raise UsageError(
                f"the API key in {api_key_name} has characters that no header can carry", "look for a line break in it"
            )
        self._api_key_name = api_key_name
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._forms: list[dict[str, Any]] = [
            {"max_tokens": new_tokens, "stream_options": {"include_usage": True}},
            {"max_completion_tokens": new_tokens, "stream_options": {"include_usage": True}},
            {"max_tokens": new_tokens},
        ]
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> OpenAiClient:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=None),
            headers=self._headers,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._open().close()

    @property
    def shown_url(self) -> str:
        """The URL without credentials and query, to be printed."""
        return shown(self.url)

    async def first_model(self) -> str:
        """Return the first model that the server lists.

        Raises:
            InputError: it cannot be reached, or lists none.
        """
        try:
            async with asyncio.timeout(self._timeout_s), self._get("/models") as response:
                if response.status != 200:
                    raise self._refused("no list of models", f"HTTP {response.status}", await told(response))
                listed = await response.json(content_type=None)
                found: object = listed["data"][0]["id"]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._refused("cannot be reached", reason(error)) from error
        except (ValueError, LookupError, TypeError) as error:
            raise InputError(f"{self.shown_url}: no list of models", "name one with --model") from error
        if not isinstance(found, str) or not found:
            raise InputError(f"{self.shown_url}: no list of models", "name one with --model")
        return found

    async def settle_form(self, prompt: str) -> Exchange:
        """Ask once, and find the form of a request that the server understands; the later ones have that form.

        Some servers refuse `stream_options`, some models `max_tokens`.

        Raises:
            InputError: the server cannot be reached, or refuses every form; its message is told.
        """
        why = words = ""
        for form in list(self._forms):
            due_s = asyncio.get_running_loop().time()
            self._forms[:] = [form, *(other for other in self._forms if other is not form)]
            found, detail = await self._ask(prompt, due_s)
            if not found.error:
                return found
            why, words = (why, words) if why else (found.error, detail)
            if found.error not in ("HTTP 400", "HTTP 422"):
                break
        raise self._refused("no answer", why, words)

    async def ask(self, prompt: str, due_s: float) -> Exchange:
        """Send a prompt and read its answer to the end; what goes wrong is in the exchange.

        Args:
            prompt: one message of a user.
            due_s: when it should have been sent, on the clock of the loop.
        """
        return (await self._ask(prompt, due_s))[0]

    async def _ask(self, prompt: str, due_s: float) -> tuple[Exchange, str]:
        """Return the exchange, and the server's own words where it refused."""
        loop = asyncio.get_running_loop()
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            "temperature": 0,
            **self._forms[0],
        }
        answer = Answer(due_s, loop.time())
        detail = ""
        try:
            async with asyncio.timeout_at(due_s + self._timeout_s), self._post(body) as response:
                if not 200 <= response.status < 300:
                    answer.error = f"HTTP {response.status}"
                    detail = await told(response)
                else:
                    await _read(response, answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, InputError) as error:
            answer.error = reason(error)
        return answer.exchange(loop.time()), detail

    def _refused(self, what: str, why: str, words: str = "") -> InputError:
        """Return the error for a server that gives nothing to measure, with the server's own words and a next step."""
        key = self._headers.get("Authorization", "").removeprefix("Bearer ")
        words = words.replace(key, "***") if key else words  # some servers repeat it
        looking_up = what.endswith("models")
        step = hint(why, key_name=self._api_key_name, has_key=bool(key), looking_up=looking_up)
        return InputError(f"{self.shown_url}: {what} ({why}{f': {words}' if words else ''})", step)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise UsageError("the client is not open", "use it as `async with`")
        return self._session

    def _post(self, body: dict[str, Any]) -> aiohttp.client._RequestContextManager:
        return self._open().post(below(self._root, "/chat/completions"), json=body, allow_redirects=False)

    def _get(self, path: str) -> aiohttp.client._RequestContextManager:
        return self._open().get(below(self._root, path), allow_redirects=False)


async def _read(response: aiohttp.ClientResponse, answer: Answer) -> None:
    """Read an answer: a stream of events, or one document of a server that does not stream."""
    clock = asyncio.get_running_loop().time
    if response.content_type == "application/json":
        answer.take(chunk_of(await response.text()), clock())
        return
    if response.content_type == "text/html":
        answer.error = WEB_PAGE
        return
    reader = SseReader()
    async for piece in response.content.iter_any():
        if _take(reader.feed(piece), answer, clock()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AFTER_DONE_S):
                    await response.content.read()
            return
    _take(reader.close(), answer, clock())


def _take(events: list[Event], answer: Answer, now_s: float) -> bool:
    """Take the chunks of some events; return whether the last one was among them."""
    for event in events:
        if event.data.strip() == DONE:
            answer.finished = True
            return True
        answer.take(chunk_of(event.data), now_s)
        if answer.error:
            return True
    return False
