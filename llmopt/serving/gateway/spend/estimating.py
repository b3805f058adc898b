"""What a request may cost at most, about: known before it is sent, so that a cap holds for many at once."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Protocol
from urllib.parse import unquote

from llmopt.core.usage import Usage
from llmopt.cost.pricing.resolve import LONGEST_NAME
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.metering.free import asks_no_model
from llmopt.serving.gateway.spend.caps import pico
from llmopt.serving.gateway.spend.spending import Estimate
from llmopt.serving.gateway.values import Api

_BYTES_PER_TOKEN = 4
_OUTPUT_TOKENS = 1024
"""Of a request that says nothing of it."""
_MOST_TOKENS = 10_000_000
_USUAL_TOKENS = 1000
_MODELS = 4096
"""Whose rates are kept at hand."""
_PATH = re.compile(r"/(?:models|model|deployments)/([^/:]+)")
"""Google's paths, Amazon's and Azure's."""
_ASKED = ("max_completion_tokens", "max_output_tokens", "max_tokens")


class Prices(Protocol):
    """Knows what tokens cost."""

    def cost_usd(
        self, model: str, usage: Usage, *, upstream: str = "", tier: str = "default", at_s: float | None = None
    ) -> Decimal | None:
        """Return what one call costs; None where there is no price."""
        ...


def estimate_by(prices: Prices) -> Estimate:
    """Return what estimates requests: a token for four bytes of the request, and all the output that it asks for."""
    known: dict[str, tuple[int, int]] = {}

    def estimate(call: Call) -> int:
        if asks_no_model(call.metered):
            return 0
        model = call.model or _model_in_path(call.incoming.path)
        rates = known.get(model)
        if rates is None:
            if len(model) > LONGEST_NAME:
                return 0
            if len(known) >= _MODELS:
                known.clear()
            rates = known[model] = _rates(prices, model)
        return len(call.incoming.body) // _BYTES_PER_TOKEN * rates[0] + _output(call) * rates[1]

    return estimate


def _model_in_path(path: str) -> str:
    """Return the model that a path names; empty where it names none."""
    found = _PATH.search(path)
    return unquote(found[1]) if found else ""


def _rates(prices: Prices, model: str) -> tuple[int, int]:
    """Return what a token in and a token out cost in 1e-12 USD, in requests of a usual length; 0: nobody knows."""
    if not model:
        return 0, 0
    usages = (Usage(input_uncached=_USUAL_TOKENS), Usage(output_text=_USUAL_TOKENS))
    costs = (prices.cost_usd(model, usage) or Decimal(0) for usage in usages)
    of_input, of_output = (pico(cost) // _USUAL_TOKENS for cost in costs)
    return of_input, of_output


def _output(call: Call) -> int:
    """Return the tokens of output that a request asks for, at most."""
    if call.api is Api.EMBEDDINGS:
        return 0
    asked = next((count for name in _ASKED if (count := _count(call.body.get(name)))), _OUTPUT_TOKENS)
    return min(asked * (_count(call.body.get("n")) or 1), _MOST_TOKENS)


def _count(value: object) -> int:
    """Return a count above 0; 0 where it is none."""
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0
