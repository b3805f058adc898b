"""What a gateway with these settings would do, found out without connecting to anything: for `--check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from llmopt.errors import LlmoptError
from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings
from llmopt.serving.gateway.planning.checks import faults_of, load, warnings_of
from llmopt.serving.gateway.planning.prices import PlannedPrice, prices_of
from llmopt.serving.gateway.planning.words import Stage, Words, stages_of
from llmopt.serving.openai_url import root_of, shown

ENDPOINTS = (
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/messages"),
)
_OTHERS = (
    ("GET", "/v1/models", "passed through"),
    ("any", "anything else", "passed through, metered where the answer tells its usage"),
    ("GET", "/metrics", "for Prometheus, without a key"),
    ("GET", "/healthz", "200 while the process lives"),
    ("GET", "/readyz", "200 while requests are taken"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something that clients can ask for."""

    method: str
    path: str
    what: str
    """What becomes of a request there."""


@dataclass(frozen=True, slots=True)
class PlannedUpstream:
    """A server that answers."""

    name: str
    url: str
    """Without credentials."""
    models: tuple[str, ...]
    """Names or patterns; empty: all that no other upstream claims."""
    key: str
    """Whose key is sent there, in words."""


@dataclass(frozen=True, slots=True)
class PlannedKey:
    """A key that the gateway gave out."""

    name: str
    tenant: str
    usd_per_day: Decimal | None
    """Cap of its tenant; None: no limit."""
    usd_per_month: Decimal | None
    """Cap of its tenant; None: no limit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would run, and what stands in the way."""

    host: str
    port: int
    workers: int
    """Processes."""
    endpoints: tuple[Endpoint, ...]
    upstreams: tuple[PlannedUpstream, ...]
    stages: tuple[Stage, ...]
    """The way of a request, in order."""
    keys: tuple[PlannedKey, ...]
    prices: tuple[PlannedPrice, ...]
    """Of each model that the settings name."""
    faults: tuple[LlmoptError, ...]
    """Why it would not run; empty: it would."""
    warnings: tuple[str, ...]
    """What runs, and may not be meant."""


def planned(config: GatewayConfig, environ: Mapping[str, str]) -> Plan:
    """Return what would run.

    Args:
        config: all settings.
        environ: environment variables, for the keys of upstreams.
    """
    loaded = load(config)
    prices = prices_of(config, loaded.policy, loaded.prices)
    stages = stages_of(config, loaded.policy)
    return Plan(
        host=config.host,
        port=config.port,
        workers=config.workers,
        endpoints=_endpoints(stages),
        upstreams=tuple(_upstream(config, each) for each in config.upstreams),
        stages=stages,
        keys=tuple(
            PlannedKey(
                key.name,
                key.tenant,
                config.caps.usd_per_day if key.caps.usd_per_day is None else key.caps.usd_per_day,
                config.caps.usd_per_month if key.caps.usd_per_month is None else key.caps.usd_per_month,
            )
            for key in config.keys
        ),
        prices=prices,
        faults=faults_of(config, environ, loaded),
        warnings=warnings_of(config, prices),
    )


def _endpoints(stages: tuple[Stage, ...]) -> tuple[Endpoint, ...]:
    way = [stage.name for stage in stages if stage.on]
    return (
        *(Endpoint(method, path, ", ".join(_way(path, way))) for method, path in ENDPOINTS),
        *(Endpoint(*other) for other in _OTHERS),
    )


def _way(path: str, way: list[str]) -> list[str]:
    """Return the stages of a path: an embedding is of no use from another model, or of another text."""
    return [name for name in way if not (path.endswith("/embeddings") and name in ("route", "compress"))]


def _upstream(config: GatewayConfig, settings: UpstreamSettings) -> PlannedUpstream:
    url = shown(root_of(settings.url))
    return PlannedUpstream(settings.name, url, settings.models, Words(config).key_of(settings))
