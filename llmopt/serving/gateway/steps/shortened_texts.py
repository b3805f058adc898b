"""`ShortenedTexts`: what became of the texts that were compressed lately, so that a conversation's are done once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock

_MOST_TEXTS = 20_000
_MOST_CHARS = 4_000_000


@dataclass(frozen=True, slots=True)
class Shortened:
    """A text after compression."""

    text: str
    """Empty: it stays as it is."""
    tokens: int
    """That went; estimated."""


class ShortenedTexts:
    """Remembers by a hash of each text; what was not asked for longest goes first. Threads may share it."""

    def __init__(self, most_texts: int = _MOST_TEXTS, most_chars: int = _MOST_CHARS) -> None:
        """Start with none."""
        self._most_texts = most_texts
        self._most_chars = most_chars
        self._chars = 0
        self._found: OrderedDict[bytes, Shortened] = OrderedDict()
        self._lock = Lock()

    @staticmethod
    def key(level: str, text: str) -> bytes:
        """Return the hash of a text that may be compressed up to some level."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=level.encode()).digest()

    def get(self, key: bytes) -> Shortened | None:
        """Return what became of a text; None where it was not seen, or long ago."""
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
            return found

    def keep(self, key: bytes, shortened: Shortened) -> None:
        """Remember a text; what is known of it already stands."""
        with self._lock:
            if key in self._found:
                return
            self._found[key] = shortened
            self._chars += len(shortened.text)
            while len(self._found) > self._most_texts or self._chars > self._most_chars:
                self._chars -= len(self._found.popitem(last=False)[1].text)
