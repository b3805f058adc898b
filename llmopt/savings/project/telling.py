"""What one should know of a lever beside its dollars, in words: what it could not see, and what was assumed for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import reduce

from llmopt.core.money import EXACT, dollars
from llmopt.cost.call_columns import KEPT, CallColumns, Kind
from llmopt.savings.project.by_call import by_call, timed_calls
from llmopt.savings.project.cells import Cells
from llmopt.savings.project.changes import Sums
from llmopt.savings.project.levers.batch import tagged
from llmopt.savings.project.levers.swap import Shift
from llmopt.savings.project.plan import BatchLever, CacheLever, Plan, SelfHostLever
from llmopt.savings.project.prefixes.notes import caching_notes
from llmopt.savings.project.prefixes.rules import PrefixRules
from llmopt.savings.project.prefixes.tree import ROOT
from llmopt.savings.project.replays import Gone
from llmopt.savings.project.requests import (
    HASHED,
    NOT_LOGGED,
    READS_MORE,
    SAMPLES,
    UNDECIDED,
    UNKNOWN_SETTINGS,
    Requests,
)

Priced = Callable[[Sums, Gone], Decimal]
"""What some calls cost."""
_BLIND_FLAGS = {"routing": UNDECIDED, "compression": HASHED | NOT_LOGGED}
"""Lever -> the bit of requests that it cannot look into."""


class Telling:
    """Finds words for the levers of one plan on one log."""

    def __init__(self, columns: CallColumns, requests: Requests, cells: Cells, plan: Plan) -> None:
        """Prepare.

        Args:
            columns: the calls.
            requests: what is known of their requests.
            cells: the calls, put together.
            plan: how the levers are set.
        """
        self._columns, self._requests, self._cells, self._plan = columns, requests, cells, plan
        self._unseen: dict[str, int] = {}

    def unseen(self, lever: str) -> int:
        """Return how many calls a lever could not look at."""
        if lever not in self._unseen:
            self._unseen[lever] = self._blind(lever)
        return self._unseen[lever]

    def notes(self, lever: str, gone: Sequence[Gone]) -> list[str]:
        """Return what one should know of a lever.

        Args:
            lever: its name.
            gone: what came of the calls with all levers on.
        """
        if lever == "cache":
            return list(self._of_cache())
        if lever in ("routing", "swap"):
            return list(self._of_models(lever, gone))
        if lever == "batch":
            return [*_of_batch(gone), *self._idle(self._plan.batch)]
        if lever == "self_host":
            return list(self._idle(self._plan.self_host))
        if lever == "prompt_cache" and self.unseen(lever) < len(self._columns):
            return list(caching_notes(self._columns, _answered_by(gone), PrefixRules.load()))
        return []

    def sampled(self, logged: Iterable[Gone], priced: Priced) -> list[str]:
        """Say how much of what the cache saves comes from requests that sample, or may.

        Args:
            logged: the calls with no lever on.
            priced: says what calls cost.
        """
        cells = self._cells.cells
        calls = sum(len(cell) for cell in cells if cell.sampled)
        if not calls:
            return []
        parts = [priced(part, each) for each in logged if cells[each.cell].sampled for part in each.sums]
        usd = dollars(reduce(EXACT.add, parts, Decimal(0)))
        return [
            f"{_calls(calls)} answered from the cache ({usd}) with a request that samples, or may: users see the same "
            "words again (only_deterministic leaves such requests out)"
        ]

    def _idle(self, lever: BatchLever | SelfHostLever | None) -> Iterator[str]:
        """Name the tags that no call has: typos save nothing, silently."""
        for tag in lever.tags if lever is not None else ():
            if not any(tagged(label, (tag,)) for label in self._columns.labels):
                yield f"no call has {tag[0]}={tag[1]}"

    def _blind(self, lever: str) -> int:
        requests, calls = self._requests, len(self._columns)
        if lever in _BLIND_FLAGS:
            by_flags = bytes(bool(flags & _BLIND_FLAGS[lever]) for flags in range(256))
            return by_call("B", requests.flags.tobytes().translate(by_flags), 1, self._columns).tobytes().count(1)
        timed = timed_calls(self._columns)
        if lever in ("cache", "prompt_cache"):
            known = map((0).__gt__, requests.canonical) if lever == "cache" else map(ROOT.__ge__, requests.chain)
            found = by_call("B", bytes(known), 1, self._columns).tobytes()
            return found[:timed].count(1) + calls - timed
        by_hour = lever == "batch" and self._plan.batch is not None and self._plan.batch.hours is not None
        return calls - timed if by_hour else 0

    def _of_cache(self) -> Iterator[str]:
        columns, lever = self._columns, self._plan.cache
        by_flags = Counter(by_call("B", self._requests.flags, NOT_LOGGED, columns))
        counts = {
            "{} without a request in the log: never answered from the cache": _having(by_flags, NOT_LOGGED),
            "{} without a time: never answered from the cache": len(columns) - timed_calls(columns),
            **self._refused(by_flags),
            "{} whose answer a cache does not keep (cut off, filtered, failed)": sum(
                calls for flags, calls in Counter(columns.flags).items() if not flags & KEPT
            ),
            "{} answered from the cache without a price: no dollars are saved there": sum(
                len(cell) for cell in self._cells.cells if cell.hit and columns.kinds[cell.kind].price is None
            ),
        }
        yield from (text.format(_calls(calls)) for text, calls in counts.items() if calls)
        tenant = lever.tenant if lever is not None else ""
        if tenant not in ("", CacheLever().tenant) and not any(label.get(tenant) for label in columns.labels):
            yield f"no record names a {tenant}: all are taken for one"
        if lever is not None and lever.size_bytes is not None and columns.sizes_estimated:
            yield "sizes of answers are estimated from their tokens where the log does not hold them"

    def _refused(self, by_flags: Mapping[int, int]) -> dict[str, int]:
        """Count the calls whose request a cache does not answer."""
        more = "{} with a request that reads more than its own text: never answered from the cache"
        found = {more: _having(by_flags, READS_MORE)}
        if self._plan.cache is not None and self._plan.cache.only_deterministic:
            others = {flags: calls for flags, calls in by_flags.items() if not flags & READS_MORE}
            sampling = "{} with a request that samples, or may: left out, as only_deterministic says"
            found[sampling] = _having(others, SAMPLES | UNKNOWN_SETTINGS)
        return found

    def _of_models(self, lever: str, gone: Iterable[Gone]) -> Iterator[str]:
        """Name the models whose tokens are estimated, and tiers that they do not have."""
        shifted: Counter[tuple[str, str, Shift]] = Counter()
        missed: Counter[tuple[str, str]] = Counter()
        for each in gone:
            target = each.way.target
            if not (target.swapped if lever == "swap" else target.routed and not target.swapped):
                continue
            old, new = self._columns.kinds[self._cells.cells[each.cell].kind].model or "", target.kind.model or ""
            calls = sum(part.calls for part in each.sums)
            if target.shift.changes:
                shifted[old, new, target.shift] += calls
            if target.tier_missed:
                missed[new, target.tier_missed] += calls
        for (old, new, shift), calls in sorted(shifted.items(), key=lambda item: item[0][:2]):
            measured = self._requests.shifts.measures(old, new)
            how = "measured on texts of the log" if measured else "typical of many kinds of text"
            yield f"{old} to {new}, {_calls(calls)}: the same text has {_times_the_tokens(shift)}, {how}"
        for (new, tier), calls in sorted(missed.items()):
            yield f"{new} has no price on the {tier} tier: {_calls(calls)} at the default tier"


def _answered_by(gone: Iterable[Gone]) -> Counter[Kind]:
    """Count the calls by the kind that answers them; those of own machines left out."""
    counts: Counter[Kind] = Counter()
    for each in gone:
        if not each.way.served:
            counts[each.way.target.kind] += sum(part.calls for part in each.sums)
    return counts


def _of_batch(gone: Iterable[Gone]) -> Iterator[str]:
    missed: Counter[str] = Counter()
    for each in gone:
        if each.way.target.batch_missed and not each.way.served:
            missed[each.way.target.kind.model or ""] += sum(part.calls for part in each.sums)
    for name, calls in sorted(missed.items()):
        yield f"{name} has no batch price: nothing changes for {_calls(calls)}"


def _times_the_tokens(shift: Shift) -> str:
    """Return a ratio of tokenizers with its range, to as many digits as show that it is one."""
    ratios = [part / shift.den for part in (shift.num, shift.low, shift.high)]
    digits = 2 if any(round(ratio, 2) != 1 for ratio in ratios) else 3
    num, low, high = (f"{ratio:.{digits}f}" for ratio in ratios)
    return f"{num} times the tokens ({low} to {high})"


def _having(by_flags: Mapping[int, int], bits: int) -> int:
    """Count the calls with one of some bits."""
    return sum(calls for flags, calls in by_flags.items() if flags & bits)


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"
