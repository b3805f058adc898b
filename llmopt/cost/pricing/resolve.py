"""Find the provider and model that a logged name means, and say by which rule; never guess in silence.

A name without a provider belongs to the company that makes the model. A reseller answers only when it was named,
or when every reseller of that exact name charges the same. Anything else stays unresolved, so that it is listed
as unpriced with a suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from llmopt.cost.pricing import names
from llmopt.cost.pricing.index import Index
from llmopt.cost.pricing.load import Catalogue
from llmopt.cost.pricing.names import CLOSED, FIRST_PARTIES, FORWARDERS, PROVIDERS, SELF_HOSTED, Name
from llmopt.errors import ConfigError

LONGEST_NAME = 512
"""A longer text is no model name."""
_MOST_KEPT = 20_000
"""Names of which the meaning is kept; anybody may make up new ones."""

_OWN: dict[str, re.Pattern[str]] = {
    "openai": re.compile(r"(?!gpt-oss)"),
    "google": re.compile(r"gemini"),
    "perplexity": re.compile(r"(perplexity/)?(sonar|pplx|r1-1776)"),
    "aws": re.compile(r"((us-gov|us|eu|apac|ap|jp|au|ca|sa|in|me|af|global)\.)?[a-z0-9]+\.[a-z]"),
}
"""First parties that resell as well, or whose open models others host: how the names begin that are theirs alone."""
_RESOLD = {"aws": ("anthropic",)}
"""Resellers at list price, beyond what the price files say (`resells`). Source: https://aws.amazon.com/bedrock/pricing/"""


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The model that a logged name means."""

    provider: str
    model: str
    """The provider's own id, as in its price file."""
    rule: str
    """`exact`, `alias`, `date suffix`, `prefix`, `match rule`, `deployment`, `azure -> openai`; several with commas."""


SamePrice = Callable[[ResolvedModel, ResolvedModel], bool]


