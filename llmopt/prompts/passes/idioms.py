"""Words that look like quantifiers and quantify nothing, such as the `any` of `if any`."""

from __future__ import annotations

import functools
import unicodedata

from llmopt.prompts.facts import facts
from llmopt.prompts.rewriting.lookup import PhraseIndex
from llmopt.prompts.rewriting.tables import table


def idle_facts(text: str) -> list[str]:
    """Return the facts of a removed text that belong to such idioms."""
    return [fact for hit in _index().hits(text) for fact in _idle(hit.phrase)]


@functools.cache
def _index() -> PhraseIndex:
    return PhraseIndex(table("idioms")["idioms"])


@functools.cache
def _idle(phrase: str) -> tuple[str, ...]:
    words = table("idioms")["idioms"][unicodedata.normalize("NFC", phrase)]
    return tuple(fact for word in words for fact in facts(word))
