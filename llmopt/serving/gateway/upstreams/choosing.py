"""Which upstream answers a model: the one that names it, one whose pattern fits, or one that takes the rest."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.values import Upstream
from llmopt.serving.routing.policy import Policy

_LONGEST_TOLD = 100
"""Characters of a model's name that an error shows."""


class Choice:
    """Knows who answers which models.

    Args:
        upstreams: in order; the first one that fits is taken.

    Raises:
        UsageError: there is none, or two have one name.
    """

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        if not upstreams:
            raise UsageError("a gateway without an upstream answers nothing", "name one with --upstream URL")
        names = [upstream.name for upstream in upstreams]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"two upstreams are called '{twice}'", "give each its own name")
        self.upstreams = tuple(upstreams)
        self._rest = next((each for each in upstreams if not each.models), None)
        self._named = {model: each for each in reversed(upstreams) for model in each.models}

    def of(self, model: str) -> Upstream:
        """Return the upstream for a model; for a request without one, the one that takes the rest, or the first.

        Raises:
            GatewayError: nobody answers that model.
        """
        if model in self._named:
            return self._named[model]
        if not model:
            return self._rest or self.upstreams[0]
        found = next((each for each in self.upstreams if each.models and fits(model, each.models)), self._rest)
        if found is None:
            told = repr(model[:_LONGEST_TOLD])
            raise GatewayError(
                404, "model_not_found", f"no upstream answers the model {told}: GET /v1/models lists some"
            )
        return found

    def check(self, policy: Policy) -> None:
        """Make sure that somebody answers each model of a policy: a fallback should not be missed when it is needed.

        Raises:
            ConfigError: nobody answers one.
        """
        for route in policy.routes.values():
            try:
                self.of(route.model)
            except GatewayError as error:
                place = f"{policy.source}: " if policy.source else ""
                told = f"{place}route '{route.name}' leads to '{route.model}', which no upstream answers"
                raise ConfigError(told, "add the model to the `models` of an upstream") from error


def fits(model: str, patterns: Sequence[str]) -> bool:
    """Return whether a model is one of some names or patterns (`gpt-*`); case counts."""
    return any(model == pattern or fnmatchcase(model, pattern) for pattern in patterns)
