"""Regular expressions of a policy: on word borders, and never slow whatever the text is.

Python's `re` backtracks, so that a pattern such as `(a+)+b` takes exponential time on a text made for it, and holds the
interpreter meanwhile. Hence two bounds. A pattern that could match in more than `MOST_WAYS` ways from one place is
refused when the policy is read; and it sees no more characters (half of them from the start of a longer text, half from
its end) than keep characters times ways below `MOST_STEPS`. Ways are counted on the parsed pattern: those of a sequence
multiply; those of alternatives add up unless their first letters tell them apart; a repetition has one way a count,
and w ** count where its body has w.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmopt.errors import ConfigError
from llmopt.serving.routing.words import Words

_parser: Any = importlib.import_module("re._parser" if hasattr(re, "_parser") else "sre_parse")
WINDOW = 2000
"""Counts of an unbounded repetition; characters that a pattern with one sees."""
MOST_WAYS = WINDOW + 1
"""Room for one unbounded repetition, or two of forty."""
MOST_STEPS = 4_000_000
"""Some 0.2 s, at worst."""
_FARTHEST = 20_000
"""Characters that any pattern sees at most."""
_LONGEST = 2000
"""Characters of a pattern."""
_GROUPS = ("SUBPATTERN", "ATOMIC_GROUP")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_TOO_MANY = 10**9


@dataclass(frozen=True, slots=True)
class Pattern:
    """One expression; case does not matter."""

    source: str
    bordered: re.Pattern[str]
    """It, beginning and ending between words: at a word border, or beside something that is no part of a word."""
    plain: re.Pattern[str]
    """It alone: what this does not find, the other does not either, and this is faster."""
    reach: int
    """Characters of a text that it sees."""
    needed: tuple[str, ...]
    """Texts of which one stands in whatever matches; empty where nothing is known."""

    def found_in(self, text: str) -> bool:
        """Whether it matches somewhere in a text."""
        seen = window(text, self.reach)
        return self.plain.search(seen) is not None and self.bordered.search(seen) is not None


def first_in(patterns: tuple[Pattern, ...], text: str, words: Words) -> Pattern | None:
    """Return the first pattern that matches somewhere in a text, which has these words; None where none does."""
    folded = words.text
    knows = folded.isascii()  # what a match needs is looked for in lower case, which is that of `re` in ASCII alone
    for pattern in patterns:
        if knows and pattern.needed:
            for needed in pattern.needed:
                if needed in folded:
                    break
            else:
                continue
        if pattern.found_in(text):
            return pattern
    return None


def window(text: str, reach: int) -> str:
    """Return what a pattern sees of a text: all, or its first and last part with a line end between."""
    half = reach // 2
    return text if len(text) <= reach else f"{text[:half]}\n{text[-half:]}"


def safe(source: str, flags: re.RegexFlag = re.NOFLAG) -> tuple[re.Pattern[str], int]:
    """Return an expression as Python runs it, and of how many characters a text may be so that it is never slow.

    Raises:
        ConfigError: it is no regular expression, or could be slow; without the place, which the caller knows.
    """
    if len(source) > _LONGEST:
        raise ConfigError(f"the pattern has {len(source):,} characters; {_LONGEST:,} are the most")
    try:
        found = re.compile(source, flags)
        count = ways(_parser.parse(source, flags))
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{source!r} is no regular expression: {error}") from error
    if count > MOST_WAYS:
        raise ConfigError(
            f"{source!r} could be slow: repetitions within or beside each other match the same text in many ways",
            "bound them, such as .{0,40} for .*, or look for `words`",
        )
    return found, min(_FARTHEST, MOST_STEPS // count)


def compiled(source: str) -> Pattern:
    """Return an expression that is looked for on word borders, whatever the case.

    Raises:
        ConfigError: as `safe` does, and for one that any text matches.
    """
    plain, reach = safe(source, re.IGNORECASE)
    if plain.search("") is not None:
        raise ConfigError(f"{source!r} matches an empty text, and so any", "make a part of it required")
    bordered = re.compile(rf"(?:(?<!\w)|(?!\w))(?:{_local(source)})(?:(?!\w)|(?<!\w))", re.IGNORECASE)
    needed = _needed(_parser.parse(source, re.IGNORECASE))
    return Pattern(source, bordered, plain, reach, tuple(text.lower() for text in needed))


def ways(parsed: Sequence[Any]) -> int:
    """Return in how many ways a parsed pattern may match from one place, at most; a big number is cut."""
    total = 1
    for operation, argument in parsed:
        total = min(total * _ways(str(operation), argument), _TOO_MANY)
    return total


def _ways(operation: str, argument: Any) -> int:
    if operation in _REPEATS:
        low, high, body = argument
        return _repeated(int(low), min(int(high), WINDOW), ways(body))
    if operation == "BRANCH":
        each = [ways(branch) for branch in argument[1]]
        firsts = [_first(branch) for branch in argument[1]]
        told_apart = None not in firsts and len(set(firsts)) == len(firsts)
        return max(each) if told_apart else sum(each)
    if operation in _GROUPS:
        return ways(argument[-1] if operation == "SUBPATTERN" else argument)
    if operation in ("ASSERT", "ASSERT_NOT"):
        return ways(argument[1])
    if operation == "GROUPREF_EXISTS":
        return sum(ways(branch) for branch in argument[1:] if branch)
    return WINDOW if operation == "GROUPREF" else 1


def _repeated(low: int, high: int, body: int) -> int:
    if body == 1:
        return max(high - low + 1, 1)
    power = 1
    for _ in range(high):
        power *= body
        if power >= _TOO_MANY:
            return _TOO_MANY
    return power if low == high else min(2 * power, _TOO_MANY)


def _first(branch: Sequence[Any]) -> str | None:
    """Return the letter that a branch begins with; None where it is not one letter."""
    for operation, argument in branch:
        return chr(argument).casefold() if str(operation) == "LITERAL" else None
    return None


def _needed(parsed: Sequence[Any]) -> tuple[str, ...]:
    """Return texts of which one stands in every match, the longest that are easily found; only ASCII ones."""
    runs = [""]
    best: tuple[str, ...] = ()
    for operation, argument in parsed:
        if str(operation) == "LITERAL" and argument < 128:
            runs[-1] += chr(argument)
            continue
        runs.append("")
        best = _better(best, _within(str(operation), argument))
    return _better(best, (max(runs, key=len),))


def _within(operation: str, argument: Any) -> tuple[str, ...]:
    if operation == "BRANCH":
        found = [_needed(branch) for branch in argument[1]]
        return tuple(text for texts in found for text in texts) if all(found) else ()
    if operation == "SUBPATTERN":
        return _needed(argument[-1])
    if operation in _REPEATS and argument[0] > 0:
        return _needed(argument[2])
    return ()


def _better(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one whose shortest text is longer: it is found less often."""
    return one if min(map(len, one), default=0) >= min(map(len, other), default=0) else other


def _local(source: str) -> str:
    """Return an expression that may stand inside another one: its global flags, `(?s)`, become those of a group."""
    match = re.match(r"\(\?([aimsux]+)\)", source)
    if match is None:
        return source
    flags = match.group(1).replace("u", "")
    return f"(?{flags}:{source[match.end() :]})" if flags else source[match.end() :]
