"""Which rule of prompt caching holds for calls of a kind: the data of `pricing/`, by seller, model and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from llmopt.cost.call_columns import Kind
from llmopt.cost.pricing.prompt_caching import CachingRule, read_caching, rule_at


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """How one provider caches prefixes of prompts for some of its models."""

    id: str
    """Stable name, such as `openai/1024`."""
    minimum_tokens: int
    """A shorter prefix is not cached."""
    increment_tokens: int
    """Beyond the minimum, cached prefixes grow by this many."""
    ttl_us: int
    """How long a prefix is kept after it was used last."""
    automatic: bool
    """False: only what the caller marks (a breakpoint) is cached."""
    writes_charged: bool
    """Whether what is put into the cache costs the rate of `input_cache_write_5m`."""
    confidence: str = "published"
    """`published`, `reported` or `derived`: how sure the rule is."""

    def kept_us(self, asked_us: int | None) -> int:
        """Return how long a prefix is kept.

        Where writes are charged, a longer life is bought at a higher rate of writes, which the rule does not know: then
        its own time is the most.

        Args:
            asked_us: by the plan; None: nothing.
        """
        if asked_us is None:
            return self.ttl_us
        return min(asked_us, self.ttl_us) if self.writes_charged else asked_us

    def tokens(self, of_bytes: int, all_bytes: int, total: int) -> int:
        """Return how many tokens of a prompt a cache holds that has its first bytes.

        Args:
            of_bytes: of the prefix.
            all_bytes: of the prompt.
            total: tokens of the prompt.
        """
        found = total * of_bytes // all_bytes if all_bytes else 0
        if found < self.minimum_tokens:
            return 0
        return found - (found - self.minimum_tokens) % self.increment_tokens


class PrefixRules:
    """The rules in `pricing/`; answers are kept."""

    __slots__ = ("_data", "_found")

    def __init__(self, data: tuple[CachingRule, ...]) -> None:
        self._data = data
        self._found: dict[tuple[str, str, date | None], PrefixRule | None] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> PrefixRules:
        """Read the rules that ship with llmopt, or those of a file.

        Raises:
            PricingError: the file is missing or wrong.
        """
        return cls(read_caching(path).rules)

    def of(self, kind: Kind) -> PrefixRule | None:
        """Return the rule for calls of a kind (by its price: seller, model, day); None where none is known."""
        if kind.price is None:
            return None
        key = (kind.price.provider, kind.price.model, kind.epoch)
        if key not in self._found:
            rule = rule_at(self._data, *key)
            self._found[key] = None if rule is None else _as_prefix_rule(rule)
        return self._found[key]


def _as_prefix_rule(rule: CachingRule) -> PrefixRule:
    return PrefixRule(
        id=rule.id,
        minimum_tokens=rule.minimum_tokens,
        increment_tokens=rule.increment_tokens,
        ttl_us=rule.ttl_s * 1_000_000,
        automatic=rule.kind == "automatic",
        writes_charged=rule.writes is not None,
        confidence=rule.confidence,
    )
