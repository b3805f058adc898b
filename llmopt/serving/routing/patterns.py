"""Regular expressions of a policy: on word borders, and never slow whatever the text is.

A backtracking expression such as `(a+)+b` takes exponential time on a text made for it, and prompts are of strangers.
Hence the library `regex` (a dependency of tiktoken too): it stops after a time that is given, knows the letters and
marks of every script, and looks for the text that a match must hold before it tries anything.
"""

from __future__ import annotations

import contextlib
import math
import unicodedata
from dataclasses import dataclass
from typing import Any

import regex  # type: ignore[import-untyped]

from llmopt.errors import ConfigError
from llmopt.serving.routing.words import UNSPACED

TIMEOUT_S = 0.05
"""Of processor time, for one pattern on one text; the usual one takes microseconds."""
REACH = 20_000
"""Characters of a text that are looked at: half of them from its start, half from its end."""
_LONGEST = 2000
"""Characters of a pattern."""
_SHORT = 24
"""Characters of a pattern that a decision repeats."""
_MOST_REPEATS = 1_000_000
"""The library writes `((a{99}){99}){99}` out: a million letters take a quarter of a second, a milliard all memory."""
_BORDER = rf"(?!(?<=\w)(?<![{UNSPACED}])(?=\w)(?![{UNSPACED}]))"
"""Not between two characters of one word; between two of Chinese, or of another script without spaces, is a border."""
_ALONE = regex.compile(r"\\[1-9gGKL]|\(\*|\(\?(?![:=!]|<[=!]|-i:)")
"""What may mean something else in a longer pattern: references to groups, names, flags, verbs, recursion."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One expression; case does not matter, nor does Unicode spelling."""

    source: str
    bordered: Any
    """It as `regex` runs it, beginning and ending at borders."""

    def found_in(self, text: str) -> bool:
        """Whether it matches somewhere in a text.

        Raises:
            TimeoutError: that cannot be told in time.
        """
        return self.bordered.search(text, timeout=TIMEOUT_S) is not None


def first_in(patterns: tuple[Pattern, ...], text: str) -> Pattern | None:
    """Return the first pattern that matches somewhere in a text; None where none does.

    Raises:
        TimeoutError: that cannot be told in time.
    """
    seen = window(text)
    if not seen.isascii():
        seen = unicodedata.normalize("NFC", seen)
    for pattern in patterns:
        if pattern.found_in(seen):
            return pattern
    return None


def any_in(patterns: tuple[Pattern, ...], joined: Pattern | None, text: str) -> bool:
    """Return whether one of some patterns matches somewhere in a text.

    Args:
        patterns: to look for.
        joined: as `joined_of` makes it of them.
        text: to look at.

    Raises:
        TimeoutError: that cannot be told in time.
    """
    if joined is not None:
        with contextlib.suppress(TimeoutError):  # one by one, each has so much time
            return first_in((joined,), text) is not None
    return first_in(patterns, text) is not None


def said(patterns: tuple[Pattern, ...], first: Pattern | None) -> str:
    """Return in words which of some patterns matches; a long one by its number, from 1."""
    if first is None:
        return "no match of the patterns"
    is_short = len(first.source) <= _SHORT
    return f"a match of {first.source!r}" if is_short else f"a match of pattern {patterns.index(first) + 1}"


def window(text: str) -> str:
    """Return what patterns see of a text: all, or its first and last part with a line end between."""
    half = REACH // 2
    return text if len(text) <= REACH else f"{text[:half]}\n{text[-half:]}"


def compiled(source: str) -> Pattern:
    """Return an expression that is looked for on word borders, whatever the case.

    Raises:
        ConfigError: it is no regular expression, or one that any text matches; without the place, which the caller
            knows.
    """
    if len(source) > _LONGEST:
        raise ConfigError(f"the pattern has {len(source):,} characters; {_LONGEST:,} are the most")
    if math.prod(max(1, int(count)) for count in regex.findall(r"\{([0-9]{1,9})", source)) > _MOST_REPEATS:
        raise ConfigError(f"{source!r} repeats too much", "use smaller counts in { }")
    written = unicodedata.normalize("NFC", source)
    try:
        plain = regex.compile(written, regex.IGNORECASE)
        end = "\n" if plain.flags & regex.VERBOSE else ""  # a comment may be the last thing in it
        bordered = regex.compile(f"{_BORDER}(?:{written}{end}){_BORDER}", plain.flags)
        matches_all = plain.search("", timeout=TIMEOUT_S) is not None
    except (regex.error, ValueError, OverflowError, RecursionError, TimeoutError) as error:
        raise ConfigError(f"{source!r} is no regular expression: {error}", "mend it, or use `words`") from error
    if matches_all:
        raise ConfigError(f"{source!r} matches an empty text, and so any", "make a part of it required")
    return Pattern(source, bordered)


def joined_of(patterns: tuple[Pattern, ...]) -> Pattern | None:
    """Return one pattern that matches where any of some does, since one search is faster than many; None: none does."""
    if len(patterns) < 2 or any(_ALONE.search(each.source) for each in patterns):
        return None
    source = "|".join(f"(?:{unicodedata.normalize('NFC', each.source)})" for each in patterns)
    try:
        return Pattern(source, regex.compile(f"{_BORDER}(?:{source}){_BORDER}", regex.IGNORECASE))
    except (regex.error, RecursionError):  # nested as deep as can be by themselves
        return None
