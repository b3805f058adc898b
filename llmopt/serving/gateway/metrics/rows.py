"""Places of all numbers that a kind of call adds to, found once for each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmopt.core.usage import BUCKETS
from llmopt.serving.cache.entry import Found
from llmopt.serving.gateway.metrics import families as names
from llmopt.serving.gateway.metrics.families import Series
from llmopt.serving.gateway.metrics.labels import NONE, Bounded, ModelLabels
from llmopt.serving.gateway.values import Api, Metered

_FROM_CACHE = frozenset(map(str, (Found.HIT, Found.SEMANTIC, Found.SHARED)))
_RESULTS = frozenset(map(str, Found))
_OPERATIONS = {
    Api.CHAT: "chat",
    Api.MESSAGES: "chat",
    Api.RESPONSES: "chat",
    Api.COMPLETIONS: "text_completion",
    Api.EMBEDDINGS: "embeddings",
}
"""Well-known values of `gen_ai.operation.name`."""
_KINDS = tuple(tuple(bucket.split("_", 1)) for bucket in BUCKETS)
"""`gen_ai_token_type` and `kind` of each bucket of a usage."""
_MOST_ROWS = 4096
_ERROR = r"[a-z][a-z0-9_]{0,39}"


@dataclass(slots=True)
class Row:
    """Places of one kind of call; None: this kind adds nothing there."""

    requests: int
    error: int | None
    cache: int | None
    route: int | None
    attempts: int | None
    retries: int | None
    duration: int | None
    first: int | None
    cost: int | None
    unpriced: int | None
    tokens: list[int | None]
    """One a bucket of a usage, found when there first are such tokens."""
    token_labels: tuple[str, str, str]
    """Provider, model, and who counted."""


class Rows:
    """Finds the row of a call.

    Args:
        models: which names of models are told apart.
        place: gives a series its place.
    """

    def __init__(self, models: ModelLabels, place: Callable[[Series], int]) -> None:
        self._models = models
        self._place = place
        self._providers = Bounded(100)
        self._upstreams = Bounded(100)
        self._routes = Bounded(100)
        self._errors = Bounded(100, _ERROR)
        self._rows: dict[tuple[object, ...], Row] = {}

    def of(self, call: Metered) -> Row:
        """Return where a call is counted."""
        key = (
            call.api,
            call.model,
            call.asked_model,
            call.answered_model,
            call.billed_model,
            call.provider,
            call.upstream,
            call.status,
            call.error,
            call.cache,
            call.route,
            call.usage_from,
            call.streamed,
            call.attempts > 0,
            call.usage is None,
        )
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            row = self._rows[key] = self._made(call)
        return row

    def token_place(self, row: Row, bucket: int) -> int:
        """Return where tokens of a bucket are counted."""
        provider, model, counted = row.token_labels
        place = row.tokens[bucket] = self._place((names.TOKENS, provider, model, *_KINDS[bucket], counted))
        return place

    def _made(self, call: Metered) -> Row:
        model, known_provider = self._models.of(call.model, call.answered_model, call.billed_model, call.asked_model)
        provider = self._providers.of(call.provider or known_provider)
        upstream = self._upstreams.of(call.upstream)
        from_cache = call.cache in _FROM_CACHE
        asked = call.attempts > 0 and not from_cache
        operation = (_OPERATIONS.get(call.api, "other"), provider, model)
        spoke = call.api is not Api.OTHER or call.usage is not None
        timed = spoke and (asked or from_cache)
        source = "cache" if from_cache else "model"
        failed = (
            (self._errors.of(call.error) if call.error else f"http_{_status(call.status)}") if _failed(call) else ""
        )
        found = timed and not (failed and call.cache == Found.SHARED)  # the call that was shared went wrong
        counted = found or call.cache == Found.MISS
        priced = (model, provider)
        return Row(
            requests=self._place((names.REQUESTS, str(call.api), model, upstream, _status(call.status))),
            error=self._if(bool(failed), names.ERRORS, failed, upstream),
            cache=self._if(counted, names.CACHE, call.cache if call.cache in _RESULTS else NONE),
            route=self._if(bool(call.route), names.ROUTE, self._routes.of(call.route)),
            attempts=self._if(call.attempts > 0, names.ATTEMPTS, upstream),
            retries=self._if(call.attempts > 0, names.RETRIES, upstream),
            duration=self._if(timed, names.DURATION, *operation, failed, source),
            first=self._if(timed and call.streamed and not failed, names.FIRST_CHUNK, *operation, source),
            cost=self._if(spoke and asked, names.COST, *priced),
            unpriced=self._if(spoke and asked and not failed, names.UNPRICED, model),
            tokens=[None] * len(BUCKETS),
            token_labels=(provider, model, call.usage_from if call.usage_from in _COUNTED else NONE),
        )

    def _if(self, wanted: bool, *series: str) -> int | None:
        return self._place(series) if wanted else None


_COUNTED = frozenset(("billed", "estimated"))


def _failed(call: Metered) -> bool:
    return bool(call.error) or not 200 <= call.status < 400


def _status(status: int) -> str:
    return str(status) if 100 <= status < 600 else NONE
