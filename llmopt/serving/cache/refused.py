"""Why the cache has no part in a request, or does not keep its answer: words for counters and logs."""

from __future__ import annotations

from enum import StrEnum


class Refused(StrEnum):
    """Why a request is not looked up, or an answer is not kept."""

    SAMPLED = "sampled"
    """The request samples, and nobody opted in."""
    STATEFUL = "stateful"
    """The answer depends on more than the request: a conversation that a server keeps, the web."""
    NO_STORE = "no-store"
    """`Cache-Control` of the request (`no-store`) or of the answer (`no-store`, `private`, `no-cache`)."""
    STATUS = "status"
    """The answer is no 2xx."""
    INCOMPLETE = "incomplete"
    """The answer did not arrive whole."""
    NOT_JSON = "not-json"
    """The answer is no JSON object."""
    ERROR = "error"
    """The answer holds an error."""
    CUT = "cut"
    """Cut off at a length limit."""
    FILTERED = "filtered"
    """Stopped by a content filter, or refused."""
    UNFINISHED = "unfinished"
    """It says that it is not finished, or gives a reason to be finished that nobody knows."""
    EXPIRED = "expired"
    """Its time is over before it is kept (`max-age=0`)."""
