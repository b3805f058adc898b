"""Whether `predict` is so short that it may run on the event loop.

To hand a batch to a thread and back takes some tens of microseconds (two wake-ups by the kernel), and the loop could do
little else in that time. So a `predict` that has proven to be shorter than that blocks the loop for
less time than the hand-off would cost. One that computes anything takes longer, and always runs in the thread.
"""

from __future__ import annotations

PROOF = 64
"""So many short batches in a row are taken as proof."""
TOLERANCE = 4
"""A batch in the loop may take this many times the limit; one that takes longer ends the proof."""
MOST_PROOF = 65_536
"""The proof grows no longer than this."""


class Pace:
    """Watches how long batches take.

    Args:
        limit_s: longest time of a batch that may run in the loop; 0: none may.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._needed = PROOF
        self._short = 0
        self.inline = False
        """Whether the next batch may run in the loop."""

    def threaded(self, service_s: float) -> None:
        """Take note of a batch that ran in the thread."""
        self._short = self._short + 1 if service_s < self._limit_s else 0
        if self._short >= self._needed:
            self.inline, self._short = True, 0

    def looped(self, service_s: float) -> None:
        """Take note of a batch that ran in the loop: a long one sends the next ones to the thread.

        Each time the new proof is twice as long, until one was followed by many short batches.
        """
        self._short += 1
        if service_s > TOLERANCE * self._limit_s:
            held = self._short > 16 * self._needed
            self._needed = PROOF if held else min(2 * self._needed, MOST_PROOF)
            self.inline, self._short = False, 0

    def forbid(self) -> None:
        """Let no batch run in the loop any more: `predict` needs its own thread."""
        self.inline, self._limit_s = False, 0.0
