"""A call: one request on its way through the pipeline, and what is known of it so far."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from llmopt.serving.gateway.values import Api, Caller, Headers, Incoming, Metered, UpstreamRequest

if TYPE_CHECKING:
    from llmopt.serving.cache.request import CacheRequest


@dataclass(slots=True)
class Call:
    """One request on its way; the stages of the pipeline fill in what they learn."""

    incoming: Incoming
    """As the client sent it; never changed."""
    caller: Caller
    metered: Metered
    """What the call came to so far. Each stage fills in its own fields."""
    until_s: float
    """On the clock of the event loop: the head of the answer must be there by then."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The client's body, decoded; empty for what is passed through."""
    model: str = ""
    """As the client asked; empty where it names none."""
    streamed: bool = False
    """Whether the client wants a stream."""
    usage_asked: bool = False
    """Whether the client itself asked for the usage of its stream (`stream_options.include_usage`)."""
    outgoing: UpstreamRequest | None = None
    """As it goes to the upstream; route, compress and asking for usage make a new one each."""
    route: str = ""
    """Route of the policy, where the chain of fallbacks begins; empty without a policy."""
    told: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Headers of the gateway's own for the answer (`x-llmopt-route`, `age`), without those that are always there."""
    under_way: bool = False
    """Whether an upstream still answers; for those who joined the call it may go on when its client has left."""
    answered: bool = False
    """Whether an upstream has answered to the end; what is left to do is to keep the answer."""
    left: bool = False
    """Whether its client has the answer, or went away."""
    fault: str = ""
    """Kind of the upstream's failure, for those who joined the call; empty where it did not fail."""
    asked: CacheRequest | None = None
    """The request as the cache knows it; None: the cache has no part in it."""

    @property
    def api(self) -> Api:
        """The API that the client speaks."""
        return self.incoming.api

    def header(self, name: bytes) -> str:
        """Return the first value of a request header; empty where there is none.

        Args:
            name: in lower case.
        """
        for each, value in self.incoming.headers:
            if each == name:
                return value.decode("latin-1")
        return ""


class Source(Protocol):
    """An answer for a client: from an upstream, a store, or another client's call that is under way.

    Once `body` is there, or `pieces` has ended, the answer is metered and stored: `Call.metered` says what it came to.
    """

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """End-to-end headers of the upstream; of what came from a store, its content-type."""
        ...

    @property
    def body(self) -> bytes | None:
        """All that goes to the client; None: it is still on its way, and comes in `pieces`."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield what goes to the client, as it comes; once. An error in the midst becomes an event of the stream.

        Raises:
            UpstreamError: what is no stream of events was cut.
        """
        ...

    def close(self) -> None:
        """Let go at once; nothing happens after the end."""
        ...

    @property
    def whole(self) -> bytes | None:
        """After the end: the whole JSON, with its usage, whichever form it came in; None where it is not whole."""
        ...


Origin = Callable[[Call], Awaitable[Source]]
"""Asks the upstream: route, compress, call, meter and store. Raises `GatewayError` where no upstream answers."""
