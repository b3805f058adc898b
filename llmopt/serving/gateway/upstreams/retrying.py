"""When an upstream is asked again, and after which wait.

Waits have full jitter (a random part of a limit that doubles), so that clients who failed together do not come back
together. What the server says is kept: `retry-after`, `retry-after-ms`, and `x-should-retry: false` of OpenAI's. A
time-out is never tried again at the same server: that may still be at work, and bill for it.
"""

from __future__ import annotations

from llmopt.serving.gateway.config.settings import Retries
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.held import HeldReply
from llmopt.serving.routing.failures import Failure, Kind

RETRIED = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone the next time."""
_BROKEN = (Kind.CONNECTION.value, Kind.SERVER.value)
_UNPAID = b"insufficient_quota"
"""OpenAI sends it with 429; it does not go by waiting."""


def wait_s(failed: HeldReply | UpstreamError, again: int, retries: Retries, chance: float) -> float | None:
    """Return how long to wait before the same upstream is asked again; None: it is not.

    Args:
        failed: an error as an answer, or none at all.
        again: how often it was asked again already.
        retries: how often, and how long.
        chance: from 0 to 1, at random.
    """
    if again >= retries.most:
        return None
    jitter_s = chance * min(retries.longest_wait_s, retries.first_wait_s * 2.0**again)
    if isinstance(failed, UpstreamError):
        return jitter_s if failed.kind in _BROKEN else None
    if failed.status not in RETRIED or _refused(failed):
        return None
    failure = failed.failure
    least_s = (failure.retry_after_s if failure else None) or 0.0
    if least_s > retries.longest_wait_s:
        return None
    return jitter_s if not least_s else least_s + chance * retries.first_wait_s


def failure_in(failed: HeldReply | UpstreamError) -> Failure | None:
    """Return what failed, as a chain of fallbacks sees it; None for an answer."""
    return Failure(Kind(failed.kind)) if isinstance(failed, UpstreamError) else failed.failure


def _refused(failed: HeldReply) -> bool:
    """Return whether the server says that asking again is of no use."""
    told = any(name == b"x-should-retry" and value.strip().lower() == b"false" for name, value in failed.headers)
    return told or (failed.status == 429 and _UNPAID in failed.body)
