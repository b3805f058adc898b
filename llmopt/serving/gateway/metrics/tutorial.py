"""The same numbers under short names that tutorials use: `llm_api_*` and `llm_cache_*`.

They are added up from the other metrics when somebody asks, so that both always agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmopt.serving.cache.entry import Found
from llmopt.serving.gateway.metrics import families as names
from llmopt.serving.gateway.metrics.cells import Numbers
from llmopt.serving.gateway.metrics.families import Family, Series

TUTORIAL_FAMILIES: dict[str, Family] = {
    "llm_api_calls_total": Family("counter", "Requests.", ("model", "status")),
    "llm_api_tokens_total": Family("counter", "Tokens that models read and wrote.", ("model", "type")),
    "llm_api_cost_dollars_total": Family(
        "counter", "What calls of models cost.", ("model",), parts=names.PARTS_OF_DOLLAR
    ),
    "llm_api_latency_seconds": Family("histogram", "How long requests took that were answered.", ("model",)),
    "llm_cache_hits_total": Family("counter", "Requests answered without a call of a model."),
    "llm_cache_misses_total": Family("counter", "Requests that the cache had no answer to."),
}


def tutorial_numbers(numbers: Numbers) -> Numbers:
    """Return the numbers of the tutorial's families."""
    told: Numbers = {}
    for series, values in numbers.items():
        for name in _renamed(series):
            before = told.get(name)
            told[name] = values if before is None else tuple(map(float.__add__, before, values))
    return told


def _renamed(series: Series) -> Iterator[Series]:
    """Yield what a series is called in the tutorial, if it is there."""
    name, *labels = series
    if name == names.REQUESTS:
        _, model, _, status = labels
        yield "llm_api_calls_total", model, "success" if status.startswith(("2", "3")) else "error"
    elif name == names.TOKENS:
        yield "llm_api_tokens_total", labels[1], labels[2]
    elif name == names.COST:
        yield "llm_api_cost_dollars_total", labels[0]
    elif name == names.DURATION and not labels[3]:
        yield "llm_api_latency_seconds", labels[2]
    elif name == names.CACHE and labels[0] != Found.BYPASS:
        yield ("llm_cache_misses_total" if labels[0] == Found.MISS else "llm_cache_hits_total",)
