"""What may be looked up, what may be kept, and for how long.

Source: RFC 9111 (HTTP Caching), 5.2.1 and 5.2.2, for `Cache-Control`. Whether an answer is whole, `wholeness` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from llmopt.serving.cache.entry import Entry, Reply
from llmopt.serving.cache.refused import Refused
from llmopt.serving.cache.request import CacheRequest, reads_more
from llmopt.serving.cache.wholeness import why_not_whole

__all__ = [
    "NO_DIRECTIVES",
    "Directives",
    "Refused",
    "directives",
    "lifetime_s",
    "serves",
    "why_not_asked_of_store",
    "why_not_kept",
]
_PART = re.compile(r'([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?')
_FOREVER_S = 2.0**31
"""What RFC 9111, 1.2.2, takes a larger number of seconds for."""


@dataclass(frozen=True, slots=True)
class Directives:
    """What a `Cache-Control` header asks for."""

    no_store: bool = False
    """Keep nothing (a request: and look nothing up)."""
    no_cache: bool = False
    """A request: ask the model, and keep the new answer; an answer: not to be used again without asking."""
    only_if_cached: bool = False
    """A request: do not ask the model."""
    private: bool = False
    """An answer: for one caller only."""
    max_age_s: float | None = None
    """A request: no older answer; an answer: keep it no longer."""
    shared_max_age_s: float | None = None
    """An answer: what holds for a cache that serves many, in place of `max_age_s`; nothing in a request."""
    min_fresh_s: float = 0.0
    """A request: an answer that stays good for so long."""


NO_DIRECTIVES = Directives()
"""Of an empty header."""


def directives(header: str) -> Directives:
    """Read a `Cache-Control` header; what nobody knows is passed over, and a time that is none counts as 0."""
    return _read(header) if header else NO_DIRECTIVES


def why_not_asked_of_store(request: CacheRequest, *, cache_sampled: bool = False) -> Refused | None:
    """Return why a request bypasses the cache: neither looked up nor kept nor shared; None: it does not.

    Args:
        request: what is asked.
        cache_sampled: whether requests that sample are answered from the cache, too.
    """
    if request.cache_control and directives(request.cache_control).no_store:
        return Refused.NO_STORE
    if request.deterministic:
        return None
    if reads_more(request.body):
        return Refused.STATEFUL
    return None if cache_sampled else Refused.SAMPLED


def why_not_kept(request: CacheRequest, reply: Reply) -> Refused | None:
    """Return why an answer is not kept; None: it is whole, and nobody minds.

    Args:
        request: what was asked; `why_not_asked_of_store` has its own say.
        reply: what was answered.
    """
    if not 200 <= reply.status < 300:
        return Refused.STATUS
    said = directives(reply.cache_control)
    if said.no_store or said.private or said.no_cache or directives(request.cache_control).no_store:
        return Refused.NO_STORE
    if _longest_s(said) == 0:
        return Refused.EXPIRED
    # 202: accepted, and to be done later; 206: a part.
    if not reply.complete or reply.status in (202, 206):
        return Refused.INCOMPLETE
    return why_not_whole(reply.body)


def lifetime_s(reply: Reply, ttl_s: float, *, jitter: float = 0.0, chance: float = 0.0) -> float:
    """Return for how long to keep an answer.

    Args:
        reply: its `Cache-Control` can only shorten the time.
        ttl_s: time to live of the cache, in seconds.
        jitter: largest share of it that is taken off, so that what was stored together does not expire together.
        chance: random number of [0, 1).
    """
    jittered_s = ttl_s * (1.0 - jitter * chance)
    longest_s = _longest_s(directives(reply.cache_control))
    return jittered_s if longest_s is None else min(jittered_s, longest_s)


def serves(entry: Entry, asked: Directives, now_s: float) -> bool:
    """Return whether an entry may answer a request with these directives at `now_s` (Unix time)."""
    if now_s >= entry.expires_at_s:
        return False
    if asked is NO_DIRECTIVES:
        return True
    if asked.no_store or asked.no_cache or now_s + asked.min_fresh_s > entry.expires_at_s:
        return False
    # max-age=0 asks for a new answer, also on a clock too coarse to tell the old one's age from 0.
    return asked.max_age_s is None or (asked.max_age_s > 0 and now_s - entry.stored_at_s <= asked.max_age_s)


@lru_cache(maxsize=256)
def _read(header: str) -> Directives:
    found: dict[str, str] = {}
    for name, quoted, bare in _PART.findall(header):
        found.setdefault(name.lower(), quoted or bare)  # RFC 9111, 4.2.1: the first of two, or the stricter
    return Directives(
        no_store="no-store" in found,
        no_cache="no-cache" in found,
        only_if_cached="only-if-cached" in found,
        private="private" in found,
        max_age_s=_seconds(found.get("max-age")),
        shared_max_age_s=_seconds(found.get("s-maxage")),
        min_fresh_s=_seconds(found.get("min-fresh")) or 0.0,
    )


def _longest_s(said: Directives) -> float | None:
    """Return for how long an answer may be kept: `s-maxage` comes before `max-age` (RFC 9111, 5.2.2.10)."""
    return said.max_age_s if said.shared_max_age_s is None else said.shared_max_age_s


def _seconds(text: str | None) -> float | None:
    """Read a number of seconds; what is none is stale at once (RFC 9111, 4.2.1)."""
    if text is None:
        return None
    return min(float(text), _FOREVER_S) if text.isascii() and text.isdigit() else 0.0
