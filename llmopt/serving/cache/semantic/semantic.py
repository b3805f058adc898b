"""Semantic mode of the response cache: a question that says what another one said gets the other one's answer.

Opt-in, and timid. Only the text of the last user message may differ; everything else of the request, the tenant
included, is equal by its hash. The guard (`guard`) must find that both texts say the same, word for word but for
wordings that are known to be harmless: a cosine cannot tell paraphrases from opposites. And the vectors of what is
asked, less a greeting, thanks and the last mark, must have a cosine of 0.95 or more. The guard is asked first, since it
is a look into a dict: the embedder only runs for a question that has passed it, so a miss costs some hundred
microseconds and no vectors are kept for questions that nobody repeats.

In shadow mode nothing is served; what would have been is counted, and whether the model's own answer agreed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from llmopt.errors import UsageError
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.semantic.answers import said
from llmopt.serving.cache.semantic.embedding import Embedder, cosine, units
from llmopt.serving.cache.semantic.form import Form, form_of
from llmopt.serving.cache.semantic.guard import difference
from llmopt.serving.cache.semantic.question import MOST_CHARS, question_of
from llmopt.serving.cache.semantic.stats import SemanticStats
from llmopt.tokens.memo import Memo

if TYPE_CHECKING:
    from llmopt.serving.cache.semantic.embedding import Vector

LEAST_THRESHOLD = 0.95
_MOST_ALIKE = 8
"""Questions of one form that are compared: they differ in capitals and marks only."""
_OVERHEAD_BYTES = 1_000
"""Of a question, besides its text and form: dicts and keys."""
_MEMO_BYTES = 2**19
"""Of texts whose vectors are remembered; the vectors of MiniLM take some ten times as much."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A question that has been answered."""

    partition: str
    form: Form

    @property
    def place(self) -> tuple[str, tuple[str, ...]]:
        return self.partition, self.form.texts

    @property
    def size_bytes(self) -> int:
        return _OVERHEAD_BYTES + self.form.size_bytes


