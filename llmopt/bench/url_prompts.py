"""Prompts of a wanted number of tokens, no two alike from their first words on.

A server that keeps the prefixes of earlier prompts would answer a repeated one for nearly nothing. Each prompt starts
with words that spell its number, so two prompts share no more than what the chat template puts in front. The words are
common ones of which each is one token of o200k with the blank before it, and as a first word without; so n words are
n tokens. Other vocabularies give a few per cent more; the server's own count is in each answer.
"""

from __future__ import annotations

import random

_WORDS = """
time year people way day man thing woman life child world school state family student group country problem hand
part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name team minute idea body information
back parent face others level office door health person art war history party result change reason
research girl moment air teacher force education foot boy age policy music market sense nation plan college
interest death experience effect use class control field development role rate heart drug show leader
light voice wife mind price report decision son view relationship town road arm difference value building
action season tax director position player record paper space ground form event official matter center
site project activity star table need court oil cost industry figure street image phone data
picture practice piece land product doctor wall patient worker news test movie north love support technology
"""
WORDS = tuple(_WORDS.split())


def prompt(number: int, tokens: int, seed: int = 0) -> str:
    """Return a prompt of so many o200k tokens.

    Args:
        number: which one; prompts of different numbers differ in their first three words, as far as they have these.
        tokens: 1 or more.
        seed: another gives other prompts.
    """
    rng = random.Random(f"{seed}/{number}")
    own = (number + 7919 * seed) % len(WORDS) ** 3
    first = [WORDS[own % len(WORDS)], WORDS[own // len(WORDS) % len(WORDS)], WORDS[own // len(WORDS) ** 2]]
    return " ".join([*first, *rng.choices(WORDS, k=max(0, tokens - len(first)))][: max(1, tokens)])
