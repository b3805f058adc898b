"""Seeded texts for the token benchmark: English that nobody wrote before, and logs that repeat it."""

from __future__ import annotations

import functools
import pydoc_data.topics
import re
import sysconfig
from importlib import metadata
from pathlib import Path
from random import Random

_DOCSTRING = re.compile(r'^[ \t]*r?"""(.*?)"""', re.DOTALL | re.MULTILINE)
_LONG_ENOUGH = 200
"""Characters of a docstring that is prose."""
_NEW_WORD = 0.01
"""Share of words that no text held before: names and typing errors, which a memory of words does not know."""
_SYLLABLES = ("ba", "cor", "del", "en", "fal", "gra", "hu", "il", "jo", "kan", "lem", "mo", "nor", "pra", "ques", "ri")


def prose(size: int, seed: int = 1, source: Path | None = None) -> list[str]:
    """Return documents of 1 to 8 KB, no two alike.

    Args:
        size: characters in all.
        seed: of what is made up.
        source: a file of English to cut up; None: the docstrings of Python's library and the installed packages, and
            where these run short, made-up text.
    """
    random = Random(seed)
    written = source.read_text(encoding="utf-8")[:size] if source else _docstrings(size, random)
    if source is None and len(written) < size:
        written += _written(size - len(written), random)
    documents, done = [], 0
    while done < len(written):
        length = random.randint(1_000, 8_000)
        documents.append(written[done : done + length])
        done += length
    return documents


def prompts(distinct: int, repeats: int, seed: int = 2) -> list[str]:
    """Return `distinct` chat prompts of 0.5 to 4 KB, each `repeats` times, shuffled.

    Equal texts are different objects, as in a log that is read: none has its hash from an earlier one.
    """
    random = Random(seed)
    lengths = [random.randint(500, 4_000) for _ in range(distinct)]
    text = _written(sum(lengths), random)
    different, done = [], 0
    for number, length in enumerate(lengths):
        body = text[done : done + length]
        different.append(f"You are a support agent. Ticket {number}.\n\nCustomer: {body}\n\nAnswer in two sentences.")
        done += length
    all_of_them = [(text + " ")[:-1] for _ in range(repeats) for text in different]
    random.shuffle(all_of_them)
    return all_of_them


def shared(requests: int, system: int = 6_000, seed: int = 3) -> list[str]:
    """Return requests that begin with one system prompt and end with a user's part of 100 to 1,100 characters each."""
    random = Random(seed)
    instructions = _written(system, random)
    text = _written(requests * 1_100, random)
    lengths = [random.randint(100, 1_100) for _ in range(requests)]
    return [
        f"{instructions}\n\nUser {number}: {text[number * 1_100 : number * 1_100 + length]}"
        for number, length in enumerate(lengths)
    ]


def _docstrings(size: int, random: Random) -> str:
    """Return `size` characters of docstrings, or as many as there are; each once, those of a file together."""
    files = list(_installed())
    random.shuffle(files)
    found: dict[str, None] = {}
    done = 0
    for path in files:
        for text in _DOCSTRING.findall(path.read_text(encoding="utf-8", errors="replace")):
            if len(text) >= _LONG_ENOUGH and text not in found:
                found[text] = None
                done += len(text) + 2
        if done >= size:
            break
    return "\n\n".join(found)[:size]


@functools.cache
def _installed() -> tuple[Path, ...]:
    """Return the source files of Python's library and of the installed packages, in order."""
    library, packages = (Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib"))
    own = (path for path in library.rglob("*.py") if "site-packages" not in path.parts)
    return tuple(sorted({*own, *packages.rglob("*.py")}))


def _written(size: int, random: Random) -> str:
    """Return text in which each word is drawn among those that follow the two before it in real text."""
    words, starts, following = _chain()
    pair, text, length = random.choice(starts), [], 0
    while length < size:
        choices = following.get(pair)
        word = random.choice(choices) if choices else random.choice(words)
        pair = (pair[1], word) if choices else random.choice(starts)
        text.append("".join(random.choices(_SYLLABLES, k=3)) if random.random() < _NEW_WORD else word)
        length += len(text[-1]) + 1
    return " ".join(text)[:size]


@functools.cache
def _chain() -> tuple[list[str], list[tuple[str, str]], dict[tuple[str, str], list[str]]]:
    """Return the words of real text, its pairs of words in order, and the words that follow each pair."""
    words = _source().split(" ")
    following: dict[tuple[str, str], list[str]] = {}
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        following.setdefault((first, second), []).append(third)
    return words, sorted(following), following


def _source() -> str:
    topics = pydoc_data.topics.topics
    described = {package.name.lower(): package.read_text("METADATA") or "" for package in metadata.distributions()}
    return "\n\n".join([*(topics[name] for name in sorted(topics)), *(text for _, text in sorted(described.items()))])
