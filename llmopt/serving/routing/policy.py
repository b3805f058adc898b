"""A routing policy: routes, ordered rules, a learned score, a default, fallbacks and a cascade; read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llmopt.errors import UsageError
from llmopt.serving.routing.checks import Check
from llmopt.serving.routing.rules import Rule

DEFAULT_POLICY = Path(__file__).with_name("default.toml")
"""The policy that is shipped."""


@dataclass(frozen=True, slots=True)
class Route:
    """A model under the name that rules use."""

    name: str
    model: str
    context_tokens: int | None = None
    """Most tokens that it takes; None where the policy does not say."""
    timeout_s: float | None = None
    """How long one attempt may take; None: as long as there is."""


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """When the learned score decides, and how."""

    weights: Path
    threshold: float | None
    """From 0 to 1; None: the one that the weights recommend."""
    below: str
    """Route of a request that scores less than the threshold."""
    above: str
    """Route of any other one."""
    line: int = 0


@dataclass(frozen=True, slots=True)
class FallbackSettings:
    """Which route is next when one fails."""

    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Route -> the routes to try after it, in order."""
    longer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Route -> the routes to try when a request is too long for it."""
    on: frozenset[str] | None = None
    """Kinds of failure that go on to the next route; None: those that another model may not have."""
    max_wait_s: float = 0.0
    """How long to wait, at most, for a route that says when it will be ready (`Retry-After`), when all have failed."""


@dataclass(frozen=True, slots=True)
class CascadeSettings:
    """Cheap first: which routes in which order, and what an answer has to satisfy."""

    routes: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Where requests go, and why."""

    routes: Mapping[str, Route]
    default: str
    """Route of a request that no rule and no score decides."""
    rules: tuple[Rule, ...] = ()
    score: ScoreSettings | None = None
    fallback: FallbackSettings = FallbackSettings()
    cascade: CascadeSettings | None = None
    source: str = ""
    """File that it was read from; empty where there is none."""

    def with_models(self, **models: str) -> Policy:
        """Return the policy with other models behind its routes, such as `cheap="qwen3-8b"`.

        Raises:
            UsageError: there is no such route.
        """
        for name in models:
            if name not in self.routes:
                raise UsageError(f"the policy has no route {name!r}", f"it has {', '.join(self.routes)}")
        routes = {
            name: replace(route, model=models[name], context_tokens=None) if name in models else route
            for name, route in self.routes.items()
        }
        return replace(self, routes=routes)


def load_policy(path: str | Path | None = None) -> Policy:
    """Read a policy.

    Args:
        path: a TOML file as `docs/routing.md` describes it; None: the policy that is shipped.

    Raises:
        ConfigError: it cannot be read, or something in it makes no sense; names the file and the line.
    """
    from llmopt.serving.routing.reading import read_policy

    return read_policy(DEFAULT_POLICY if path is None else Path(path))
