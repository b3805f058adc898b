"""What one should know of a lever beside its dollars, in words: what it could not see, and what was assumed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from llmopt.core.money import dollars
from llmopt.savings.project.levers.swap import Shift, Shifts
from llmopt.savings.project.plan import BatchLever, CacheLever, Plan, SelfHostLever
from llmopt.savings.project.requests import NOT_LOGGED, READS_MORE, SAMPLES, UNKNOWN_SETTINGS
from llmopt.savings.project.tallies import Moves, Tallies


class Telling:
    """Finds words for the levers of one plan on one log."""

    def __init__(self, tallies: Tallies, measured: Shifts, plan: Plan) -> None:
        """Prepare.

        Args:
            tallies: the calls, counted.
            measured: ratios of tokenizers.
            plan: how the levers are set.
        """
        self._tallies, self._measured, self._plan = tallies, measured, plan

    def unseen(self, lever: str) -> int:
        """Return how many calls a lever could not look at."""
        return self._tallies.unseen[lever]

    def notes(self, lever: str, moves: Moves) -> list[str]:
        """Return what one should know of a lever.

        Args:
            lever: its name.
            moves: where calls go with all levers on.
        """
        if lever == "cache":
            return list(self._of_cache())
        if lever in ("routing", "swap"):
            return list(self._of_models(lever, moves))
        if lever == "batch":
            return [*_of_batch(moves), *self._idle(self._plan.batch)]
        return list(self._idle(self._plan.self_host)) if lever == "self_host" else []

    def sampled(self, usd: Decimal) -> list[str]:
        """Say how much of what the cache saves comes from requests that sample, or may.

        Args:
            usd: what those calls cost without any lever.
        """
        calls = self._tallies.sampled
        if not calls:
            return []
        return [
            f"{_calls(calls)} answered from the cache ({dollars(usd)}) with a request that samples, or may: users see "
            "the same words again (only_deterministic leaves such requests out)"
        ]

    def _idle(self, lever: BatchLever | SelfHostLever | None) -> Iterator[str]:
        """Name the tags that no call has: typos save nothing, silently."""
        for tag in lever.tags if lever is not None else ():
            if tag not in self._tallies.tags:
                yield f"no call has {tag[0]}={tag[1]}"

    def _of_cache(self) -> Iterator[str]:
        tallies, lever = self._tallies, self._plan.cache
        counts = {
            "{} without a request in the log: never answered from the cache": _having(tallies.by_flags, NOT_LOGGED),
            "{} without a time: never answered from the cache": tallies.untimed,
            **self._refused(tallies.by_flags),
            "{} whose answer a cache does not keep (cut off, filtered, failed)": tallies.not_kept,
            "{} answered from the cache without a price: no dollars are saved there": tallies.unpriced_hits,
        }
        yield from (text.format(_calls(calls)) for text, calls in counts.items() if calls)
        tenant = lever.tenant if lever is not None else ""
        if tenant not in ("", CacheLever().tenant) and not tallies.has_tenants:
            yield f"no record names a {tenant}: all are taken for one"
        if lever is not None and lever.size_bytes is not None and tallies.sizes_estimated:
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

    def _of_models(self, lever: str, moves: Moves) -> Iterator[str]:
        """Name the models whose tokens are estimated, and tiers that they do not have."""
        shifted = [
            (old, new, shift, calls) for (whose, old, new, shift), calls in moves.shifted.items() if whose == lever
        ]
        for old, new, shift, calls in sorted(shifted, key=lambda item: item[:2]):
            how = (
                "measured on texts of the log" if self._measured.measures(old, new) else "typical of many kinds of text"
            )
            yield f"{old} to {new}, {_calls(calls)}: the same text has {_times_the_tokens(shift)}, {how}"
        for (whose, new, tier), calls in sorted(moves.missed.items()):
            if whose == lever:
                yield f"{new} has no price on the {tier} tier: {_calls(calls)} at the default tier"


def _of_batch(moves: Moves) -> Iterator[str]:
    for name, calls in sorted(moves.not_batched.items()):
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
