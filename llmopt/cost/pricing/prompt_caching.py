"""How providers cache prefixes of prompts: the rules in `pricing/prompt-caching.json`, and what may be wrong with them.

What a cached token costs stands in the price rows; here stands what gets cached at all: from which length, in which
steps, for how long, and whether by itself. `docs/pricing.md` describes the fields; each rule names its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import msgspec

from llmopt.cost.pricing.load import default_root
from llmopt.cost.pricing.schema import Confidence
from llmopt.errors import PricingError

FILE = "prompt-caching.json"
_LONGEST_S = 7 * 86_400
_MOST_TOKENS = 65_536


class CachingRule(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename={"effective_from": "from"}
):
    """How prefixes of prompts are cached for some models."""

    id: str
    providers: tuple[str, ...]
    """Sellers, by their ids in the price files."""
    models: tuple[str, ...]
    """Shell patterns (`gpt-4o*`) of model ids in the price files, in any case."""
    minimum_tokens: int
    """A shorter prefix is not cached."""
    increment_tokens: int
    """Beyond the minimum, cached prefixes grow by this many."""
    ttl_s: int
    """How long a prefix is kept after it was used last."""
    kind: Literal["automatic", "explicit"]
    """`explicit`: the caller marks what is to be cached."""
    source: str
    effective_from: date | None = None
    """First UTC day; None: as long as the model has been sold."""
    writes: Literal["input_cache_write_5m"] | None = None
    """Bucket at whose rate what is put into the cache is billed; None: as uncached input."""
    confidence: Confidence = "published"
    note: str = ""

    def covers(self, provider: str, model: str) -> bool:
        """Return whether the rule is about a model of a seller, both as in the price files."""
        low = model.lower()
        return provider in self.providers and any(fnmatchcase(low, pattern.lower()) for pattern in self.models)


class CachingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rules; the first that covers a model and has begun holds."""

    schema: Literal[1]
    checked: date
    rules: tuple[CachingRule, ...]


_DECODER = msgspec.json.Decoder(CachingFile)


def read_caching(path: Path | None = None) -> CachingFile:
    """Read the rules that ship with llmopt, or those of a file.

    Raises:
        PricingError: the file is missing or has the wrong shape.
    """
    file = default_root() / FILE if path is None else path
    try:
        return _DECODER.decode(file.read_bytes())
    except OSError as error:
        raise PricingError(f"{file}: {error.strerror or error}", "check the path") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PricingError(f"{file}: {error}", "docs/pricing.md describes the rules of prompt caching") from error


def rule_at(rules: tuple[CachingRule, ...], provider: str, model: str, day: date | None) -> CachingRule | None:
    """Return the rule that holds for a model on a UTC day (None: today); None where none is known.

    Where several cover the model the first in the file that has begun by then holds.
    """
    for rule in rules:
        begun = rule.effective_from is None or day is None or rule.effective_from <= day
        if begun and rule.covers(provider, model):
            return rule
    return None


def caching_problems(file: CachingFile, models: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    """Yield (id of the rule, what is wrong with it).

    Args:
        file: the rules.
        models: (seller, model id) of everything that has a price.
    """
    seen: set[str] = set()
    reached = {
        rule.id
        for provider, model in models
        for day in (None, *(rule.effective_from for rule in file.rules))
        if (rule := rule_at(file.rules, provider, model, day)) is not None
    }
    for rule in file.rules:
        if rule.id in seen:
            yield rule.id, "the id stands twice"
        seen.add(rule.id)
        if rule.id not in reached:
            yield rule.id, "no model with a price comes to this rule"
        yield from ((rule.id, problem) for problem in _own_problems(rule))


def _own_problems(rule: CachingRule) -> Iterator[str]:
    if not rule.source.startswith("https://"):
        yield "no source"
    if not 0 < rule.ttl_s <= _LONGEST_S:
        yield f"ttl_s is {rule.ttl_s}"
    if not 0 < rule.minimum_tokens <= _MOST_TOKENS:
        yield f"minimum_tokens is {rule.minimum_tokens}"
    if not 0 < rule.increment_tokens <= _MOST_TOKENS:
        yield f"increment_tokens is {rule.increment_tokens}"
