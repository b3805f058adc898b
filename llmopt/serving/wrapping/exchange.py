"""One wrapped call, in order: cache, route, compress, the client's own HTTP client, meter, store.

The same order as the gateway's, and its parts, without its retries and deadlines: the SDK has those, and each of its
attempts is a call here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.policy import directives
from llmopt.serving.cache.replies import GATEWAY_TIMEOUT
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.gateway.answer_head import own_headers
from llmopt.serving.gateway.caching.asked import cache_request, passes_by
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.errors import JSON_TYPE, error_json
from llmopt.serving.gateway.streams.replay import form_of, in_form
from llmopt.serving.gateway.values import Api
from llmopt.serving.routing.failures import Kind, failure_of
from llmopt.serving.wrapping.asking import Asking, read, refusal
from llmopt.serving.wrapping.doing import Flow, Step, arun, run
from llmopt.serving.wrapping.http_library import HttpClient
from llmopt.serving.wrapping.live import GONE, Live, live_response
from llmopt.serving.wrapping.parts import Parts, Snapshot
from llmopt.serving.wrapping.reading import origin_of
from llmopt.serving.wrapping.replies import reply_in, response_of, snapshot_of

_NOT_KEPT = "there is no stored answer, and the request's Cache-Control says only-if-cached"
_NOT_AGAIN = (b"x-should-retry", b"false")


@dataclass(slots=True)
class Exchange:
    """One request and its answer; run `answered` once."""

    parts: Parts
    http: HttpClient
    request: Any
    """As the SDK made it."""
    options: dict[str, Any]
    """Of the HTTP client's `send`."""
    call: Call
    began_s: float
    """By `time.perf_counter`."""
    asking: Asking = field(init=False)
    flying: bool = False
    """Whether a call is under way that others may share."""
    noted: bool = False

    def __post_init__(self) -> None:
        self.asking = Asking(self.parts, self.http, self.request, self.options, self.call)

    def answered(self) -> Flow[Any]:
        """Return the response; the call is noted by then, or when its stream ends."""
        for each in self.parts.in_flight:
            each.begun()
        try:
            return (yield from self._through_cache())
        except BaseException as error:
            self._failed(error)
            raise

    def note(self) -> None:
        """Take note of the call; the first time counts."""
        if not self.noted:
            self.noted = True
            for each in self.parts.in_flight:
                each.ended()
            self.call.metered.latency_s = time.perf_counter() - self.began_s
            self.parts.meter.note(self.call.metered)

    def keep(self, reply: Reply) -> Flow[None]:
        """Offer an answer to the cache."""
        cache, asked, usd = self.parts.cache, self.call.asked, self.call.metered.cost_usd
        if cache is not None and asked is not None:
            yield Step(lambda: cache.set(asked, reply, usd=usd), lambda: cache.aset(asked, reply, usd=usd))

    def _through_cache(self) -> Flow[Any]:
        cache = self.parts.cache
        asked = None if cache is None else self._asked()
        if cache is None or asked is None:
            return (yield from self._from_model())
        wanted = directives(asked.cache_control)
        if not cache.takes(asked):
            return self._not_stored() if wanted.only_if_cached else (yield from self._from_model())
        self.call.asked, self.call.metered.prompt_hash = asked, asked.key
        self.call.metered.cache = Found.MISS.value
        flights = self.parts.flights
        landed = flights.landed
        answer = yield Step(lambda: cache.get(asked), lambda: cache.aget(asked))
        if answer is None:
            answer = yield Step(lambda: cache.near(asked), lambda: cache.anear(asked))
        stored = None if answer is None else self._stored(answer)
        if stored is not None:
            return stored
        if wanted.only_if_cached:
            return self._not_stored()
        if self.call.streamed or wanted.no_cache:
            return (yield from self._from_model())
        place = (asked.key, asked.tenant, asked.cache_control, self._patience())
        return (yield from self._shared(place, landed))

    def _from_model(self) -> Flow[Any]:
        """Ask the model, for this caller alone."""
        response = yield from self.asking.response()
        if not response.is_closed and response.status_code < 400:
            return live_response(self.http, Live(self, response), self)
        yield from read(response)
        yield from self._finished(response)
        response.headers.update([(name.decode(), value.decode()) for name, value in own_headers(self.call, whole=True)])
        return response

    def _shared(self, place: tuple[Any, ...], landed: int) -> Flow[Any]:
        """Ask the model once for all who ask the same now."""
        flights = self.parts.flights
        flown, shared = yield Step(
            lambda: flights.fly(place, lambda: run(self._flown(landed))),
            lambda: flights.afly(place, lambda: arun(self._flown(landed))),
        )
        if isinstance(flown, Answer):
            return self._stored(flown)
        if shared and flown.private:
            return (yield from self._from_model())
        if shared:
            self._joined(flown)
        return response_of(self.http.library, self.request, flown, own_headers(self.call, whole=True))

    def _flown(self, landed: int) -> Flow[Answer | Snapshot]:
        """Ask the model for all; whoever began it pays, also when that one has left and it goes on for others."""
        self.flying = True
        try:
            cache, asked = self.parts.cache, self.call.asked
            if cache is not None and asked is not None and self.parts.flights.landed != landed:
                answer: Answer | None = yield Step(lambda: cache.get(asked), lambda: cache.aget(asked))
                if answer is not None:
                    return answer  # it came in since the first look
            response = yield from self.asking.response()
            yield from read(response)
            yield from self._finished(response)
            return replace(snapshot_of(response), usd=self.call.metered.cost_usd)
        except BaseException as error:
            self.flying = False
            self._failed(error)
            raise
        finally:
            self.flying = False

    def _finished(self, response: Any) -> Flow[None]:
        """Meter and keep an answer that is there as a whole."""
        metered, body = self.call.metered, response.content
        metered.status, metered.response_bytes = response.status_code, len(body)
        metered.first_s = time.perf_counter() - self.began_s
        if response.status_code < 400:
            self.parts.meter.answered(metered, body, request=self.call.body)
            yield from self.keep(reply_in(response))
        else:
            failure = refusal(response)
            metered.error = "" if failure is None else failure.kind.value
        self.note()

    def _stored(self, answer: Answer) -> Any:
        """Return a stored answer in the form that is wanted; None where it has no such form."""
        call, metered = self.call, self.call.metered
        formed = in_form(answer.body, form_of(call.api, streamed=call.streamed, usage_asked=call.usage_asked))
        if formed is None:
            return None
        kind, body = formed
        metered.cache, metered.age_s, metered.status = answer.found.value, answer.age_s, answer.status
        metered.cost_usd = Decimal(0)
        if answer.usd:
            metered.saved_usd["cache"] = Decimal(answer.usd)
        metered.response_bytes, metered.first_s = len(body), time.perf_counter() - self.began_s
        self.note()
        head = ((b"content-type", kind), (b"age", b"%d" % answer.age_s), *own_headers(call, whole=True))
        return response_of(self.http.library, self.request, Snapshot(answer.status, head, body))

    def _not_stored(self) -> Any:
        """Refuse to ask the model (RFC 9111, 5.2.1.7)."""
        call = self.call
        call.metered.status, call.metered.error = GATEWAY_TIMEOUT, "only_if_cached"
        body = error_json(GATEWAY_TIMEOUT, "only_if_cached", _NOT_KEPT, anthropic=call.api is Api.MESSAGES)
        self.note()
        head = (JSON_TYPE, _NOT_AGAIN, *own_headers(call, whole=True))
        return response_of(self.http.library, self.request, Snapshot(GATEWAY_TIMEOUT, head, body))

    def _joined(self, snapshot: Snapshot) -> None:
        """Take note of an answer that another caller's call has brought."""
        metered = self.call.metered
        metered.cache, metered.status, metered.cost_usd = Found.SHARED.value, snapshot.status, Decimal(0)
        metered.response_bytes = len(snapshot.body)
        metered.first_s = time.perf_counter() - self.began_s
        if snapshot.usd is not None:
            metered.saved_usd["cache"] = snapshot.usd
        self.note()

    def _failed(self, error: BaseException) -> None:
        if self.flying or self.noted:  # the flight goes on for others, and takes note of itself
            return
        metered = self.call.metered
        if isinstance(error, Exception):
            metered.error = failure_of(error).kind.value
            metered.status = 504 if metered.error == Kind.TIMEOUT else 502
        else:
            metered.error, metered.status = "aborted", GONE
        self.note()

    def _asked(self) -> CacheRequest | None:
        """Return the request as the cache sees it; None: the caller wants nothing of the cache."""
        call, identity = self.call, self.parts.identity
        if passes_by(call.incoming.headers):
            return None
        there = replace(identity, digest=f"{origin_of(self.request)} {identity.digest}")
        return cache_request(call.incoming, call.body, call.caller.tenant, there)

    def _patience(self) -> tuple[Any, ...]:
        """Return the time-outs of a request: nobody waits by another one's."""
        found = self.request.extensions.get("timeout")
        return tuple(sorted(found.items())) if isinstance(found, dict) else ()
