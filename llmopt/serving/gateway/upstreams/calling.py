"""`Calling`: which upstream is asked, how often, and who is next when it fails.

One upstream is asked again as `Retries` says; then a policy's chain goes on to the next model. All of it ends at the
call's deadline. An error of an upstream that stands in the end is the answer, as it came.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.config.settings import Retries
from llmopt.serving.gateway.errors import GatewayError, UpstreamError
from llmopt.serving.gateway.steps.model_edit import for_model
from llmopt.serving.gateway.steps.route import tell
from llmopt.serving.gateway.upstreams.choosing import Choice
from llmopt.serving.gateway.upstreams.held import HeldReply, held
from llmopt.serving.gateway.upstreams.retrying import RETRIED, failure_in, wait_s
from llmopt.serving.gateway.values import Api, Upstream, UpstreamReply, UpstreamRequest
from llmopt.serving.routing.chain import Chain, Rests
from llmopt.serving.routing.failures import Kind
from llmopt.serving.routing.policy import Policy
from llmopt.serving.routing.router import Decision

_FAILED = (HeldReply, UpstreamError)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FALLBACK = "fallback"
"""In place of a rule, in the header of an answer that another route gave than the one that was decided on."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun, and who gives it."""

    reply: UpstreamReply
    upstream: str
    """Its name."""
    attempts: int
    """Calls of upstreams until then, at least 1."""
    route: str
    """Route of the policy that answered; empty without a policy."""
    model: str
    """As asked of the upstream; empty where the request names none."""


class CallFailed(UpstreamError):
    """No upstream answered.

    Args:
        message: what happened; holds nothing secret.
        kind: a member of `llmopt.serving.routing.failures.Kind`, by its value.
        attempts: calls of upstreams that were made.
        upstream: name of the last one; empty where none was asked.
    """

    def __init__(self, message: str, kind: str, attempts: int, upstream: str) -> None:
        super().__init__(message, kind)
        self.attempts = attempts
        self.upstream = upstream


class Calling:
    """Asks upstreams; have one for a process, since it remembers who needs a rest.

    Args:
        upstreams: who answers which models is in their `models`; the first one without any takes the rest.
        retries: when one is asked again.
        policy: its `[fallback]` says which model is next; None: only the same upstream is asked again.
        chance: from 0 to 1, at random; for the waits.
        sleep: waits.

    Raises:
        UsageError: two upstreams have one name, or there is none.
        ConfigError: no upstream answers a model of the policy.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        retries: Retries | None = None,
        policy: Policy | None = None,
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._choice = Choice(upstreams)
        if policy is not None:
            self._choice.check(policy)
        self._retries = retries or Retries()
        self._policy = policy
        self._rests = Rests(time.monotonic)
        self._chance = chance
        self._sleep = sleep

    async def open(self, call: Call) -> Opened:
        """Return the first answer that stands: what goes to the client, also where it is an error.

        `call.outgoing` is sent; `call.route` is where a policy's chain begins; the head is there by `call.until_s`.
        `call.metered` gets upstream, model, route and attempts as they happen, so that it is right when the client
        leaves.

        Raises:
            CallFailed: nobody could be reached, or answered in time.
            GatewayError: no upstream has the model.
        """
        request = call.outgoing
        if request is None:
            raise GatewayError(500, "no_request", "there is no request to send")
        if self._policy is not None and call.route:
            return await self._along(call, request, self._policy)
        reply = await self._asked(call, request, call.until_s, held_errors=False)
        return _standing(call, reply, request.model)

    async def close(self) -> None:
        """Close all upstreams."""
        for upstream in self._choice.upstreams:
            await upstream.close()

    async def _along(self, call: Call, request: UpstreamRequest, policy: Policy) -> Opened:
        """Ask along the policy's chain."""
        loop = asyncio.get_running_loop()
        try:
            chain = Chain(policy, call.route, self._rests, time.monotonic, call.until_s - loop.time())
        except TimeoutError as error:
            raise CallFailed(str(error), Kind.TIMEOUT.value, call.metered.attempts, "") from error
        while True:
            target = chain.target
            call.metered.route, call.metered.model = target.route, target.model
            until_s = call.until_s
            if target.timeout_s is not None:
                until_s = min(until_s, loop.time() + target.timeout_s)
            reply = await self._asked(call, for_model(request, target.model), until_s, held_errors=True)
            failure = failure_in(reply) if isinstance(reply, _FAILED) else None
            pause_s = None if failure is None else chain.after(failure)
            if pause_s is None:
                if target.route != call.route:
                    tell(call, Decision(target.route, target.model, _FALLBACK, None, chain.story))
                return _standing(call, reply, target.model, target.route)
            await self._sleep(pause_s)

    async def _asked(
        self, call: Call, request: UpstreamRequest, until_s: float, *, held_errors: bool
    ) -> UpstreamReply | UpstreamError:
        """Return what one upstream answers, after as many attempts as it is worth; an error in place of no answer."""
        upstream = self._choice.of(request.model)
        call.metered.upstream = upstream.name
        clock = asyncio.get_running_loop().time
        again = 0
        while True:
            call.metered.attempts += 1
            reply = await _attempt(upstream, request, until_s - clock(), held_errors)
            if not isinstance(reply, _FAILED) or not _may_be_sent_again(call.api, request):
                return reply
            pause_s = wait_s(reply, again, self._retries, self._chance())
            if pause_s is None or clock() + pause_s >= until_s:
                return reply
            again += 1
            await self._sleep(pause_s)


async def _attempt(
    upstream: Upstream, request: UpstreamRequest, left_s: float, held_errors: bool
) -> UpstreamReply | UpstreamError:
    """Ask once. An error that may lead to another attempt is read to its end."""
    if left_s <= 0:
        return UpstreamError(f"no time was left to ask upstream '{upstream.name}'", Kind.TIMEOUT.value)
    try:
        reply = await upstream.open(request, left_s)
        if reply.status in RETRIED or (held_errors and reply.status >= 400):
            return await held(reply, upstream.name, left_s)
    except UpstreamError as error:
        return error
    return reply


def _may_be_sent_again(api: Api, request: UpstreamRequest) -> bool:
    """Return whether a request can be sent twice, and does no more then than once: a batch would be created twice."""
    return isinstance(request.body, bytes) and (api is not Api.OTHER or request.method in _SAFE)


def _standing(call: Call, reply: UpstreamReply | UpstreamError, model: str, route: str = "") -> Opened:
    """Return an answer; raise where there is none."""
    if isinstance(reply, UpstreamError):
        raise CallFailed(reply.message, reply.kind, call.metered.attempts, call.metered.upstream) from reply
    return Opened(reply, call.metered.upstream, call.metered.attempts, route, model)
