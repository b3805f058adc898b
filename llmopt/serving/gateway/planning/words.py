"""The stages of a gateway in words: whether each is on, and how it is set."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llmopt.core.money import exact_text
from llmopt.core.quantity import duration, significant
from llmopt.serving.gateway.config.settings import MIB, GatewayConfig, UpstreamSettings
from llmopt.serving.gateway.values import Caps
from llmopt.serving.openai_url import root_of, shown

if TYPE_CHECKING:
    from llmopt.serving.routing.policy import Policy


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline."""

    name: str
    on: bool
    """Whether requests go through it."""
    what: str
    """How it is set."""


def stages_of(config: GatewayConfig, policy: Policy | None) -> tuple[Stage, ...]:
    """Return the way of a request, in order.

    Args:
        config: all settings.
        policy: as read; None: there is none, or it cannot be read.
    """
    words = Words(config)
    return (
        Stage("authenticate", True, words.authenticate()),
        Stage("admit", words.has_caps(), words.admit()),
        Stage("cache", config.cache is not None, words.cache()),
        Stage("route", config.policy is not None, words.route(policy)),
        Stage("compress", bool(config.compress), config.compress or "off"),
        Stage("upstream", True, words.upstream()),
        Stage("meter", True, words.meter()),
        Stage("store", config.cache is not None, "whole answers only" if config.cache is not None else "off"),
    )


def shown_store(where: str) -> str:
    """Return a store as it may be shown: a server without its credentials."""
    return shown(where) if "://" in where else where


def started(config: GatewayConfig, url: str) -> str:
    """Return the line that says that a gateway takes requests.

    Args:
        config: all settings.
        url: where it listens.
    """
    answering = ", ".join(shown(root_of(upstream.url)) for upstream in config.upstreams)
    return f"gateway on {url} for {answering} ({', '.join(_features(config))})"


def spends_for_strangers(config: GatewayConfig) -> str:
    """Return where the key is that whoever reaches the gateway can spend; empty where there is none."""
    if config.keys or _is_loopback(config.host):
        return ""
    for upstream in config.upstreams:
        if upstream.api_key_env or _has_credentials(upstream.url):
            return upstream.api_key_env or f"the URL of {upstream.name}"
    return ""


class Words:
    """Says how a gateway is set."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config

    def authenticate(self) -> str:
        """Return who may call, and who they are."""
        count = len(self._config.keys)
        if not count:
            return "callers bring their own credential, whose hash is the tenant"
        return f"{count} {'key' if count == 1 else 'keys'} of this gateway, 401 without one"

    def has_caps(self) -> bool:
        """Whether anything is capped."""
        every = (self._config.caps, self._config.total_caps, *(key.caps for key in self._config.keys))
        return any(one != Caps() for one in every)

    def admit(self) -> str:
        """Return how much may be spent."""
        if not self.has_caps():
            return "no caps"
        each, total = caps_in_words(self._config.caps), caps_in_words(self._config.total_caps)
        parts = [f"{each} a tenant" if each else "", f"{total} in all" if total else ""]
        parts += ["caps of keys"] if any(key.caps != Caps() for key in self._config.keys) else []
        return f"{', '.join(part for part in parts if part)} (counted in {shown_store(self._config.spend_store)})"

    def cache(self) -> str:
        """Return where answers are kept, and for how long."""
        cache = self._config.cache
        if cache is None:
            return "off"
        room = "" if "://" in cache.store else f", up to {cache.max_bytes / MIB:g} MiB"
        sampled = "also requests that sample" if cache.sampled else "only requests with temperature 0 or a seed"
        return f"{shown_store(cache.store)}, for {_long(cache.ttl_s)}{room}, {sampled}"

    def route(self, policy: Policy | None) -> str:
        """Return by which policy requests are routed."""
        config = self._config
        if config.policy is None:
            return "off"
        models = ", ".join(config.route_models) or "all models"
        routes = ", ".join(f"{route.name} ({route.model})" for route in policy.routes.values()) if policy else "unknown"
        return f"{_near(config.policy)}: {models} to {routes}"

    def upstream(self) -> str:
        """Return how long an upstream has, and how often it is asked again."""
        times, retries = self._config.times, self._config.retries
        again = f"asked again {retries.most} times at most" if retries.most else "never asked again"
        return f"answers begin within {duration(times.answer_s)}, pause {duration(times.idle_s)} at most, {again}"

    def meter(self) -> str:
        """Return where calls are recorded."""
        config = self._config
        log = "no request log"
        if config.log is not None:
            where = "stdout" if str(config.log) == "-" else _near(config.log)
            log = f"log {where}{', with requests and answers' if config.log_bodies else ''}"
        names = ", also as llm_api_* and llm_cache_*" if config.tutorial_metrics else ""
        return f"{log}, metrics{names}"

    def key_of(self, upstream: UpstreamSettings) -> str:
        """Return whose credential goes to an upstream."""
        if upstream.api_key_env:
            return upstream.api_key_env
        if _has_credentials(upstream.url):
            return "in its URL"
        return "none" if self._config.keys else "the caller's"


def caps_in_words(caps: Caps) -> str:
    """Return caps as `$5 a day, $100 a month`; empty where there is none."""
    said = ((caps.usd_per_day, "a day"), (caps.usd_per_month, "a month"))
    return ", ".join(f"{usd_in_words(usd)} {unit}" for usd, unit in said if usd is not None)


def usd_in_words(usd: Decimal) -> str:
    """Return dollars exactly, with cents at least: `$5.50`, `$0.075`."""
    whole, _, part = exact_text(usd).partition(".")
    return f"${int(whole):,}.{part:0<2}"


def _long(seconds: float) -> str:
    return f"{significant(seconds / 3600)} h" if seconds >= 3600 else duration(seconds)


def _features(config: GatewayConfig) -> Iterator[str]:
    yield f"cache {shown_store(config.cache.store)}" if config.cache is not None else "no cache"
    if config.policy is not None:
        yield f"policy {_near(config.policy)}"
    if config.compress:
        yield f"compress {config.compress}"
    if config.keys:
        yield f"{len(config.keys)} {'key' if len(config.keys) == 1 else 'keys'}"
    if Words(config).has_caps():
        yield "caps"
    if config.log is not None:
        yield f"log {_near(config.log)}"
    if config.workers > 1:
        yield f"{config.workers} workers"


def _has_credentials(url: str) -> bool:
    return "@" in urlsplit(url).netloc


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _near(path: Path) -> Path:
    """Return a path as seen from the working folder, where it is below that: shorter, and the same everywhere."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
