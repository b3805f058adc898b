"""What goes to the model's server: routed, compressed, sent; and to the next one where it fails."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from llmopt.serving.cache.forms.jsontext import loads_object
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.steps.model_edit import for_model
from llmopt.serving.gateway.streams.usage_frame import asking
from llmopt.serving.routing.chain import Chain, Target
from llmopt.serving.routing.failures import Failure, failure_in, failure_of
from llmopt.serving.wrapping.doing import Flow, Step
from llmopt.serving.wrapping.http_library import HttpClient
from llmopt.serving.wrapping.parts import Parts
from llmopt.serving.wrapping.reading import is_signed, names_model_in_path, request_for


@dataclass(slots=True)
class Asking:
    """One question to the model's server."""

    parts: Parts
    http: HttpClient
    request: Any
    """As the SDK made it."""
    options: dict[str, Any]
    """Of the HTTP client's `send`."""
    call: Call
    usage_added: bool = False
    """Whether a stream was asked for its usage on behalf of a caller who did not ask."""

    def response(self) -> Flow[Any]:
        """Return the response; not read where the options say so."""
        if not is_signed(self.call):
            yield from self._edit()
        parts, call = self.parts, self.call
        if parts.policy is None or not call.route:
            return (yield self._send())
        return (yield from self._along(Chain(parts.policy, call.route, parts.rests, time.monotonic, None)))

    def _edit(self) -> Flow[None]:
        """Route, compress, ask for usage."""
        parts, call = self.parts, self.call
        if parts.route is not None and not names_model_in_path(call):
            parts.route.apply(call)
        compress = parts.compress
        if compress is not None:
            yield Step(lambda: compress.apply_here(call), lambda: compress.apply(call))
        if parts.ask_usage and call.streamed:
            self._ask_usage()

    def _ask_usage(self) -> None:
        call, outgoing = self.call, self.call.outgoing
        if outgoing is None or not isinstance(outgoing.body, bytes):
            return
        decoded = call.body if outgoing.body is call.incoming.body else loads_object(outgoing.body)
        body = None if decoded is None else asking(outgoing.body, decoded, call.api)
        if body is not None:
            call.outgoing, self.usage_added = replace(outgoing, body=body), True

    def _along(self, chain: Chain) -> Flow[Any]:
        """Ask the routes of a chain in turn, until one answers or none is left."""
        while True:
            self._aim(chain.target)
            try:
                response = yield self._send(chain.target.timeout_s)
            except Exception as error:
                wait_s = chain.after(failure_of(error))
                if wait_s is None:
                    error.add_note(chain.story)
                    raise
            else:
                yield from read_refusal(response)
                failure = refusal(response)
                wait_s = None if failure is None else chain.after(failure)
                if wait_s is None:
                    return response
            if wait_s:
                yield _pause(wait_s)

    def _aim(self, target: Target) -> None:
        call = self.call
        if call.outgoing is not None:
            call.outgoing = for_model(call.outgoing, target.model)
        call.route = call.metered.route = target.route
        call.metered.model = target.model

    def _send(self, timeout_s: float | None = None) -> Step:
        self.call.metered.attempts += 1
        request = request_for(self.call, self.request, timeout_s)
        return Step(
            lambda: self.http.client.send(request, **self.options),
            lambda: self.http.client.send(request, **self.options),
        )


def _pause(wait_s: float) -> Step:
    return Step(lambda: time.sleep(wait_s), lambda: asyncio.sleep(wait_s))


def read(response: Any) -> Flow[None]:
    """Read a response to its end."""
    if not response.is_closed:
        yield Step(response.read, response.aread)


def read_refusal(response: Any) -> Flow[None]:
    """Read a response to its end that is an error."""
    if response.status_code >= 400:
        yield from read(response)


def refusal(response: Any) -> Failure | None:
    """Return what a response that was read means; None: it is an answer."""
    if response.status_code < 400:
        return None
    return failure_in(_Refusal(response.status_code, response.content, response.headers), datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error as the server told it."""

    status: int
    body: bytes
    headers: Any
