"""What goes through the gateway: who asks, what is asked, what comes back, what it came to. Plain values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from llmopt.core.usage import Usage

Headers = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, values as they came; a name may be there twice."""


class Api(StrEnum):
    """The API that a path belongs to."""

    CHAT = "chat"
    """`/v1/chat/completions`"""
    COMPLETIONS = "text_completion"
    """`/v1/completions`"""
    RESPONSES = "responses"
    """`/v1/responses`"""
    EMBEDDINGS = "embeddings"
    """`/v1/embeddings`"""
    MESSAGES = "messages"
    """`/v1/messages` of Anthropic"""
    OTHER = "other"
    """Anything else: passed through, metered where it tells its usage."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How much a tenant may spend; None: no limit."""

    usd_per_day: Decimal | None = None
    """A UTC day."""
    usd_per_month: Decimal | None = None
    """A UTC calendar month."""


NO_CAPS = Caps()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    tenant: str
    """Name of the virtual key's tenant, or a hash of the caller's credential; empty where there is none."""
    key: str = ""
    """Name of the virtual key; empty without virtual keys."""
    caps: Caps = NO_CAPS
    passes_on: bool = True
    """Whether the caller's own credential goes to the upstream; with virtual keys the upstream has its own."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came in."""

    method: str
    path: str
    """Percent-encoded, as on the request line."""
    query: str
    """Without the question mark."""
    headers: Headers
    body: bytes
    api: Api

    def with_body(self, body: bytes) -> Incoming:
        """Return it with its body; `dataclasses.replace` takes a few times as long, and so it does below."""
        return Incoming(self.method, self.path, self.query, self.headers, body, self.api)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as it goes out."""

    method: str
    path: str
    """With the query; starts with `/v1/` where the client's did."""
    headers: Headers
    """End-to-end headers only; credentials are in them, or added by the upstream's own settings."""
    body: bytes | AsyncIterator[bytes]
    """An iterator can be read once, so such a request is not tried again."""
    model: str
    """Empty where there is none."""
    streamed: bool

    def with_body(self, body: bytes, model: str) -> UpstreamRequest:
        """Return it with another body, which asks for a model."""
        return UpstreamRequest(self.method, self.path, self.headers, body, model, self.streamed)


class UpstreamReply(Protocol):
    """An answer that has begun: the status and headers are there, the body may still be on its way."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """End-to-end headers, as they came."""
        ...

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            UpstreamError: it was cut, or took too long.
        """
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises:
            UpstreamError: it was cut, or nothing came for too long.
        """
        ...

    def close(self) -> None:
        """Let the upstream go at once, whatever it is still sending; nothing happens after the end."""
        ...


class Upstream(Protocol):
    """Answers requests: a server behind HTTP, or a function in this process."""

    @property
    def name(self) -> str:
        """For logs and metrics."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """Names or patterns (`gpt-*`) of the models that it answers; empty: all that no other upstream claims."""
        ...

    async def open(self, request: UpstreamRequest, timeout_s: float | None) -> UpstreamReply:
        """Send a request, and return when the head of the answer is there.

        Raises:
            UpstreamError: it could not be reached, or did not answer in time.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(slots=True)
class Metered:
    """What one call came to. Log line, metrics and spending are made from it; filled as the call goes on."""

    request_id: str
    """Made here, sent back as `x-llmopt-request-id`."""
    api: Api
    began_s: float
    """Unix time."""
    tenant: str = ""
    key: str = ""
    """Name of the virtual key."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Labels that the caller gave (`x-llmopt-tags: team=care, feature=search`)."""
    asked_model: str = ""
    """As the client asked."""
    model: str = ""
    """As asked of the upstream."""
    answered_model: str = ""
    """As the answer says; empty where it says none."""
    provider: str = ""
    """Where the price table has one for this model and upstream."""
    upstream: str = ""
    status: int = 0
    """As sent to the client; 499: the client went away before the end."""
    error: str = ""
    """Kind of failure in a word (`overloaded`, `timeout`, `aborted`, `budget`, ...); empty where all went well."""
    streamed: bool = False
    cache: str = "bypass"
    """A member of `llmopt.serving.cache.Found`, by its value."""
    age_s: float | None = None
    """Of the stored answer."""
    route: str = ""
    """Name of the route in the policy; empty without one."""
    rule: str = ""
    """That decided."""
    tier: str = "default"
    usage: Usage | None = None
    """What was billed; None: nothing is known, or nothing was asked of a model."""
    usage_from: str = "none"
    """`billed` (the upstream said so), `estimated` (counted here), or `none`."""
    cost_usd: Decimal | None = None
    """None: no price or no usage. 0 for an answer from the cache."""
    saved_usd: dict[str, Decimal] = field(default_factory=dict)
    """By what: `cache`, `route`, `compress`."""
    compressed_tokens: int = 0
    """Tokens that compression took out of the request."""
    latency_s: float = 0.0
    """From the first byte of the request to the last of the answer."""
    first_s: float | None = None
    """Until the first byte of the answer's body went to the client."""
    attempts: int = 0
    """Calls of upstreams, retries included; 0 for an answer from the cache."""
    prompt_hash: str = ""
    """Key of the request in the cache."""
    request_bytes: int = 0
    response_bytes: int = 0
    request: bytes = b""
    """Body as the client sent it; only where the log holds bodies."""
    response: bytes = b""
    """Whole JSON answer, likewise."""
    method: str = "POST"
    path: str = ""
    """Without the query."""
    billed_model: str = ""
    """Name by which the price was found; empty where there is none."""


class Observer(Protocol):
    """Takes note of calls: log, metrics, spending."""

    def note(self, metered: Metered) -> None:
        """Take note of a call that has ended; must not wait."""
        ...
