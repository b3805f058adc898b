"""What wrapped calls go through, and what they leave behind; shared by all calls of a client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llmopt.serving.cache.cache import ResponseCache
from llmopt.serving.cache.entry import Answer
from llmopt.serving.cache.flight import Flights
from llmopt.serving.gateway.caching.asked import Identity
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.steps.route import RouteStep
from llmopt.serving.gateway.values import Headers
from llmopt.serving.routing.chain import Rests
from llmopt.serving.routing.policy import Policy
from llmopt.serving.wrapping.doing import Step

if TYPE_CHECKING:
    from llmopt.serving.gateway.steps.compress import CompressStep


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole answer, of which any number of responses can be made."""

    status: int
    headers: Headers
    """As they came; those that are about the packed body are not there."""
    body: bytes
    """Unpacked."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """What the library says besides, such as the version of HTTP."""
    took_s: float = 0.0
    usd: Decimal | None = None
    """What it cost; None where nobody knows."""
    private: bool = False
    """Whether its `Cache-Control` keeps it from everyone but the one who asked (RFC 9111, 5.2.2)."""


@runtime_checkable
class InFlight(Protocol):
    """Counts calls under way, as the metrics do."""

    def begun(self) -> None:
        """Take note of a call that begins."""
        ...

    def ended(self) -> None:
        """Take note that a call is under way no more."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that do the work; None: that one is off."""

    meter: Meter
    identity: Identity
    """Whatever decides about an answer besides the request: policy, and level of compression."""
    cache: ResponseCache | None = None
    route: RouteStep | None = None
    policy: Policy | None = None
    """Of the router: which route is next where one fails."""
    compress: CompressStep | None = None
    in_flight: tuple[InFlight, ...] = ()
    ends: tuple[Step, ...] = ()
    """Let go of what was opened for this client alone."""
    tenant: str | None = None
    """None: told by the credential of a request."""
    tags: Mapping[str, str] = field(default_factory=dict)
    ask_usage: bool = True
    """Whether chat streams are asked for their usage on behalf of callers who did not ask."""
    flights: Flights[Answer | Snapshot] = field(default_factory=Flights)
    """Calls under way that others may share."""
    rests: Rests = field(default_factory=lambda: Rests(time.monotonic))
    """Routes that asked for a rest."""
