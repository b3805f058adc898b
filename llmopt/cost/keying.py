"""The parts of a ledger key that come from the price table: epoch, part of the day, long-context band.

Each is worked out twice, in SQL for the query and in Python for single records, from the same cuts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from llmopt.cost.spec.columns import literal


@dataclass(frozen=True, slots=True)
class Keying:
    """Where prices change: over time, within the day, and with the length of the input."""

    change_dates: tuple[date, ...]
    """Every UTC day on which some price changes, ascending."""
    thresholds: tuple[int, ...]
    """Every long-context threshold, in input tokens, ascending."""
    minutes: tuple[int, ...] = ()
    """Minutes of the UTC day at which prices by the hour change, ascending."""
    hourly_names: tuple[str, ...] = ()
    """Lower-case parts of the names of models with prices by the hour."""

    def epoch(self, stamp: datetime | None) -> date | None:
        """Return the first day of the stretch that `stamp` lies in."""
        if stamp is None:
            return None
        return self.epoch_start(bisect_right(self.change_dates, stamp.date()))

    def epoch_start(self, index: int) -> date:
        """Return the first day of the index-th stretch; the day before all changes for the 0-th."""
        if not self.change_dates:
            return date(1970, 1, 1)
        return self.change_dates[index - 1] if index else self.change_dates[0] - timedelta(days=1)

    def minute(self, model: str | None, stamp: datetime | None) -> int:
        """Return the first minute of the part of the day, 0 for models whose price does not depend on it."""
        if stamp is None or not self.minutes or not any(name in (model or "").lower() for name in self.hourly_names):
            return 0
        index = bisect_right(self.minutes, stamp.hour * 60 + stamp.minute)
        return self.minutes[index - 1] if index else 0

    def band(self, input_tokens: int, *, aggregate: bool) -> int:
        """Return the largest threshold that `input_tokens` exceeds; 0 for none, and for sums of many requests."""
        index = 0 if aggregate else bisect_left(self.thresholds, input_tokens)
        return self.thresholds[index - 1] if index else 0

    def epoch_sql(self, day: str) -> str:
        """SQL of the index of the stretch that a DATE lies in; -1 for null."""
        cuts = [f"DATE '{change}'" for change in self.change_dates]
        return f"CASE WHEN {day} IS NULL THEN -1 ELSE {_bisect(day, cuts, range(len(cuts) + 1))} END"

    def minute_sql(self, model: str, stamp: str) -> str:
        """SQL of the index of the part of the day: 0, or 1 + the index of the cut before."""
        if not self.minutes:
            return "0"
        named = " OR ".join(f"contains(lower({model}), {literal(name)})" for name in self.hourly_names)
        cuts = [str(cut) for cut in self.minutes]
        part = _bisect(f"(hour({stamp}) * 60 + minute({stamp}))", cuts, range(len(cuts) + 1))
        return f"CASE WHEN {stamp} IS NOT NULL AND ({named}) THEN {part} ELSE 0 END"

    def band_sql(self, input_tokens: str) -> str:
        """SQL of the index of the band of a single request: 0, or 1 + the index of the threshold."""
        if not self.thresholds:
            return "0"
        cuts = [str(cut + 1) for cut in self.thresholds]
        return (
            f"CASE WHEN {input_tokens} < {cuts[0]} THEN 0 ELSE {_bisect(input_tokens, cuts, range(len(cuts) + 1))} END"
        )


def instant(epoch: date | None, minute: int) -> datetime | None:
    """Return an instant that stands for all records of a key: prices are the same at each."""
    if epoch is None:
        return None
    return datetime.combine(epoch, time(minute // 60, minute % 60), UTC)


def _bisect(value: str, cuts: Sequence[str], results: Sequence[int]) -> str:
    """SQL of a binary search: the result left of the first cut greater than `value`."""
    if not cuts:
        return str(results[0])
    middle = len(cuts) // 2
    below = _bisect(value, cuts[:middle], results[: middle + 1])
    above = _bisect(value, cuts[middle + 1 :], results[middle + 1 :])
    return f"CASE WHEN {value} < {cuts[middle]} THEN {below} ELSE {above} END"