class Resolver:
    """Resolve names against one catalogue; answers are kept."""

    __slots__ = ("_cache", "_catalogue", "_deployments", "_indexes", "_same_price")

    def __init__(self, catalogue: Catalogue, deployments: Mapping[str, str], same_price: SamePrice) -> None:
        """Take the price data, the user's deployment names, and how to tell that two models cost the same.

        Raises:
            ConfigError: a deployment stands for a model that nothing is known of.
        """
        self._catalogue = catalogue
        self._same_price = same_price
        self._indexes: dict[str, Index] = {}
        self._cache: dict[tuple[str, str | None], ResolvedModel | None] = {}
        self._deployments: dict[str, ResolvedModel] = {}
        for deployment, target in deployments.items():
            found = self.resolve(target)
            if found is None:
                raise ConfigError(f"deployment {deployment!r}: no price for model {target!r}", self._hint(target))
            self._deployments[deployment.lower()] = replace(found, rule="deployment")
        self._cache.clear()

    def resolve(self, model: str, provider: str | None = None) -> ResolvedModel | None:
        """Return what `model`, logged with the provider's name `provider`, means; None when that is not known."""
        key = (model, provider)
        if key not in self._cache:
            if len(model) > LONGEST_NAME:
                return None
            if len(self._cache) >= _MOST_KEPT:
                self._cache.clear()
            self._cache[key] = self._resolve(model.strip().lower(), provider)
        return self._cache[key]

    def suggest(self, model: str) -> str | None:
        """Return a known model with a name like `model`; None when there is none."""
        text = list(names.unwrap(model.strip().lower()))[-1].text[:80]
        for providers in (self._bare_providers(), self._catalogue.providers):
            known = {name: None for provider in providers for name in self._index(provider).known_names()}
            known = {name: None for name in known if name[-1:].isalnum()}
            begins = [name for name in known if len(name) > 3 and text.startswith(name)]
            close = [max(begins, key=len)] if begins else get_close_matches(text, known, n=1, cutoff=0.6)
            if close:
                return close[0]
        return None

    def names_of(self, provider: str, model: str) -> set[str]:
        """Return every name, in lower case, under which a log may hold `model`: fragments, not patterns."""
        data = self._catalogue.providers[provider].models[model].data
        found = {model.lower()}
        for one in data:
            found.update(text.lower() for text in (*one.aliases, *one.starts_with, *one.contains, *one.ends_with))
        found.update(
            deployment
            for deployment, resolved in self._deployments.items()
            if (resolved.provider, resolved.model) == (provider, model)
        )
        return found

    def _hint(self, target: str) -> str:
        close = self.suggest(target)
        return f"did you mean {close!r}?" if close else "llmopt prices list shows the known models"

    def _index(self, provider: str) -> Index:
        if provider not in self._indexes:
            self._indexes[provider] = Index(self._catalogue.providers[provider])
        return self._indexes[provider]

    def _resolve(self, text: str, hint: str | None) -> ResolvedModel | None:
        if not text or len(text) > LONGEST_NAME:
            return None
        if text in self._deployments:
            return self._deployments[text]
        asked = names.normal(hint or "")
        if asked in SELF_HOSTED or names.normal(text.partition("/")[0]) in SELF_HOSTED:
            return None
        if not asked or asked in FORWARDERS:
            return self._bare(text)
        known = asked in PROVIDERS or self._owner(asked)
        if not known:
            return self._unknown_provider(text, hint or "")
        return self._at_hint(text, PROVIDERS.get(asked) or self._owner(asked))

    def _owner(self, asked: str) -> str | None:
        """Return the provider whose id is `asked`, spelled with `_` for `-`."""
        return next((one for one in self._catalogue.providers if names.normal(one) == asked), None)

    def _at_hint(self, text: str, provider: str | None) -> ResolvedModel | None:
        """Look a name up at the provider that the log names; its prefix may say more."""
        if provider is None or provider not in self._catalogue.providers:
            return None
        for name in names.unwrap(text):
            prefixed = name.provider is not None
            found = self._at(provider, name.text, prefixed)
            if found is None and prefixed and name.provider != provider and provider in FIRST_PARTIES:
                found = self._at(name.provider, name.text, prefixed)
            if found:
                return found
        return None

    def _at(self, provider: str | None, text: str, prefixed: bool) -> ResolvedModel | None:
        """Look a name up at one provider, then at those whose models it resells."""
        if provider is None or provider not in self._catalogue.providers:
            return None
        index = self._index(provider)
        for form in self._forms(provider, text):
            found = index.find(form)
            if found and not (names.is_global(text) and found[0].startswith("regional.")):
                return _resolved(provider, found, prefixed or form != text)
        for owner in (*self._catalogue.providers[provider].resells, *_RESOLD.get(provider, ())):
            for form in self._forms(provider, text):
                found = self._index(owner).find(form) if owner in self._catalogue.providers else None
                if found:
                    resolved = _resolved(owner, found, prefixed=False)
                    kind = "" if resolved.rule == "exact" else f", {resolved.rule}"
                    return replace(resolved, rule=f"{provider} -> {owner}{kind}")
        return None

    @staticmethod
    def _forms(provider: str, text: str) -> Iterator[str]:
        yield text
        if provider == "aws":
            yield from names.bedrock_forms(text)

    def _bare_providers(self) -> list[str]:
        known = self._catalogue.providers
        return [*self._catalogue.own, *(one for one in FIRST_PARTIES if one in known)]

    def _bare(self, text: str) -> ResolvedModel | None:
        """Resolve a name that comes without a provider."""
        for name in names.unwrap(text):
            found = self._at(name.provider, name.text, prefixed=True) if name.provider else self._first_party(name)
            if found:
                return found
        return self._only_resold(text)

    def _first_party(self, name: Name) -> ResolvedModel | None:
        head = PROVIDERS.get(names.normal(name.text.partition("/")[0])) if "/" in name.text else None
        for provider in self._bare_providers():
            own = _OWN.get(provider)
            if (head is None or head == provider) and (own is None or own.match(name.text)):
                found = self._at(provider, name.text, prefixed=False)
                if found:
                    return found
        return None

    def _only_resold(self, text: str) -> ResolvedModel | None:
        """Resolve a name that only resellers know, if all that sell the model charge the same."""
        tail = text.rpartition("/")[2]
        spelled, sold = [], []
        for provider in self._catalogue.providers:
            hit, same_tail = self._index(provider).named(text), self._index(provider).ending(tail)
            if hit:
                spelled.append(ResolvedModel(provider, *hit))
            if same_tail:
                sold.append(ResolvedModel(provider, same_tail, "exact"))
        if spelled and all(self._same_price(spelled[0], other) for other in (*spelled[1:], *sold)):
            return spelled[0]
        return None

    def _unknown_provider(self, text: str, hint: str) -> ResolvedModel | None:
        """Resolve a name logged with a provider that is not known: only if nobody else may host the model."""
        for provider in CLOSED:
            own = _OWN.get(provider)
            if provider in self._catalogue.providers and (own is None or own.match(text)):
                found = self._at(provider, text, prefixed=False)
                if found:
                    return replace(found, rule=f"{found.rule}, provider {names.quoted(hint)} not known")
        return None


def _resolved(provider: str, found: tuple[str, str], prefixed: bool) -> ResolvedModel:
    model, rule = found
    if prefixed:
        rule = "prefix" if rule == "exact" else f"prefix, {rule}"
    return ResolvedModel(provider, model, rule)
