"""What a load test of an OpenAI-compatible URL found: a point for each arrival rate, and the rate to run at.

A server behind a URL batches by itself, so the question is not how large a batch should be but how many requests a
second it may get. All latencies count from the time when a request was due, not from when it was sent: a stalled
server cannot hide its stall by keeping the client waiting ("coordinated omission", Tene 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from llmopt.core.target import TargetFacts

UrlStatus = Literal["ok", "saturated", "failing", "unfinished", "skipped"]
"""`saturated`: answers came more slowly than requests were due; `failing`: more than one request in a hundred failed;
`unfinished`: the time was up before all requests were sent; `skipped`: it was up before the first."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution of times, in seconds; each is None where the samples do not carry it."""

    p50_s: float | None = None
    p95_s: float | None = None
    """None with fewer than 59 samples."""
    p99_s: float | None = None
    """None with fewer than 299 samples."""
    max_s: float | None = None


@dataclass(frozen=True, slots=True)
class UrlPoint:
    """One arrival rate, held for some time. Rates are of requests unless the name says tokens."""

    rate_per_s: float
    """Offered: requests that were due a second, on average. Arrivals are a Poisson process."""
    status: UrlStatus
    latencies_s: tuple[float, ...] = ()
    """Raw samples, answered requests only: from due to the last token (end to end)."""
    ttfts_s: tuple[float, ...] = ()
    """From due to the first token, of those whose answer had one."""
    tpots_s: tuple[float, ...] = ()
    """Time for each token after the first, of those whose answer had two or more."""
    latency: Quantiles = Quantiles()
    ttft: Quantiles = Quantiles()
    tpot: Quantiles = Quantiles()
    latency_p99_upper_s: float | None = None
    """Upper 95 % bound of the end-to-end p99, failed requests taken as infinitely slow; None with too few samples and
    where failures put it beyond every answer."""
    throughput_per_s: float | None = None
    """Answered requests a second, between the first and the last answer; None with fewer than two."""
    throughput_low: float | None = None
    """Lower end of the 95 % interval; None with too few samples. So is the next."""
    throughput_high: float | None = None
    useful_tokens_per_s: float | None = None
    """Generated tokens of answered requests, a second."""
    failed: tuple[tuple[str, int], ...] = ()
    """Reason -> requests, most frequent first: `HTTP 429`, `timeout`, `no answer in time`, and so on."""
    elapsed_s: float = 0.0
    """From the first request that was due to the last answer."""
    open_most: int = 0
    """Requests that were open at once, at most."""
    late_s: float = 0.0
    """How late the sender was at most; where this is much, the machine of the client is the limit."""
    reason: str = ""
    """Why the status is not `ok`; empty where it is."""

    @property
    def samples(self) -> int:
        """How many requests were answered."""
        return len(self.latencies_s)

    @property
    def failures(self) -> int:
        """How many requests failed, whatever the reason."""
        return sum(count for _, count in self.failed)


@dataclass(frozen=True, slots=True)
class UrlRecommendation:
    """The arrival rate to plan for, and what it costs there."""

    rate_per_s: float
    """With an SLO: the largest measured rate at which it is met; else the smallest one whose throughput reaches 95 % of
    the maximum. Never more than 95 % of the most that was answered a second."""
    reason: str
    """Why this one, in a sentence."""
    throughput_per_s: float
    """Measured at that rate."""
    p50_s: float | None
    """End-to-end latency at that rate; None where only a saturated one was measured. So is the next."""
    p99_upper_s: float | None
    """Upper 95 % bound of its p99; None with too few samples."""
    slo_p99_s: float | None = None
    """What was asked for; None: nothing."""
    usd_per_million: Decimal | None = None
    """Dollars for a million requests at that rate; None without a price an hour. So are the next three."""
    usd_per_million_tokens: Decimal | None = None
    """Generated tokens."""
    user_rate_per_s: float | None = None
    """The rate that the user named; None where there is none."""
    usd_per_million_at_user_rate: Decimal | None = None
    """The same server, at the user's rate: what is idle is paid too; more servers where one does not carry it."""
    devices_at_user_rate: int | None = None
    """How many such servers the user's rate needs."""


@dataclass(frozen=True, slots=True)
class UrlUnmet:
    """No measured rate was shown to meet the SLO, or requests failed at each."""

    slo_p99_s: float | None
    """None: no matter, and more than one request in a hundred failed at each rate."""
    rate_per_s: float
    """The nearest: the rate with the lowest upper bound of the p99, or the lowest rate where none has a bound."""
    p99_upper_s: float | None
    """Its bound; None with too few samples to tell, or too many failures."""
    reason: str
    """What happened and what to do next, in a sentence."""


@dataclass(frozen=True, slots=True)
class UrlSweep:
    """All points of a run, by rising rate, and what follows from them."""

    target: TargetFacts
    """`name` is the URL without credentials, `task` is `url`; the model is in `device_name`."""
    points: tuple[UrlPoint, ...]
    recommended: UrlRecommendation | UrlUnmet | None
    """None where no request was answered."""
    prompt_tokens: tuple[int, ...]
    """Lengths that prompts had (o200k tokens); each request drew one of them."""
    new_tokens: int
    """Tokens that each request asked for."""
    seed: int
    """Of the arrivals and the prompts."""
    elapsed_s: float
    held: bool = False
    """Whether the user named the rates; else they were searched for."""
    warnings: tuple[str, ...] = ()
    """One line each, with the next step."""
