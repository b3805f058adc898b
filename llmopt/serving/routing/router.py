"""`Router`: a request in, a decision out; rules first, then the learned score, then the default."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llmopt.errors import ConfigError
from llmopt.serving.routing.asked import Asked
from llmopt.serving.routing.decision import Decision
from llmopt.serving.routing.policy import Policy, load_policy
from llmopt.serving.routing.rules import first_of, vocabulary_of
from llmopt.serving.routing.score import load_scorer
from llmopt.serving.routing.seen import Seen, seen


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

    def __init__(
        self, policy: Policy | None = None, *, scorer: Scores | None = None, threshold: float | None = None
    ) -> None:
        """Prepare.

        Args:
            policy: None: the one that is shipped.
            scorer: instead of the weights that the policy names; needed only where those are not in a file.
            threshold: for a scorer; it goes before the policy's.

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
        given = settings.threshold if threshold is None else threshold
        self._threshold = self._threshold if given is None else given

    def decide(
        self,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        tenant: str = "",
        tags: Collection[str] = (),
    ) -> Decision:
        """Return where a request goes, and why.

        Args:
            body: decoded, of any of the known shapes.
            headers: of the request; case does not matter in their names.
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
        headers: Mapping[str, str] | None = None,
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
            steps.append(Step(rule.name, rule.route, open_, holds, rule.why(looked)))
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
        raise ConfigError("the policy has no [score]")
    try:
        return load_scorer(settings.weights)
    except ConfigError as error:
        raise ConfigError(f"{policy.source}:{settings.line}: {error.message}", error.hint) from error
