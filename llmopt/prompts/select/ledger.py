"""What texts that share a budget come to: counted exactly as wholes, estimated unit by unit before that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from llmopt.prompts.context import Context
from llmopt.prompts.select.draft import Draft


class Ledger:
    """Drafts, their tokens, and what is left of the budget."""

    def __init__(self, drafts: Sequence[Draft], context: Context, budget: int) -> None:
        """Count nothing yet.

        Args:
            drafts: the texts.
            context: counts tokens.
            budget: tokens that may not be exceeded.
        """
        self.drafts = drafts
        self.budget = budget
        self.markers = True
        """Whether a sign shows where something was left out."""
        self.counts = [0] * len(drafts)
        """Exact tokens of what is kept of each text."""
        self.tokens = context.tokens
        self.whole = sum(context.tokens(draft.text) for draft in drafts)
        self.rate = self.whole / (sum(len(draft.text) for draft in drafts) or 1)
        """Tokens a character, over all texts."""

    @property
    def left(self) -> int:
        """Tokens that are left of the budget; below 0 where it is exceeded."""
        return self.budget - sum(self.counts)

    def count(self, *numbers: int) -> None:
        """Count drafts anew."""
        for number in numbers:
            self.counts[number] = self.tokens(self.drafts[number].result(markers=self.markers))

    def estimate(self, draft: Draft, units: Iterable[int]) -> int:
        """Return about how many tokens more there are when units of a draft are kept."""
        more = 0.0
        gaps = 0
        for number in units:
            more += (draft.units[number].end - draft.before(number)) * self.rate
            gaps += draft.gaps(number)
        return math.ceil(more) + gaps

    def keep_what_must_stay(self) -> int:
        """Keep what has to stay in any case and return the fewest tokens that the texts can then have."""
        for draft in self.drafts:
            for number, unit in enumerate(draft.units):
                if unit.must:
                    draft.keep(draft.needed(number, hard=True))
        self.markers = False
        self.count(*range(len(self.drafts)))
        bare = self.counts
        self.markers, self.counts = True, [0] * len(self.drafts)
        self.count(*range(len(self.drafts)))
        least = min(sum(self.counts), sum(bare), self.whole)
        if self.left < 0:
            self.markers, self.counts = False, bare
        return least

    def settle(self, kept: list[tuple[int, list[int]]]) -> bool:
        """Count what changed, take back what was kept last until the budget holds, and return whether some stays.

        Args:
            kept: numbers of drafts with the units of them that were kept, in order.
        """
        changed = {at for at, _ in kept}
        while True:
            self.count(*sorted(changed))
            over, changed = -self.left, set()
            while kept and over > 0:
                at, units = kept.pop()
                self.drafts[at].drop(units)
                over -= max(1, self.estimate(self.drafts[at], units))
                changed.add(at)
            if not changed:
                return bool(kept)
