"""The tables of phrases, read once."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from llmopt.prompts.rewriting.lookup import by_spelling, spellings

_IRREGULAR = {
    "make": ("makes", "made", "made", "making"),
    "give": ("gives", "gave", "given", "giving"),
    "take": ("takes", "took", "taken", "taking"),
    "write": ("writes", "wrote", "written", "writing"),
    "do": ("does", "did", "done", "doing"),
    "draw": ("draws", "drew", "drawn", "drawing"),
    "come": ("comes", "came", "come", "coming"),
    "have": ("has", "had", "had", "having"),
    "put": ("puts", "put", "put", "putting"),
    "bring": ("brings", "brought", "brought", "bringing"),
    "get": ("gets", "got", "got", "getting"),
    "keep": ("keeps", "kept", "kept", "keeping"),
    "undertake": ("undertakes", "undertook", "undertaken", "undertaking"),
    "tend": ("tends", "tended", "tended", "tending"),
    "refer": ("refers", "referred", "referred", "referring"),
    "try": ("tries", "tried", "tried", "trying"),
    "track": ("tracks", "tracked", "tracked", "tracking"),
}
"""Third person, past, participle and -ing of verbs whose forms are not `-s -ed -ed -ing`."""

_PAIRED = """
clear concise professional polite respectful simple consistent thorough accurate objective logical formal natural brief
"""
_OFTEN_PAIRED = frozenset(_PAIRED.split())
"""Adjectives of manner that go with each other, as in `clear and concise`."""
_WITH_TWO_OBJECTS = frozenset({"give", "provide", "offer", "write", "do"})
"""Verbs whose participle may stand in a passive that keeps an object."""


@functools.cache
def table(name: str) -> dict[str, Any]:
    """Return a file of phrases as it is, such as `en`."""
    return tomllib.loads((files("llmopt.prompts") / "phrases" / f"{name}.toml").read_text(encoding="utf-8"))


@functools.cache
def short_forms() -> dict[str, str]:
    """Return every phrase of both languages in lower case and what is shorter for it."""
    english, vietnamese = table("en"), table("vi")
    found: dict[str, str] = dict(vietnamese["phrases"])
    for before in vietnamese["verbs_after"]["before"]:
        found |= {f"{before} {verb}": verb for verb in vietnamese["verbs_after"]["verbs"]}
    for degree in ("", "thật ", "rất "):
        found |= {f"một cách {degree}{word}": f"{degree}{word}" for word in vietnamese["manner"]["words"]}
    found |= english["phrases"]
    for verb, short in english["verbs"].items():
        found |= _conjugation(verb, short)
    found |= _manners(english["manner"])
    return by_spelling(found)


@functools.cache
def starting_forms() -> dict[str, str]:
    """Return the phrases that have a short form only where a sentence begins."""
    return by_spelling({**table("vi")["starting"], **table("en")["starting"]})


@functools.cache
def guards() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return the words before which, and those after which, a phrase stays."""
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for name in ("en", "vi"):
        for phrase, guard in table(name)["guards"].items():
            before = _all_spellings(guard.get("before", ""))
            after = _all_spellings(guard.get("after", ""))
            found |= dict.fromkeys(spellings(phrase), (before, after))
    return found


def _conjugation(verb: str, short: str) -> dict[str, str]:
    """Return what stands for each form of a verb, without the forms that may be two of them, or passive with an object.

    `They come to the conclusion` and `they have come to it`; `was given an explanation of` is not `was explained`.
    """
    forms = list(zip(_forms(verb), _forms(short), strict=True))
    if verb.split()[0] in _WITH_TWO_OBJECTS:
        forms = [*forms[:2], *forms[4:]]
    return {form: other for form, other in forms if {right for left, right in forms if left == form} == {other}}


def _manners(adverbs: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for noun in ("manner", "way", "fashion"):
        for adjective, adverb in adverbs.items():
            found[f"in {_article(adjective)} {adjective} {noun}"] = adverb
            for second, other in adverbs.items():
                if second != adjective and {adjective, second} <= _OFTEN_PAIRED:
                    found[f"in {_article(adjective)} {adjective} and {second} {noun}"] = f"{adverb} and {other}"
    return found


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _forms(phrase: str) -> list[str]:
    """Return base form, third person, past, participle and -ing of a phrase that begins with a verb."""
    verb, *rest = phrase.split()
    return [" ".join((form, *rest)) for form in (verb, *_conjugated(verb))]


def _conjugated(verb: str) -> tuple[str, str, str, str]:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return f"{verb}s", f"{verb}d", f"{verb}d", f"{verb[:-1]}ing"
    if verb.endswith("y") and verb[-2] not in "aeou":
        return f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb[:-1]}ied", f"{verb}ing"
    third = f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "z")) else f"{verb}s"
    return third, f"{verb}ed", f"{verb}ed", f"{verb}ing"


def _all_spellings(words: str) -> frozenset[str]:
    return frozenset(spelling for word in words.split() for spelling in spellings(word))
