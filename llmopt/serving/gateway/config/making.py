"""Make a gateway's configuration of entries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmopt.serving.gateway.config import readers as read
from llmopt.serving.gateway.config.entries import Entry
from llmopt.serving.gateway.config.readers import Told
from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig, Limits, Retries, Times
from llmopt.serving.gateway.config.upstreams import keys_of, upstreams_of
from llmopt.serving.gateway.values import NO_CAPS

_LARGEST_PORT = 65_535
_MOST_WORKERS = 256
_MOST_RETRIES = 20
_MOST_REQUESTS = 1_000_000
_LEAST_HEAD_BYTES = 1024
"""Less would refuse what every client sends."""


def config_of(entries: Mapping[str, Entry]) -> GatewayConfig:
    """Return the configuration that entries describe; what they leave out keeps its default.

    Args:
        entries: dotted name -> entry, as `file.told` returns it.

    Raises:
        ConfigError: an entry of a file makes no sense; names the file and the line.
        UsageError: a flag makes no sense, or nothing names an upstream.
    """
    told = Told(entries)
    cache = _cache(told)
    shared = cache.store if cache is not None and "://" in cache.store else "memory"
    config = GatewayConfig(
        upstreams=upstreams_of(entries),
        host=told("host", read.host, "127.0.0.1"),
        port=told.whole("port", 8080, 0, _LARGEST_PORT),
        workers=told.whole("workers", 1, 1, _MOST_WORKERS),
        keys=told("keys", keys_of, ()),
        caps=told.caps("caps."),
        total_caps=told.caps("caps.total_"),
        spend_store=told("caps.store", read.store, shared),
        cache=cache,
        policy=told("policy", read.file_or_off, None),
        route_models=told("route_models", Entry.texts, ()),
        compress=told("compress", read.level, ""),
        log=told("log", read.log, None),
        log_bodies=told("log_bodies", Entry.switch, False),
        tutorial_metrics=told("tutorial_metrics", Entry.switch, False),
        metric_models=told("metric_models", Entry.texts, ()),
        ask_usage=told("ask_usage", Entry.switch, True),
        prices=told("prices", read.files, ()),
        key_headers=told("key_headers", read.headers, ()),
        times=_times(told),
        retries=_retries(told),
        limits=_limits(told),
    )
    _fit(config, entries)
    return config


def _fit(config: GatewayConfig, entries: Mapping[str, Entry]) -> None:
    """Refuse settings that make sense each for itself only."""
    caps = (config.caps, config.total_caps, *(key.caps for key in config.keys))
    if config.workers > 1 and config.spend_store == "memory" and any(one != NO_CAPS for one in caps):
        raise entries["workers"].fault(
            f"{config.workers} workers would each count spending for themselves, and a cap would hold for each alone",
            "name a file or redis:// as store under [gateway.caps]",
        )
    _fit_files(config, entries)

    if config.limits.bodies_bytes < config.limits.body_bytes:
        entry = entries.get("limits.bodies") or entries["limits.body"]
        raise entry.wrong("bodies is less than body, so a request of that size could never be taken", "raise bodies")
    if config.limits.head_bytes < _LEAST_HEAD_BYTES:
        raise entries["limits.head"].wrong(f"{_LEAST_HEAD_BYTES} bytes at least are needed", "such as 64KiB")


def _fit_files(config: GatewayConfig, entries: Mapping[str, Entry]) -> None:
    """Refuse one file for two things, each of which would spoil the other."""
    cache, log = config.cache.store if config.cache is not None else "memory", str(config.log or "-")
    taken: dict[Path, str] = {}
    for name, what, where in (
        ("cache.store", "the cache", cache),
        ("caps.store", "spending", config.spend_store),
        ("log", "the log", log),
    ):
        if where in ("memory", "-") or "://" in where:
            continue
        path = Path(where).absolute()
        if path in taken:
            raise entries[name].fault(f"{where} is for {taken[path]} already, not for {what}", "name another file")
        taken[path] = what


def _cache(told: Told) -> CacheSettings | None:
    default = CacheSettings()
    store = told("cache.store", read.store_or_off, default.store)
    if not store:
        return None
    return CacheSettings(
        store=store,
        ttl_s=told("cache.ttl", read.ttl_s, default.ttl_s),
        max_bytes=told("cache.max_size", read.size_bytes, default.max_bytes),
        sampled=told("cache.sampled", Entry.switch, default.sampled),
    )


def _times(told: Told) -> Times:
    default = Times()
    return Times(
        answer_s=told("times.answer", read.seconds, default.answer_s),
        idle_s=told("times.idle", read.seconds, default.idle_s),
        connect_s=told("times.connect", read.seconds, default.connect_s),
        body_s=told("times.body", read.seconds, default.body_s),
        drain_s=told("times.drain", read.seconds, default.drain_s),
    )


def _retries(told: Told) -> Retries:
    default = Retries()
    return Retries(
        most=told.whole("retries.most", default.most, 0, _MOST_RETRIES),
        first_wait_s=told("retries.first_wait", read.seconds, default.first_wait_s),
        longest_wait_s=told("retries.longest_wait", read.seconds, default.longest_wait_s),
    )


def _limits(told: Told) -> Limits:
    default = Limits()
    return Limits(
        body_bytes=told("limits.body", read.size_bytes, default.body_bytes),
        bodies_bytes=told("limits.bodies", read.size_bytes, default.bodies_bytes),
        requests=told.whole("limits.requests", default.requests, 1, _MOST_REQUESTS),
        head_bytes=told("limits.head", read.size_bytes, default.head_bytes),
    )
