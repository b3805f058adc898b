"""Look a model name up among the models of one provider.

Price data says which names a model answers to by `equals`, `starts_with`, `contains`. Taken literally the last
two are guesses: `gpt-4o-mini` would answer for `gpt-4o-mini-ultra`. Here such a literal only counts when what
lies around it is a date, a version mark or a preview mark; everything else is another model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from llmopt.cost.pricing import names
from llmopt.cost.pricing.load import Model, Provider
from llmopt.errors import PricingError

_FINE_TUNED = re.compile(r"^ft:|\.ft-")
_FINE_TUNE_REST = re.compile(r"^[\d-]*(?::[\w.-]*)*$|^[\w-]+$")


class Index:
    """The names of one provider's models, in lower case."""

    __slots__ = ("_exact", "_fine_tunes", "_partial", "_patterns", "_stems", "_tails")

    def __init__(self, provider: Provider) -> None:
        self._exact: dict[str, tuple[str, str]] = {}
        self._stems: dict[str, str] = {}
        self._partial: list[tuple[str, str]] = []
        self._fine_tunes: list[tuple[str, str]] = []
        self._patterns: list[tuple[str, str]] = []
        for model in provider.models.values():
            self._add(model)
        for model_id in provider.models:
            self._exact[model_id.lower()] = (model_id, "exact")
        self._tails = {name.rpartition("/")[2]: model_id for name, (model_id, _) in self._exact.items()}

    def _add(self, model: Model) -> None:
        fine_tune = bool(_FINE_TUNED.search(model.id))
        for data in model.data:
            for alias in data.aliases:
                self._exact.setdefault(alias.lower(), (model.id, "alias"))
            for stem in (*data.starts_with, *data.contains, *data.ends_with):
                low = stem.lower()
                if fine_tune:
                    self._fine_tunes.append((low, model.id))
                elif not _FINE_TUNED.search(low):
                    self._stems.setdefault(low, model.id)
                    self._partial.append((low, model.id))
            self._patterns += [(pattern, model.id) for pattern in data.regex if _anchored(pattern)]

    def known_names(self) -> Iterator[str]:
        """Yield every id, alias and stem, in lower case."""
        yield from self._exact
        yield from self._stems
        yield from (stem for stem, _ in self._fine_tunes)

    def named(self, text: str) -> tuple[str, str] | None:
        """Return (model id, `exact` or `alias`) of a name that the price data spells out."""
        return self._exact.get(text)

    def ending(self, tail: str) -> str | None:
        """Return the id of a model whose name, without any `vendor/`, is `tail`."""
        return self._tails.get(tail)

    def find(self, text: str) -> tuple[str, str] | None:
        """Return (model id, rule) of the model that `text` (lower case) names; None when there is none."""
        found = self._exact.get(text)
        if found:
            return found
        if _FINE_TUNED.search(text):
            return self._fine_tune(text)
        if text in self._stems:
            return self._stems[text], "alias"
        for pattern, model_id in self._patterns:
            if _compiled(pattern).search(text):
                return model_id, "match rule"
        return self._dated(text) or self._preview(text)

    def _dated(self, text: str) -> tuple[str, str] | None:
        base = text
        for base in names.undated(text):
            if base in self._exact:
                return self._exact[base][0], "date suffix"
            if base in self._stems:
                return self._stems[base], "date suffix"
        if base == text:
            return None
        cut = [(stem, model_id) for stem, model_id in self._partial if len(base) <= len(stem) and text.startswith(stem)]
        return (max(cut)[1], "date suffix") if cut else None

    def _preview(self, text: str) -> tuple[str, str] | None:
        base = names.unpreviewed(text)
        return (self._stems[base], "match rule") if base in self._stems else None

    def _fine_tune(self, text: str) -> tuple[str, str] | None:
        """Match a fine-tuned model against fine-tune prices only: its base model costs less."""
        found = [
            (stem, model_id)
            for stem, model_id in self._fine_tunes
            if text.startswith(stem) and _FINE_TUNE_REST.match(text[len(stem) :])
        ]
        return (max(found, key=lambda one: len(one[0]))[1], "match rule") if found else None


def _anchored(pattern: str) -> bool:
    """Return whether a regular expression describes whole names, so that it cannot match a longer one."""
    return pattern.startswith("^") and pattern.endswith("$") and "(?!" not in pattern


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.ASCII | re.IGNORECASE)
    except re.error as error:
        raise PricingError(f"{pattern!r} in a price file is no regular expression: {error}", "mend the pattern, then run `llmopt prices check`") from error
