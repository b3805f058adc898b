"""The courtesies, and the words that only fill: what the tables list, and what goes together to make more."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from llmopt.prompts.rewriting.lookup import PhraseIndex, spellings
from llmopt.prompts.rewriting.openers import requests
from llmopt.prompts.rewriting.tables import table


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What each phrase is."""

    index: PhraseIndex
    """Finds them in a text."""
    kinds: dict[str, str]
    """By phrase: `request`, `within`, `closing`, `thanks`, `greeting`, `filler`, `for_me` or `strong`."""


@functools.cache
def lexicon_of_courtesies() -> Lexicon:
    """Return the courtesies, and the words that only fill, of both languages."""
    kinds: dict[str, str] = {}
    english, vietnamese = table("en"), table("vi")
    strong = english["filler"]
    rows = {
        "closing": vietnamese["requests"]["final"],
        "within": vietnamese["requests"]["within"],
        "thanks": [
            *english["requests"]["thanks"],
            *_thanks(english["requests"]),
            *_vietnamese_thanks(vietnamese["requests"]),
        ],
        "greeting": [*english["requests"]["greetings"], *vietnamese["requests"]["greetings"]],
        "filler": [
            *strong["opening"],
            *strong["inside"],
            *vietnamese["filler"]["opening"],
            *vietnamese["filler"]["inside"],
        ],
        "for_me": strong["for_me"],
        "strong": [
            f"{much} {word}" for much in strong["intensifiers"].split() for word in strong["intensified"].split()
        ],
        "request": sorted(requests()),
    }
    for kind, phrases in rows.items():
        for phrase in phrases:
            for spelling in spellings(phrase):
                kinds.setdefault(spelling, kind)
    return Lexicon(PhraseIndex(kinds), kinds)


def _thanks(rows: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the ways to thank, in advance or not, for something or not."""
    for head in rows["thanking"]:
        yield from (head, f"{head} in advance")
        for what in rows["thanked_for"]:
            yield from (
                f"{head} for your {what}",
                f"{head} in advance for your {what}",
                f"{head} for your {what} in advance",
            )


def _vietnamese_thanks(rows: Mapping[str, Sequence[str]]) -> Iterator[str]:
    parts = product(rows["thanker"], rows["thanking"], rows["thanked"], rows["thanked_so"])
    yield from ("".join(part) for part in parts)
    yield from rows["thanks"]
