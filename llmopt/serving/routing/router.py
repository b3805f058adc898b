"""`Router`: a request in, a decision out; rules first, then the learned score, then the default."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from llmopt.errors import ConfigError
from llmopt.serving.routing.asked import Asked
from llmopt.serving.routing.policy import Policy, load_policy
from llmopt.serving.routing.rules import first_of, vocabulary_of
from llmopt.serving.routing.score import load_scorer
from llmopt.serving.routing.seen import Headers, Seen, seen

HEADER = "x-llmopt-route"
"""Name of the header that carries `Decision.header`."""
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")
_PLAIN = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request goes."""

    route: str
    """Name of the route in the policy."""
    model: str
    """That the route leads to."""
    rule: str
    """Name of the rule that decided; `score` or `default` where none did."""
    score: float | None
    """Probability that the cheap model will not do, from 0 to 1; None where no score was asked for."""
    why: str
    """In words. It holds nothing of the request but figures, so that it may be logged."""

    @property
    def header(self) -> str:
        """The value of `x-llmopt-route`: the route, and model, rule, score and reason as its parameters.

        It is an item of a structured field (RFC 9651): printable ASCII whatever the names in the policy are.
        """
        parameters = [("model", self.model), ("rule", self.rule), ("why", self.why)]
        said = "".join(f";{name}={_string(value)}" for name, value in parameters if value)
        scored = "" if self.score is None else f";score={self.score:.3f}"
        return f"{self.route if _TOKEN.fullmatch(self.route) else _string(self.route)}{said}{scored}"


@lru_cache(maxsize=1024)
def _string(text: str) -> str:
    """Return a text as a String, or as a Display String where it is not plain ASCII (RFC 9651, 3.3.3 and 3.3.8)."""
    if _PLAIN.fullmatch(text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    encoded = text.encode("utf-8", "replace")
    return (
        '%"'
        + "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'%"' else f"%{byte:02x}" for byte in encoded)
        + '"'
    )


class Scores(Protocol):
    """Tells how likely it is that the cheap model will not do (`llmopt.serving.routing.score.Scorer`)."""

    def score(self, text: str, *, context_chars: int = 0, turns: int = 1, tools: int = 0) -> float:
        """Return from 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one rule, of the score or of the default."""

    name: str
    route: str
    reached: bool
    """Whether the decision got as far as this; what stands after the one that decided is looked at all the same."""
    holds: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with every rule that led to it."""

    decision: Decision
    steps: tuple[Step, ...]
    """In the order of the policy."""
    question_tokens: int
    """Estimated."""
    tokens: int
    """Estimated, of the whole request."""
    language: str
    """ISO 639-1 code; empty where it is not clear."""
    fallbacks: tuple[str, ...]
    """Routes that are next when the chosen one fails."""
    cascade: tuple[str, ...]
    """Routes of the policy's cascade; empty where there is none."""


class Router:
    """Decides by a policy; holds nothing that changes, so threads may share it."""

    def __init__(self, policy: Policy | None = None, *, scorer: Scores | None = None) -> None:
        """Prepare.

        Args:
            policy: None: the one that is shipped.
            scorer: instead of the weights that the policy names; needed only where those are not in a file.

        Raises:
            ConfigError: the weights that the policy names are missing, damaged or of another version.
        """
        self.policy = load_policy() if policy is None else policy
        self._vocabulary = vocabulary_of(self.policy.rules)
        self._scorer: Scores | None = None
        self._threshold = 0.5
        settings = self.policy.score
        if settings is None:
            return
        if scorer is None:
            loaded = _loaded(self.policy)
            self._scorer, self._threshold = loaded, loaded.weights.threshold
        else:
            self._scorer = scorer
        if settings.threshold is not None:
            self._threshold = settings.threshold

    def decide(
        self,
        body: Mapping[str, Any],
        *,
        headers: Headers | None = None,
        tenant: str = "",
        tags: Collection[str] = (),
    ) -> Decision:
        """Return where a request goes, and why.

        Args:
            body: decoded, of any of the known shapes.
            headers: of the request, as a mapping or as pairs; case does not matter in their names.
            tenant: whose request it is.
            tags: labels that the caller gives it.
        """
        looked = seen(body, headers, tenant, tags, self._vocabulary)
        rule = first_of(self.policy.rules, looked)
        if rule is not None:
            return self._decided(rule.route, rule.name, None, rule.why(looked))
        return self._unruled(looked)

    def explain(
        self,
        body: Mapping[str, Any],
        *,
        headers: Headers | None = None,
        tenant: str = "",
        tags: Collection[str] = (),
    ) -> Explanation:
        """Return the decision, and what every rule makes of the request."""
        looked = seen(body, headers, tenant, tags, self._vocabulary)
        decision = self.decide(body, headers=headers, tenant=tenant, tags=tags)
        steps: list[Step] = []
        open_ = True
        for rule in self.policy.rules:
            holds = rule.holds(looked)
            why = rule.why(looked) if holds else rule.why_not(looked)
            steps.append(Step(rule.name, rule.route, open_, holds, why))
            open_ = open_ and not holds
        last = self._unruled(looked)
        steps.append(Step(last.rule, last.route, open_, holds=True, why=last.why if open_ or last.score else ""))
        return Explanation(
            decision,
            tuple(steps),
            looked.tokens("question"),
            looked.tokens("all"),
            looked.language("question"),
            tuple(self.policy.fallback.chains.get(decision.route, ())),
            self.policy.cascade.routes if self.policy.cascade else (),
        )

    def _unruled(self, looked: Seen) -> Decision:
        """Return the decision where no rule holds."""
        settings = self.policy.score
        if settings is None or self._scorer is None:
            return self._decided(self.policy.default, "default", None, "no rule holds")
        asked: Asked = looked.asked
        score = self._scorer.score(asked.text, context_chars=asked.context_chars, turns=asked.turns, tools=asked.tools)
        below = score < self._threshold
        why = f"score {score:.3f} {'<' if below else '>='} {self._threshold:.3f}"
        return self._decided(settings.below if below else settings.above, "score", score, why)

    def _decided(self, route: str, rule: str, score: float | None, why: str) -> Decision:
        return Decision(route, self.policy.routes[route].model, rule, score, why)


def _loaded(policy: Policy) -> Any:
    settings = policy.score
    if settings is None:
        raise ConfigError("the policy has no [score]", "`llmopt route train` writes one")
    try:
        return load_scorer(settings.weights)
    except ConfigError as error:
        raise ConfigError(f"{policy.source}:{settings.line}: {error.message}", error.hint) from error
