"""Count texts with very long runs, on which tiktoken panics (a million blanks) or takes seconds (4 MB of one letter).

A run of one character is merged the same way over and over: tokens repeat in its middle with a short period, so a
shorter run of the same remainder counts the same, less a known number of tokens. A run of different blanks is one
piece, or all of it but its last character is; its piece is merged on its own, past the regular expression that cannot
take it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import tiktoken

STEP = 4096
"""A run of one character is noticed from twice this length on, always, and left alone below it."""
BLANK_STEP = 10_000
"""A run of blanks is noticed from twice this length on, always; tiktoken takes some hundred thousand."""
_LONGEST_PIECE = 1_000_000
"""Blanks merged at once; each cut of a longer run may add a token."""
_LONGEST_PERIOD = 128
_DIGITS_AT_ONCE = 3
_BLANKS = "\t\x0b\x0c \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as Unicode and Rust have it, less line breaks."""


@dataclass(slots=True)
class LongRuns:
    """Counts texts that may hold long runs, with one encoding."""

    encoding: tiktoken.Encoding
    piece_encoding: Callable[[], tiktoken.Encoding]
    """The same vocabulary, merging a whole text as one piece."""
    newline_ends: bool = True
    """Whether a run of white space is cut after its last line break."""
    blanks_end: bool = False
    """Whether the pattern takes blanks at the end of the text in one go (`\\s++$`), which tiktoken survives."""
    step: int = STEP
    blank_step: int = BLANK_STEP
    _periods: dict[str, tuple[int, int] | None] = field(default_factory=dict)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`."""
        if len(text) < 2 * self.step:
            return len(self.encoding.encode_ordinary(text))
        shorter, tokens = self._shortened(text)
        for part, whole in self._around_blanks(shorter):
            codec = self.piece_encoding() if whole else self.encoding
            tokens += len(codec.encode_ordinary(part))
        return tokens

    def _shortened(self, text: str) -> tuple[str, int]:
        """Return `text` with its long runs of one character cut down, and the tokens that were cut off."""
        parts: list[str] = []
        done = tokens = 0
        for start, end in self._uniform(text):
            period = self._period(text[start])
            if period is None:
                continue
            characters, cost = period
            times = (end - start - self.step) // characters
            parts.append(text[done : end - times * characters])
            tokens += times * cost
            done = end
        parts.append(text[done:])
        return "".join(parts), tokens

    def _uniform(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of the runs of one character that are at least two steps long."""
        at = 0
        while at + self.step <= len(text):
            character = text[at]
            if text[at + self.step - 1] != character or text[at : at + self.step] != character * self.step:
                at += self.step
                continue
            floor = max(0, at - self.step)
            start = floor + len(text[floor:at].rstrip(character))
            after = re.compile(f"{re.escape(character)}*").match(text, at)
            end = after.end() if after else at
            if end - start >= 2 * self.step:
                yield start, end
            at = -(-end // self.step) * self.step

    def _period(self, character: str) -> tuple[int, int] | None:
        """Return (characters, tokens) of what repeats in a long run of `character`; None when nothing does."""
        if character not in self._periods:
            self._periods[character] = self._found_period(character)
        return self._periods[character]

    def _found_period(self, character: str) -> tuple[int, int] | None:
        ids = self.encoding.encode_ordinary(character * self.step)
        width = len(self.encoding.decode_bytes(self.encoding.encode_ordinary(character)))
        quarter = len(ids) // 4
        for tokens in range(1, min(_LONGEST_PERIOD, quarter) + 1):
            if ids[quarter : -quarter - tokens] == ids[quarter + tokens : -quarter]:
                size = len(self.encoding.decode_bytes(ids[quarter : quarter + tokens]))
                characters = size // width
                longer = len(self.encoding.encode_ordinary(character * (self.step + characters)))
                whole = size % width == 0 and longer == len(ids) + tokens
                # patterns take digits three at a time, and what follows the run may stand with the last of them
                times = _DIGITS_AT_ONCE if unicodedata.category(character)[0] == "N" else 1
                return (times * characters, times * tokens) if whole and times * characters <= self.step else None
        return None

    def _around_blanks(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield the parts of a text in order, and whether each is a piece of blanks by itself."""
        done = 0
        for start, end in self._blank_runs(text):
            following = text[end : end + 1]
            if (self.newline_ends and following in {"\r", "\n"}) or (self.blanks_end and not following):
                continue
            piece_end = end - 1 if following else end
            yield text[done:start], False
            for part in range(start, piece_end, _LONGEST_PIECE):
                yield text[part : min(part + _LONGEST_PIECE, piece_end)], True
            done = piece_end
        yield text[done:], False

    def _blank_runs(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of the runs of blanks that are at least two steps long."""
        inside = _BLANKS if self.newline_ends else _BLANKS + "\r\n"
        blanks = re.compile(f"[{inside}]*")
        done = 0
        for at in range(0, len(text), self.blank_step):
            if at < done:
                continue
            forward = blanks.match(text, at)
            if forward is None or forward.end() == at:
                continue
            floor = max(done, at - self.blank_step)
            backward = blanks.match(text[floor:at][::-1])
            start, done = at - (backward.end() if backward else 0), forward.end()
            if done - start >= 2 * self.blank_step:
                yield start, done
