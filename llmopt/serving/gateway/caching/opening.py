"""The cache stage made from a gateway's settings."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.serving.cache.cache import ResponseCache
from llmopt.serving.cache.stores.opening import open_store
from llmopt.serving.cache.stores.store import Store
from llmopt.serving.gateway.caching.asked import Identity, digest_of
from llmopt.serving.gateway.caching.cache_step import CacheStep
from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig
from llmopt.serving.openai_url import shown
from llmopt.serving.routing.policy import Policy
from llmopt.serving.routing.rules import Header, OneOf, Rule

if TYPE_CHECKING:
    from llmopt.serving.gateway.caching.shared_flights import SharedFlights

_TAGS = b"x-llmopt-tags"


def open_cache(config: GatewayConfig, policy: Policy | None = None, upstreams: Iterable[str] = ()) -> CacheStep | None:
    """Return the cache stage; None where the configuration has no cache.

    Args:
        config: all settings.
        policy: as read from `config.policy`.
        upstreams: names of those that are not in the configuration.

    Raises:
        UsageError: the store makes no sense.
        ConfigError: it cannot be opened.
        MissingExtraError: the package for Redis is not installed.
    """
    if config.cache is None:
        return None
    settings = config.cache
    store = open_store(settings.store, max_bytes=None if _is_server(settings) else settings.max_bytes)
    cache = ResponseCache(store, ttl=settings.ttl_s, cache_sampled=settings.sampled)
    shared = _shared(store) if _is_server(settings) else None
    return CacheStep(cache, identity_of(config, policy, upstreams), shared)


def identity_of(config: GatewayConfig, policy: Policy | None = None, upstreams: Iterable[str] = ()) -> Identity:
    """Return what of a setup decides its answers.

    Args:
        config: all settings.
        policy: as read from `config.policy`.
        upstreams: names of those that are not in the configuration.
    """
    servers = [[each.name, shown(each.url), sorted(each.models)] for each in config.upstreams]
    files = [] if policy is None or config.policy is None else [config.policy]
    if policy is not None and policy.score is not None:
        files.append(policy.score.weights)
    routing = [sorted(config.route_models), *(sha256(Path(each).read_bytes()).hexdigest() for each in files)]
    names = {name.lower().encode() for name in config.key_headers}
    if policy is not None:
        names |= _headers(policy.rules)
    return Identity(digest_of(servers, sorted(upstreams), routing if files else [], config.compress), frozenset(names))


def _headers(rules: Iterable[Rule]) -> set[bytes]:
    """Return the names of the request headers that the rules of a policy look at."""
    conditions = [condition for rule in rules for condition in rule.conditions]
    found = {each.name.encode() for each in conditions if isinstance(each, Header)}
    if any(isinstance(each, OneOf) and each.what == "tags" for each in conditions):
        found.add(_TAGS)
    return found


def _shared(store: Store) -> SharedFlights | None:
    from llmopt.serving.cache.stores.redis import RedisStore  # with its library, only where it is in use
    from llmopt.serving.gateway.caching.shared_flights import SharedFlights

    return SharedFlights(store) if isinstance(store, RedisStore) else None


def _is_server(settings: CacheSettings) -> bool:
    return "://" in settings.store
