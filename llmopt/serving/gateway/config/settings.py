"""How a gateway is set up; read from TOML by `file`, or made in Python; `planning` says what would run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from llmopt.errors import UsageError
from llmopt.serving.gateway.values import NO_CAPS, Caps

MIB = 2**20
SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """A server that answers."""

    url: str
    """With or without `/v1`."""
    name: str = "default"
    api_key_env: str = ""
    """Environment variable with the key that is sent there; empty: the caller's credential is passed on."""
    models: tuple[str, ...] = ()
    """Names or patterns (`gpt-*`) of the models that it answers; empty: all that no other upstream claims."""
    anthropic: bool = False
    """Whether its key goes into `x-api-key`, as Anthropic wants it."""


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A key that this gateway gave out."""

    name: str
    sha256: str
    """Of the key, in hexadecimal: the key itself is written nowhere."""
    tenant: str
    caps: Caps = NO_CAPS

    def __post_init__(self) -> None:
        """Refuse what is no hash.

        Raises:
            UsageError: it has not the 64 hexadecimal digits; the text is not repeated, since it may be the key itself.
        """
        if not SHA256.fullmatch(self.sha256):
            raise UsageError(
                f"the sha256 of key {self.name!r} has not 64 hexadecimal digits",
                "`llmopt gateway --new-key NAME` writes one",
            )


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The response cache."""

    store: str = "memory"
    """`memory`, a file for SQLite, or `redis://...`: what `open_store` takes."""
    ttl_s: float = 86_400.0
    max_bytes: int = 256 * MIB
    sampled: bool = False
    """Whether answers of requests that sample are kept, too."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take, in seconds."""

    answer_s: float = 600.0
    """From the request until the head of the answer, all attempts together; a client may ask for less."""
    idle_s: float = 120.0
    """Between two pieces of an answer."""
    connect_s: float = 5.0
    body_s: float = 60.0
    """For a client to send its whole request."""
    drain_s: float = 30.0
    """After SIGTERM: to answer what was taken."""


@dataclass(frozen=True, slots=True)
class Retries:
    """When an upstream is asked again."""

    most: int = 2
    """Further attempts at one upstream."""
    first_wait_s: float = 0.25
    """Largest first wait; doubled each time, of which a random part is waited (full jitter)."""
    longest_wait_s: float = 8.0
    """Also of what `Retry-After` asks for: where it asks for more, the client is told at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken."""

    body_bytes: int = 64 * MIB
    """Of one request; more gets 413."""
    bodies_bytes: int = 512 * MIB
    """Of all requests that are being read or answered; more get 503."""
    requests: int = 4096
    """Being answered at once; more get 503."""
    head_bytes: int = 64 * 2**10
    """Of request line and headers; more get 431."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything that a gateway needs to know."""

    upstreams: tuple[UpstreamSettings, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    keys: tuple[VirtualKey, ...] = ()
    """Empty: whoever calls brings a credential of the upstream's."""
    caps: Caps = NO_CAPS
    """Of each tenant that has none of its own."""
    total_caps: Caps = NO_CAPS
    """Of all tenants together."""
    spend_store: str = "memory"
    """Where spending is counted: `memory`, a file for SQLite, or `redis://...`."""
    cache: CacheSettings | None = CacheSettings()
    """None: no cache."""
    policy: Path | None = None
    """Routing policy; None: no routing."""
    route_models: tuple[str, ...] = ()
    """Names or patterns of the models that are routed; empty: all."""
    compress: str = ""
    """`lossless`, `safe` or `aggressive`; empty: no compression."""
    log: Path | None = None
    """Request log in JSON lines; `-` is standard output."""
    log_bodies: bool = False
    """Whether the log holds requests and answers."""
    tutorial_metrics: bool = False
    """Whether metrics also come under the names `llm_api_*` and `llm_cache_*`."""
    metric_models: tuple[str, ...] = ()
    """Further model names that metrics tell apart; any that is not in the price table, nor here, is `other`."""
    ask_usage: bool = True
    """Whether streams are asked for their usage on behalf of clients who did not ask."""
    prices: tuple[Path, ...] = ()
    key_headers: tuple[str, ...] = ()
    """Further request headers that decide about the answer, and so are part of the cache's key."""
    times: Times = Times()
    retries: Retries = Retries()
    limits: Limits = Limits()
