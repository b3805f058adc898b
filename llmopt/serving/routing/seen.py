"""A request as conditions look at it: every feature is worked out when a condition first needs it, and once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from llmopt.errors import UsageError
from llmopt.serving.routing.asked import Asked
from llmopt.serving.routing.language import language_of
from llmopt.serving.routing.words import Words

Where = Literal["question", "system", "all"]
"""Which texts: the last message of the user, the instructions, or everything."""
Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""Names and values as text or bytes, in a mapping or, as ASGI has them, in pairs."""
WHERE: tuple[Where, ...] = ("question", "system", "all")
_LIGHT = bytes(range(0xE3))
"""Bytes of UTF-8 that begin no letter of Chinese, Japanese or Korean (from U+3000 on), and no emoji."""


class Seen:
    """One request with its lazily made features."""

    __slots__ = ("_headers", "_raw_headers", "_text", "_tokens", "_vocabulary", "_words", "asked", "tags", "tenant")

    def __init__(
        self,
        asked: Asked,
        headers: Headers,
        tenant: str,
        tags: Collection[str],
        vocabulary: frozenset[str] | None,
    ) -> None:
        """Look at nothing yet; `vocabulary` has every word that conditions look for, None: any may be."""
        self.asked = asked
        self._vocabulary = vocabulary
        self.tenant = tenant
        self.tags = tags
        self._raw_headers = headers
        self._headers: dict[str, str] | None = None
        self._text: str | None = None
        self._words: dict[Where, Words] = {}
        self._tokens: dict[Where, int] = {}

    @property
    def headers(self) -> dict[str, str]:
        """Headers by their names in lower case."""
        if self._headers is None:
            raw = self._raw_headers
            pairs = raw.items() if isinstance(raw, Mapping) else raw
            self._headers = {_decoded(name).lower(): _decoded(value) for name, value in pairs}
        return self._headers

    def text(self, where: Where) -> str:
        """Return the text that a condition looks at."""
        if where == "question":
            return self.asked.text
        if where == "system":
            return self.asked.system
        if self._text is None:
            self._text = "\n".join([self.asked.system, *self.asked.others, self.asked.text])
        return self._text

    def words(self, where: Where) -> Words:
        """Return its words."""
        if where not in self._words:
            self._words[where] = Words(self.text(where), self._vocabulary)
        return self._words[where]

    def language(self, where: Where) -> str:
        """Return its language, empty where that is not clear."""
        return language_of(self.text(where), self.words(where))

    def tokens(self, where: Where) -> int:
        """Return about how many tokens it has; with `all`, the descriptions of tools too."""
        if where not in self._tokens:
            asked = self.asked
            texts = [asked.system, *asked.others, asked.text] if where == "all" else [self.text(where)]
            quarters = sum(map(_quarters, texts)) + (asked.tool_chars if where == "all" else 0)
            self._tokens[where] = -(-quarters // 4)
        return self._tokens[where]


def seen(
    body: Mapping[str, Any],
    headers: Headers | None = None,
    tenant: str = "",
    tags: Collection[str] = (),
    vocabulary: frozenset[str] | None = None,
) -> Seen:
    """Return a request as conditions look at it.

    Raises:
        UsageError: the body is no mapping.
    """
    if not isinstance(body, Mapping):
        raise UsageError(f"a request body is a mapping, not a {type(body).__name__}", 'such as {"messages": [...]}')
    return Seen(Asked.of(body), headers or {}, tenant, (tags,) if isinstance(tags, str) else tags or (), vocabulary)


def _decoded(text: object) -> str:
    """Return a header's name or value as text; servers hand them over as bytes."""
    return text.decode("latin-1") if isinstance(text, bytes) else str(text)


def _quarters(text: str) -> int:
    """Return about how many quarters of a token a text has: one a character, three one of Chinese, Japanese or Korean.

    For the vocabularies of today it is within a quarter or so of a count, which takes longer than a decision may.
    """
    if text.isascii():
        return len(text)
    return len(text) + 2 * len(text.encode("utf-8", "surrogatepass").translate(None, _LIGHT))
