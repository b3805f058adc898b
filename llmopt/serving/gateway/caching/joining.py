"""A client's way onto a call: as the one who begins it, or as one who joins it."""

from __future__ import annotations

import asyncio

from llmopt.errors import LlmoptError
from llmopt.serving.cache.entry import Found
from llmopt.serving.gateway.caching.flights import Asking, Flight, Flights, ended_here
from llmopt.serving.gateway.caching.joined import Joined, settle
from llmopt.serving.gateway.caching.sources import Given, given
from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.streams.replay import Form
from llmopt.serving.routing.failures import Kind


async def led(flights: Flights, key: str, call: Call, form: Form, asking: Asking) -> Source:
    """Begin a call, and return its answer.

    Raises:
        GatewayError: what `asking` raises.
    """
    flight, reader = flights.begin(key, call, form, asking)
    live: Source | None = None
    try:
        await flight.head()
        source = flight.source
        if source is None:
            raise _told(flight.error)
        if source.body is None:
            live = Joined(source, flight, reader, lambda: flights.leave(key, flight, reader), call)
        return live or source
    finally:
        if live is None:
            flights.leave(key, flight, reader)


async def followed(flights: Flights, key: str, flight: Flight, call: Call, form: Form) -> Source | None:
    """Join a call, and return its answer; None: it is not for this client, who should ask for itself.

    Args:
        flights: all calls.
        key: of the one to join.
        flight: that one.
        call: of this client.
        form: that it wants.

    Raises:
        GatewayError: what the other client is told, too; 504 at this client's own deadline.
    """
    call.metered.cache = Found.SHARED.value
    reader = flight.stream.join(waits=flight.form != form)
    live: Source | None = None
    try:
        await _waited(flight, call, form)
        source = flight.source
        if source is None:
            if flight.abandoned(call.until_s):
                return None
            settle(call, flight)
            raise _told(flight.error)
        if source.status < 300 and flight.private:
            return None
        call.told += flight.call.told
        if source.body is None and (source.status >= 300 or flight.form == form):
            live = Joined(source, flight, reader, lambda: flights.leave(key, flight, reader), call)
            return live
        return _whole(source, flight, call, form)
    finally:
        if live is None:
            flights.leave(key, flight, reader)


async def _waited(flight: Flight, call: Call, form: Form) -> None:
    """Wait until there is an answer in the form that is wanted, or none."""
    try:
        async with asyncio.timeout_at(call.until_s):
            await flight.head()
            source = flight.source
            if source is not None and source.body is None and source.status < 300 and flight.form != form:
                await flight.end()
    except TimeoutError:
        raise late(call) from None


def late(call: Call) -> GatewayError:
    """Return what a client is told at its deadline, and note it."""
    call.metered.error = Kind.TIMEOUT.value
    return GatewayError(504, "upstream_timeout", "there was no answer in time; allow more, or ask for less")


def _whole(source: Source, flight: Flight, call: Call, form: Form) -> Source | None:
    """Return an answer that is there as a whole, in the form that is wanted."""
    if source.status >= 300 or flight.form == form:
        found = Given(source.status, source.headers, source.body, source.whole)
    else:
        made = None if source.whole is None else given(source.whole, form)
        if made is None:
            return None
        found = made
    settle(call, flight)
    return found


def _told(error: BaseException | None) -> BaseException:
    """Return what one of several clients is told; each gets an error of its own, since raising changes it."""
    if isinstance(error, GatewayError):
        return GatewayError(error.status, error.code, error.message, error.headers)
    if error is None or isinstance(error, asyncio.CancelledError):
        return ended_here()
    return error if isinstance(error, Exception) else LlmoptError(f"the call ended with {error!r}")
