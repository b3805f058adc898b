"""Make the table of word costs of `llmopt.tokens.estimate.words` out of the sources that the fit may see.

Runs (words, punctuation, blanks) are ranked by their share of the documents, each category counting for the root of
its documents, and listed until the table is full; a run must stand in three sources at least. The words that are one
token in a Claude vocabulary join them. What a run costs is the difference of two counts of `ctok` and of o200k_base: a
word between two others less those two, signs and blanks between two words. Ideographs and syllables of Hangul are asked
one by one. Nothing of a held-out source is seen.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import ctok
from fit_tokens_corpus import Document
from fit_tokens_count import CTOK, counter, provenance

from llmopt.tokens.estimate.features import CACHED, body_of, runs

BYTES = 180_000
"""Of the listed runs, a separator each."""
SOURCES = 3
"""Fewest sources of a listed run."""
_HAN_HANGUL = ((0x3400, 0xA000), (0xAC00, 0xD7A4))
_WORD = re.compile(r"[A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u024f\u1e00-\u1eff\u0370-\u06ff]+")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_BOW, _EOW = "\u27e8bow\u27e9", "\u27e8eow\u27e9"
"""How ctok writes the beginning and the end of a word."""
Count = Callable[[str], int]


def write_table(found: list[Document], tokenizers: Path, date: str, out: Path) -> None:
    """Rank the runs of the documents, tell their costs, write the table."""
    counters = [counter(name, tokenizers) for name in ("o200k_base", *CTOK)]
    words: dict[str, list[str]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for run in sorted({*_chosen(found), *_one_token()}):
        is_word = _WORD.fullmatch(run) is not None
        numbers = " ".join(str(_cost(run, is_word, count)) for count in counters)
        (words if is_word else others)[numbers].append(run)
    table = {
        "about": "What frequent runs cost, counted with the tokenizers named below (ctok: MIT licence) by"
        " benchmarks/fit_tokens_words.py; llmopt/tokens/estimate/words.py says how it is read.",
        "date": date,
        "tokenizers": {name: provenance()[name] for name in ("o200k_base", *CTOK)},
        "made_of": f"{len(found)} documents of {len({d.source for d in found})} sources of the fit side; the packages"
        " are listed in estimators.json",
        "words": {numbers: " ".join(sorted(words[numbers])) for numbers in sorted(words)},
        "runs": {numbers: sorted(others[numbers]) for numbers in sorted(others)},
        "whole": "".join(_whole(counters[1])),
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in table.items())
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _chosen(found: list[Document]) -> list[str]:
    """Return the most frequent runs, as many as the table has room for."""
    documents = Counter(document.category for document in found)
    share: Counter[str] = Counter()
    sources: dict[str, set[str]] = defaultdict(set)
    for document in found:
        weight = documents[document.category] ** -0.5 / max(1, len(document.text))
        for run, times in runs(document.text).items():
            body = body_of(run)
            if len(body) <= CACHED and not body[0].isdecimal() and not _HANGUL.match(body):
                share[body] += weight * times
                sources[body].add(document.source)
    chosen, size = [], 0
    for run in sorted(share, key=lambda run: (-share[run], run)):
        if len(sources[run]) >= SOURCES:
            size += len(run.encode("utf-8", "replace")) + 1
            if size > BYTES:
                break
            chosen.append(run)
    return chosen


def _one_token() -> set[str]:
    """Return the words that are one token in a Claude vocabulary, as ctok has rebuilt it.

    Without them the fit learns what unlisted words cost from the corpus alone, where few of those are plain English:
    held-out packages look fine then, and ordinary prose does not.
    """
    pieces = {piece for version in CTOK.values() for piece in ctok.pieces(version)}
    inner = (piece[len(_BOW) : -len(_EOW)] for piece in pieces if piece.startswith(_BOW) and piece.endswith(_EOW))
    return {word for word in inner if _WORD.fullmatch(word) and len(word) <= CACHED}


def _cost(run: str, is_word: bool, count: Count) -> int:
    return count(f"a {run} a" if is_word else f"a{run}a") - 2


def _whole(count: Count) -> list[str]:
    """Return the ideographs and syllables that are one token beside another one."""
    beside = count("中中")
    characters = (chr(point) for start, stop in _HAN_HANGUL for point in range(start, stop))
    return [character for character in characters if count(f"中{character}中") - beside == 1]
