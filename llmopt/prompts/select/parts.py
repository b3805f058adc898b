"""Keep a part of a sentence where the whole does not fit, as long as the budget allows to the token."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import count

from llmopt.prompts.select.cuts import is_clause_end, may_end, may_start
from llmopt.prompts.select.draft import Draft
from llmopt.prompts.select.ledger import Ledger
from llmopt.prompts.select.window import best_window, word_ends, word_starts

_GUESSES = 6
"""Lengths that are guessed from the one before; then the range is halved."""
_MOST_STEPS = 48
"""Words that are given up at most to cut where a sentence may be cut."""
_FEW = 16
"""Words of which all that may be the last are looked for before anything is counted."""


class Parts:
    """Cuts units to what is left of a budget."""

    def __init__(self, ledger: Ledger) -> None:
        """Cut nothing yet.

        Args:
            ledger: the texts and the budget.
        """
        self._ledger = ledger

    def may_cut(self, at: int, number: int) -> bool:
        """Return whether a unit of a draft is prose of which nothing is kept."""
        draft = self._ledger.drafts[at]
        return not draft.kept[number] and draft.units[number].prose

    def joins(self, at: int, number: int) -> bool:
        """Return whether the unit before is kept to its end, so that no marker is needed between."""
        draft = self._ledger.drafts[at]
        if not number or not draft.kept[number - 1]:
            return False
        before = draft.units[number - 1]
        return draft.parts.get(number - 1, (0, before.end))[1] == before.end

    def keep_best(self, at: int, number: int, query: str) -> None:
        """Keep as much of a unit as fits, around the clauses that have most to do with a query."""
        draft = self._ledger.drafts[at]
        unit = draft.units[number]
        extra = self._ledger.estimate(draft, [other for other in draft.needed(number) if other != number])
        room = self._ledger.left - extra
        if room > 1:
            characters = max(1, int(room / self._ledger.rate))
            start, end = best_window(draft.text, unit.start, unit.end, query, characters)
            while not may_start(draft.segments, unit.start, start):
                start = next(iter(word_starts(draft.text, unit.start, start, 1)), unit.start)
            self._keep(at, number, start, max(start + 1, end))

    def keep_beginning(self, at: int, number: int) -> bool:
        """Keep as much of a unit as fits, from its beginning; return whether there was anything to try."""
        draft = self._ledger.drafts[at]
        unit = draft.units[number]
        if self._ledger.left <= self._ledger.estimate(draft, draft.needed(number)[1:]):
            return False
        return self._keep(at, number, unit.start, unit.start + int(self._ledger.left / self._ledger.rate))

    def _keep(self, at: int, number: int, start: int, end: int) -> bool:
        """Keep a part from `start` on, near `end` at first, then as long as fits; then longer to the left.

        Returns:
            Whether it may end anywhere.
        """
        ledger = self._ledger
        draft = ledger.drafts[at]
        unit, before = draft.units[number], ledger.counts[at]
        most = ledger.left + 1
        ends = [(start, other) for other in word_ends(draft.text, start, unit.end, most)]
        if len(ends) <= _FEW:
            ends = [part for part in ends if may_end(draft.segments, part[1], unit.end)]
        if not ends:
            return False
        needed = draft.needed(number)
        draft.keep(needed)
        if not self._fit(at, number, ends, end - start, ledger.left + before):
            draft.drop(needed)
            ledger.counts[at] = before
            return True
        start, end = draft.parts.get(number, (unit.start, unit.end))
        if start > unit.start and ledger.left > 0:
            starts = [(other, end) for other in word_starts(draft.text, unit.start, start, ledger.left + 1)]
            limit = ledger.left + ledger.counts[at]
            self._fit(at, number, [(start, end), *starts], 0, limit)
        return True

    def _fit(self, at: int, number: int, parts: Sequence[tuple[int, int]], guess: int, limit: int) -> bool:
        """Keep the longest of ever longer parts of a unit with which its text is within a limit of tokens.

        Args:
            at: the draft.
            number: the unit.
            parts: start and end of each.
            guess: characters of the part to count first.
            limit: tokens that the whole text may have.

        Returns:
            Whether any fits.
        """
        ledger, draft = self._ledger, self._ledger.drafts[at]
        sizes = [end - start for start, end in parts]
        low, high = -1, len(parts)  # the longest that fits, the shortest that does not
        index = min(bisect_left(sizes, guess), len(parts) - 1)
        for attempt in count(1):
            if high - low <= 1:
                break
            draft.parts[number] = parts[index]
            ledger.count(at)
            room = limit - ledger.counts[at]
            low, high = (index, high) if room >= 0 else (low, index)
            if room == 0:
                break
            wanted = sizes[index] + room / ledger.rate
            near = bisect_left(sizes, wanted) if attempt <= _GUESSES else (low + high) // 2
            index = min(max(near, low + 1), high - 1)
        low = self._sound(draft, number, parts, low, limit - ledger.counts[at])
        if low < 0:
            return False
        if draft.parts[number] != parts[low]:
            draft.parts[number] = parts[low]
            ledger.count(at)
        if parts[low] == (draft.units[number].start, draft.units[number].end):
            draft.parts.pop(number)
        return True

    def _sound(self, draft: Draft, number: int, parts: Sequence[tuple[int, int]], low: int, room: int) -> int:
        """Return the longest part, of those up to one, that is cut where it may be; a clause rather than a word more.

        Args:
            draft: the text.
            number: the unit.
            parts: start and end of each.
            low: the longest part that fits.
            room: tokens that are left then; they and the words given up may be a hundredth of the budget.
        """
        unit = draft.units[number]
        fits = low
        while low >= 0 and not self._may_cut(draft, number, parts[low]):
            low -= 1
            if fits - low == _MOST_STEPS:
                low = fits  # words that are all one name, or all negations
                break
        for fewer in range(low, max(low - 1 - max(0, self._ledger.budget // 100 - max(0, room)), -1), -1):
            end = parts[fewer][1]
            if (end == unit.end or is_clause_end(draft.text, end)) and self._may_cut(draft, number, parts[fewer]):
                return fewer
        return low

    @staticmethod
    def _may_cut(draft: Draft, number: int, part: tuple[int, int]) -> bool:
        unit = draft.units[number]
        ends = may_end(draft.segments, part[1], unit.end)
        return ends and may_start(draft.segments, unit.start, part[0])
