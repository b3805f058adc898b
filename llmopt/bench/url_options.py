"""What a load test of a URL is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from llmopt.errors import UsageError


@dataclass(frozen=True, slots=True)
class UrlOptions:
    """A server, what to send it, and for how long."""

    url: str
    """With or without `/v1`."""
    model: str | None = None
    """None: the first that the server lists."""
    api_key_env: str | None = None
    """Name of the environment variable with the key; None: OPENAI_API_KEY where that is set."""
    new_tokens: int = 64
    """To generate at most for each request."""
    rates: tuple[float, ...] | None = None
    """Arrival rates to hold, requests a second; None: found."""
    slo_p99_s: float | None = None
    """What the end-to-end p99 should be at most; None: no matter."""
    min_samples: int = 30
    """Requests at each rate; with an SLO 299 where it is decided, since fewer say nothing of a p99."""
    max_time_s: float = 300.0
    """For the whole run."""
    timeout_s: float = 60.0
    """For one request, from the time when it is due."""
    price_per_hour: Decimal | None = None
    """Dollars, of the whole server; None: not known."""
    user_rate_per_s: float | None = None
    """The user's own rate of requests; None: not known."""
    seed: int = 0
    """Of arrivals and prompts."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name in ("new_tokens", "min_samples"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; at least 1 is needed")
        for name in ("slo_p99_s", "max_time_s", "timeout_s", "user_rate_per_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} is {value}; a number above 0 is needed")
        if self.rates is not None and not (self.rates and all(0 < rate < math.inf for rate in self.rates)):
            raise UsageError("a rate is a number of requests a second above 0", "such as 5")
