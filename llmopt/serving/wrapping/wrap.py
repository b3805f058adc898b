"""`llmopt.wrap`: a client of `openai` or `anthropic` that is cached, routed and monitored; one line, no proxy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llmopt.serving.wrapping.building import Building
from llmopt.serving.wrapping.doing import Flow, arun, run
from llmopt.serving.wrapping.exchange import Exchange
from llmopt.serving.wrapping.front import in_front_of
from llmopt.serving.wrapping.http_library import HttpClient, http_client_in
from llmopt.serving.wrapping.parts import Parts
from llmopt.serving.wrapping.passing import passed_on
from llmopt.serving.wrapping.reading import call_of

if TYPE_CHECKING:
    from llmopt.serving.cache.cache import ResponseCache
    from llmopt.serving.cache.stores.store import Store
    from llmopt.serving.gateway.values import Metered, Observer
    from llmopt.serving.routing.policy import Policy
    from llmopt.serving.routing.router import Router

ClientT = TypeVar("ClientT")


def wrap(
    client: ClientT,
    *,
    cache: ResponseCache | Store | str | Path | bool | None = None,
    router: Router | Policy | str | Path | None = None,
    compress: str = "",
    metrics: Any = None,
    log: Observer | Callable[[Metered], object] | str | Path | None = None,
    tenant: str | None = None,
    tags: Mapping[str, str] | None = None,
    prices: Sequence[str | Path] = (),
    key_headers: Sequence[str] = (),
    ask_usage: bool = True,
) -> ClientT:
    """Return a client that does what this one does, and saves and measures on the way.

    It is a copy of the client's own making (`client.copy`): the same class with the same methods, settings, retries
    and time-outs, over the same connections. The original stays as it was; to close one is to close both.

    Args:
        client: `OpenAI`, `AsyncOpenAI`, `Anthropic`, `AsyncAnthropic`, or a client that is made like these.
        cache: a cache, a store, or what `open_store` takes (`memory:`, a file for SQLite, `redis://...`);
            True: memory; None: no cache.
        router: decides which model answers: a router, a policy, or the file of one; None: no routing.
        compress: level of compression: `lossless`, `safe` or `aggressive`; empty: none.
        metrics: True: into the registry that `prometheus_client` has for all; a registry of its; or an observer.
        log: file to which each call is added as a line of JSON, an observer, or a function that is given each call.
        tenant: whose answers are cached apart from all others'; None: told by the credential that a request carries.
        tags: labels for the log; a request adds its own by the header `x-llmopt-tags`.
        prices: more price files.
        key_headers: further request headers that decide about the answer, and so are part of the cache's key.
        ask_usage: whether chat streams are asked for their usage on behalf of callers who did not ask.

    Raises:
        UsageError: the client is none that can be wrapped, or an argument makes no sense.
        ConfigError: the policy, the prices or the store cannot be read.
        MissingExtraError: metrics or Redis are asked for, and their package is not installed.
    """
    http = http_client_in(client)
    parts = Building(str(getattr(client, "base_url", "")), prices).parts(
        cache=cache, router=router, compress=compress, metrics=metrics, log=log, key_headers=key_headers
    )
    parts = replace(parts, tenant=tenant, tags=dict(tags or {}), ask_usage=ask_usage)
    return cast(ClientT, cast(Any, client).copy(http_client=_wrapped(http, parts)))


def _wrapped(http: HttpClient, parts: Parts) -> Any:
    drive: Callable[[Flow[Any]], Any] = arun if http.waits else run
    return in_front_of(
        http,
        lambda request, **options: drive(_answered(http, parts, request, options)),
        lambda: drive(_closed(parts)),
    )


def _answered(http: HttpClient, parts: Parts, request: Any, options: dict[str, Any]) -> Flow[Any]:
    call = call_of(request, parts.tenant, parts.tags)
    if call is None:
        return (yield from passed_on(parts, http, request, options))
    return (yield from Exchange(parts, http, request, options, call, time.perf_counter()).answered())


def _closed(parts: Parts) -> Flow[None]:
    for end in parts.ends:  # noqa: UP028 - a tuple takes nothing that is sent
        yield end
