"""What was found out about the distinct requests of a log, by their number: columns, and no text.

A `Looker` fills them in. A request is looked at once however often it was sent, so whatever depends on the single call
(when it came, what it cost, whose it was) is not here.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmopt.savings.project.levers.swap import Shifts

if TYPE_CHECKING:
    from llmopt.savings.project.prefixes.divergence import Template

SAMPLES, UNKNOWN_SETTINGS, READS_MORE, HASHED, UNDECIDED, NOT_LOGGED = 1, 2, 4, 8, 16, 32
"""Bits of `flags`: it samples; whether it does is not logged; its answer depends on more than its own body; only a hash
of its prompt is known, or not even that (`NOT_LOGGED`, too); the routing policy cannot decide without its text."""


@dataclass(slots=True)
class Requests:
    """Distinct requests; all columns are of one length, but for those that a lever that is off leaves empty."""

    canonical: array[int] = field(default_factory=lambda: array("i"))
    """Number of the question: requests with one number have one key in a cache (of one tenant). -1: it has no key, as
    JSON cannot spell it."""
    flags: array[int] = field(default_factory=lambda: array("B"))
    """Bits above."""
    route: array[int] = field(default_factory=lambda: array("i"))
    """Index in `routes`; -1: it stays where it is. Empty where routing is off."""
    counted: array[int] = field(default_factory=lambda: array("q"))
    """Tokens that compression started from; 0: nothing to compress. Together with `saved` it is a ratio, of this very
    request or of those that stand for it. Empty where compression is off, and so are the next four."""
    saved: array[int] = field(default_factory=lambda: array("q"))
    """Of `counted`, tokens that compression takes away."""
    saved_least: array[int] = field(default_factory=lambda: array("q"))
    """The same at the low end of what the sample leaves open; equal where the request itself was measured."""
    saved_most: array[int] = field(default_factory=lambda: array("q"))
    """The same at the high end."""
    measured: array[int] = field(default_factory=lambda: array("B"))
    """1: compressed itself, or there is nothing to compress; 0: others stand for it."""
    chain: array[int] = field(default_factory=lambda: array("i"))
    """Number of its chain in the tree of prefixes; -1: none. Empty where the provider's prompt cache is off."""
    too_many_prompts: bool = False
    """`chain` is empty since there are more prompts than one looks at for a lever that is off."""
    routes: tuple[str, ...] = ()
    """Models that the routing policy leads to."""
    templates: tuple[Template, ...] = ()
    """Prompts that are nearly alike, and where they part."""
    shifts: Shifts = field(default_factory=Shifts)
    """Ratios of tokenizers, as measured on the texts of the log."""
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Lever -> what it could not see of the requests, in words."""

    def __len__(self) -> int:
        return len(self.canonical)