class Semantic:
    """The questions that have been answered, to be found by what they say. Safe to share between threads.

    Args:
        embed: turns texts into vectors.
        threshold: least cosine, from 0.95 to 1.
        shadow: serve nothing; only count.
        max_bytes: of the questions; those longest unused make room.
        max_chars: longer questions are neither looked for nor kept.

    Raises:
        UsageError: a threshold below 0.95 or above 1, or no room at all.
    """

    def __init__(
        self,
        embed: Embedder,
        *,
        threshold: float = LEAST_THRESHOLD,
        shadow: bool = False,
        max_bytes: int = 64 * 2**20,
        max_chars: int = MOST_CHARS,
    ) -> None:
        if not LEAST_THRESHOLD <= threshold <= 1:
            raise UsageError(
                f"a semantic threshold of {threshold} makes no sense", f"take {LEAST_THRESHOLD} or more, up to 1"
            )
        if max_bytes < 1 or max_chars < 1:
            raise UsageError("a semantic cache needs room", "give max_bytes and max_chars above 0")
        self._embed, self._threshold, self._shadow = embed, threshold, shadow
        self._max_bytes, self._max_chars = max_bytes, max_chars
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._places: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        self._memo: Memo[Vector] = Memo(max_bytes=_MEMO_BYTES)
        self._size_bytes = 0
        self._counts = dict.fromkeys(
            ("evicted", "looked", "found", "far", "unread", "errors", "compared", "same", "alike"), 0
        )
        self._last_error = ""

    @property
    def shadow(self) -> bool:
        """Whether nothing is served."""
        return self._shadow

    def find(self, request: CacheRequest) -> str | None:
        """Return the key under which the answer to a question that says the same was stored; None: there is none.

        The same in shadow mode: the caller must not serve it then, but hand both answers to `compared`. Never raises
        for what the embedder does: that is a miss.
        """
        asked = self._read(request)
        if asked is None:
            return None
        with self._lock:
            self._counts["looked"] += 1
            others = [(key, self._known[key]) for key in self._places.get(asked.place, ()) if key != request.key]
        others = [(key, known) for key, known in others if difference(asked.form, known.form) is None]
        return self._nearest(asked, others[-_MOST_ALIKE:]) if others else None

    def learn(self, request: CacheRequest) -> None:
        """Remember that the answer to a request is stored under its key; quick, and the embedder does not run.

        May be called for every exact hit as well: what is known already only counts as used, and a store that outlives
        the process gets its questions back.
        """
        with self._lock:
            if request.key in self._known:
                self._known.move_to_end(request.key)
                return
        asked = self._read(request)
        if asked is None or asked.size_bytes > self._max_bytes:
            return
        with self._lock:
            self._drop(request.key)
            self._known[request.key] = asked
            self._size_bytes += asked.size_bytes
            at_place = self._places.setdefault(asked.place, [])
            at_place.append(request.key)
            if len(at_place) > _MOST_ALIKE:
                self._evict(at_place[0])
            while self._size_bytes > self._max_bytes:
                self._evict(next(iter(self._known)))

    def compared(self, request: CacheRequest, stored: bytes, own: bytes) -> None:
        """Count whether the answer that would have been served agrees with the model's own (shadow mode).

        Args:
            request: as it was asked.
            stored: JSON answer of the question that was found.
            own: JSON answer that the model gave to this one.
        """
        one, other = said(stored), said(own)
        same = one == other and (bool(one) or stored == own)  # of answers in a form unknown here, all is compared
        near = same or ((found := self._vectors([one, other])) is not None and self._reach(*found))
        with self._lock:
            self._counts["compared"] += 1
            self._counts["same"] += same
            self._counts["alike"] += near

    def forget(self, key: str) -> None:
        """Forget a question whose answer the store no longer has."""
        with self._lock:
            self._drop(key)

    def stats(self) -> SemanticStats:
        """Return the counts."""
        with self._lock:
            return SemanticStats(
                entries=len(self._known), size_bytes=self._size_bytes, last_error=self._last_error, **self._counts
            )

    def _read(self, request: CacheRequest) -> _Known | None:
        question = question_of(request)
        if question is None or len(question.text) > self._max_chars:
            return None
        form = form_of(question.text)
        return _Known(question.partition, form) if form.found else None

    def _nearest(self, asked: _Known, others: Sequence[tuple[str, _Known]]) -> str | None:
        """Return the key of the nearest question, the newest of several, where its cosine reaches the threshold."""
        found = self._vectors([asked.form.core, *(known.form.core for _, known in others)])
        if found is None:
            return None
        own, *theirs = found
        keys = [key for key, _ in others]
        rated = [(near, key) for key, its in zip(keys, theirs, strict=True) if (near := _cosine(own, its)) is not None]
        near, key = max(reversed(rated), key=itemgetter(0), default=(None, ""))
        hit = near is not None and near >= self._threshold
        with self._lock:
            self._counts["found" if hit else "unread" if near is None else "far"] += 1
            if hit and key in self._known:
                self._known.move_to_end(key)
        return key if hit else None

    def _vectors(self, texts: Sequence[str]) -> list[Vector | None] | None:
        """Return the vectors of texts; None where the embedder failed. Those of the last texts are remembered."""
        with self._lock:
            vectors: dict[str, Vector | None] = {text: self._memo.get(text) for text in texts}
        unknown = [text for text, vector in vectors.items() if vector is None]
        try:
            found = units(self._embed, unknown) if unknown else []
        except Exception as error:  # noqa: BLE001 - an embedder raises what it likes; here that is a miss, and said
            with self._lock:
                self._counts["errors"] += 1
                self._last_error = f"{type(error).__name__}: {error}"
            return None
        with self._lock:
            for text, vector in zip(unknown, found, strict=True):
                vectors[text] = vector
                if vector is not None:
                    self._memo.put(text, vector)
        return [vectors[text] for text in texts]

    def _reach(self, one: Vector | None, other: Vector | None) -> bool:
        near = _cosine(one, other)
        return near is not None and near >= self._threshold

    def _evict(self, key: str) -> None:
        self._drop(key)
        self._counts["evicted"] += 1

    def _drop(self, key: str) -> None:
        known = self._known.pop(key, None)
        if known is None:
            return
        self._size_bytes -= known.size_bytes
        at_place = self._places[known.place]
        at_place.remove(key)
        if not at_place:
            del self._places[known.place]


def _cosine(one: Vector | None, other: Vector | None) -> float | None:
    """Return the cosine of two vectors; None where one is missing, or they are of two sizes."""
    if one is None or other is None or len(one) != len(other):
        return None
    return cosine(one, other)
