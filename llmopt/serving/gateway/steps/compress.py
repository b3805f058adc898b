"""Compress: the texts of a request with fewer tokens, opt-in by level.

Each text is compressed by itself, and the same text always to the same: so a conversation that grows keeps the
beginning that its provider has cached. What Anthropic's `cache_control` marks, and all before it, stays as it is. A
request never fails for it: what is too long, too slow or goes wrong is sent as it came, and again so the next time.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from llmopt.errors import LlmoptError
from llmopt.prompts.contents import Content, contents
from llmopt.prompts.context import LEVELS, Level
from llmopt.prompts.options import options_of
from llmopt.prompts.texts import Part, compressed_texts
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.steps.piece_counter import PieceCounter
from llmopt.serving.gateway.steps.shortened_texts import Shortened, ShortenedTexts
from llmopt.serving.gateway.steps.untouched import is_untouched
from llmopt.serving.gateway.values import Api

_COMPRESSED = frozenset({Api.CHAT, Api.COMPLETIONS, Api.RESPONSES, Api.MESSAGES})
_INLINE_CHARS = 2000
"""New text up to here is compressed at once, which takes about 1 ms; more of it in a thread."""
_MOST_CHARS = 300_000
"""Of new text in one request; more would take seconds, in which other requests wait for the interpreter, too."""
_MOST_WAITING = 8
"""Requests that may wait for the thread."""
_PATIENCE_S = 2.0
_FAULTS = (LlmoptError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a bug in a pass would raise."""
_WORD = re.compile("[A-Za-z]{6}")
"""In JSON no more letters than those of `false` stand side by side outside of a text."""
_dumps_utf8 = json.JSONEncoder(ensure_ascii=False).encode
_SAMPLE = 'Please could you  kindly tell me, in order to help: {"a":  1}\n\n\n\nThank you very much in advance!'


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that may get shorter."""

    content: Content
    level: Level
    """Up to which it may be compressed."""
    key: bytes
    """By which it is remembered."""


class CompressStep:
    """Shortens the texts of requests.

    Args:
        level: `lossless`, `safe` or `aggressive`.
        patience_s: how long a request waits for the thread.

    Raises:
        UsageError: there is no such level.
    """

    def __init__(self, level: str, *, patience_s: float = _PATIENCE_S) -> None:
        self._options = options_of(level=level, tokenizer=PieceCounter())
        self._levels = {each: min(self._options.level, each, key=LEVELS.index) for each in LEVELS}
        """What is done to a text that may be compressed up to some level."""
        self._patience_s = patience_s
        self._known = ShortenedTexts()
        self._thread = ThreadPoolExecutor(1, "llmopt-compress")
        self._waiting = 0
        self._shorten(_SAMPLE, self._options.level)  # loads the phrases, for which no request should wait

    async def apply(self, call: Call) -> None:
        """Set `call.outgoing` and `call.metered.compressed_tokens`; nothing where compression fails or is slow."""
        texts = self._texts(call)
        if not texts:
            return
        new = self._new(texts)
        if sum(len(each.content.text) for each in new) > _INLINE_CHARS:
            await self._shorten_in_thread(new)
        else:
            self._shorten_all(new)
        self._replace(call, texts)

    def apply_here(self, call: Call) -> None:
        """Do the same without an event loop, as long as it takes."""
        texts = self._texts(call)
        self._shorten_all(self._new(texts))
        self._replace(call, texts)

    async def close(self) -> None:
        """End the thread, which finishes what it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _texts(self, call: Call) -> list[_Text]:
        """Return the texts that compression may change; none where a request has nothing of the kind."""
        request = call.outgoing
        if request is None or call.api not in _COMPRESSED or not isinstance(request.body, bytes):
            return []
        found = []
        try:
            for content in contents(call.body):
                level = self._levels[content.highest_level]
                if not content.cached and not is_untouched(content.text, level):
                    found.append(_Text(content, level, self._known.key(level, content.text)))
        except _FAULTS:
            return []
        return found

    def _new(self, texts: Sequence[_Text]) -> list[_Text]:
        """Return the texts that were not seen before; with too much of them, all of it stays as it is."""
        new = [each for each in texts if self._known.get(each.key) is None]
        if sum(len(each.content.text) for each in new) <= _MOST_CHARS:
            return new
        self._leave(new)
        return []

    async def _shorten_in_thread(self, texts: Sequence[_Text]) -> None:
        """Compress texts; what is not done in time stays as it is from now on."""
        if self._waiting < _MOST_WAITING:
            self._waiting += 1
            work = asyncio.get_running_loop().run_in_executor(self._thread, self._shorten_all, texts)
            try:
                await asyncio.wait([work], timeout=self._patience_s)
            finally:
                self._waiting -= 1
                work.cancel()
        self._leave(texts)

    def _leave(self, texts: Sequence[_Text]) -> None:
        for each in texts:
            self._known.keep(each.key, _AS_IT_IS)

    def _shorten_all(self, texts: Sequence[_Text]) -> None:
        for each in texts:
            if self._known.get(each.key) is None:
                self._known.keep(each.key, self._shorten(each.content.text, each.level))

    def _shorten(self, text: str, level: Level) -> Shortened:
        try:
            result = compressed_texts([Part(text, level)], self._options)[0]
            tokens = result.tokens_before - result.tokens_after
        except _FAULTS:
            return _AS_IT_IS
        return Shortened(result.text, tokens) if tokens > 0 else _AS_IT_IS

    def _replace(self, call: Call, texts: Sequence[_Text]) -> None:
        request = call.outgoing
        shorter = [(each.content, known) for each in texts if (known := self._known.get(each.key)) and known.text]
        if request is None or not isinstance(request.body, bytes) or not shorter:
            return
        try:
            body = _with_texts(request.body, shorter)
        except _FAULTS:
            return
        call.outgoing = request.with_body(body, request.model)
        call.metered.compressed_tokens = sum(known.tokens for _, known in shorter)


def _with_texts(body: bytes, texts: Sequence[tuple[Content, Shortened]]) -> bytes:
    """Return a body with some of its texts replaced; every other value stays what it is.

    Raises:
        ValueError: it holds a number that Python cannot write again.
    """
    edited = body
    for content, known in texts:
        for dumps in (json.dumps, _dumps_utf8):
            written = dumps(content.text).encode("utf-8", "surrogatepass")
            if edited.count(written) == 1 and _WORD.search(content.text):
                edited = edited.replace(written, dumps(known.text).encode("utf-8", "surrogatepass"))
                break
        else:
            return _written_anew(body, texts)
    return edited


def _written_anew(body: bytes, texts: Sequence[tuple[Content, Shortened]]) -> bytes:
    """Do the same to a body in which a text cannot be found as it is usually written.

    Raises:
        ValueError: it holds a number that Python cannot write again.
    """
    decoded = json.loads(body, parse_float=_finite)
    for content, known in texts:
        place: Any = decoded
        for step in content.path[:-1]:
            place = place[step]
        place[content.path[-1]] = known.text
    try:
        return json.dumps(decoded, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON may hold as an escape only
        return json.dumps(decoded, separators=(",", ":")).encode()


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is beyond what a float holds")
    return number


_AS_IT_IS = Shortened("", 0)
