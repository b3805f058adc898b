"""What a projection says of a log as a whole, beside what its calls cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from llmopt.cost.call_columns import CallColumns
from llmopt.cost.result import Rejected
from llmopt.savings.project.by_call import timed_calls
from llmopt.savings.project.covered import Covered, covered
from llmopt.savings.project.result import Unseen
from llmopt.savings.project.times import APART_DAYS, Times, at_edges, times_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Log:
    """A log that was read, whole or in parts."""

    calls: int
    times: Times
    at_edges: tuple[int, int]
    """As `times.at_edges` counts."""
    with_request: int
    """Calls whose prompt, or a hash of it, is logged."""
    hashed: bool
    """Prompts are known by their hashes only."""
    unpriced: Mapping[str, int]
    """Why they have no price -> calls."""
    files: tuple[str, ...]
    aggregated: int = 0
    aggregated_usd: Decimal = Decimal(0)
    free: int = 0
    rejected: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()
    """Of reading."""

    @classmethod
    def of(cls, columns: CallColumns) -> Log:
        """Return what columns say."""
        at_us = columns.at_us[: timed_calls(columns)]
        times = times_of(at_us)
        return cls(
            calls=len(columns),
            times=times,
            at_edges=at_edges(at_us, times.most()),
            with_request=len(columns) - columns.request.count(-1),
            hashed=columns.hashed,
            unpriced=unpriced_of(columns),
            files=columns.files,
            aggregated=columns.aggregated,
            aggregated_usd=columns.aggregated_usd,
            free=columns.free,
            rejected=columns.rejected,
            warnings=columns.warnings,
        )

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """When the first and the last call was that has a time; those far apart from most others left out."""
        most = self.times.most()
        if most is None:
            return None, None
        first, last = (_EPOCH + timedelta(microseconds=end) for end in (most.first_us, most.last_us))
        return first, last

    @property
    def covered(self) -> Covered:
        """The whole days."""
        return covered(self.times.most(), self.at_edges)

    def lacks(self) -> Iterator[str]:
        """Say what the whole log lacks, so that some levers see nothing of it."""
        if self.calls and not self.times.calls:
            yield "no call has a time: what depends on time (cache, prompt cache, month) cannot be replayed"
        if self.calls and not self.with_request:
            yield "no call has its prompt or a hash of it: caches and compression cannot be replayed"
        elif self.hashed:
            yield "prompts are known by their hashes only: nothing that reads them can be replayed"

    def apart(self) -> Iterator[str]:
        """Say which calls are taken to be no part of the time that the log covers."""
        most = self.times.most()
        calls = self.times.calls - (most.calls if most is not None else 0)
        if calls:
            those = "1 call is" if calls == 1 else f"{calls:,} calls are"
            yield (
                f"{those} more than {APART_DAYS} days away from the others: replayed, but no part of the log's length, "
                "on which fees by the month, machines and the month depend; if wrong times are the reason, leave them "
                "out with --since or --until"
            )

    def left_out(self) -> Iterator[Unseen]:
        """Name the records that carry no dollars in the replay."""
        if self.aggregated:
            yield Unseen("sums of many requests, which cannot be replayed", self.aggregated, self.aggregated_usd)
        if self.free:
            yield Unseen("free already: hits of a gateway's cache, failed requests", self.free, Decimal(0))
        for reason, calls in sorted(self.unpriced.items()):
            yield Unseen(f"without a price: {reason}", calls, None)


def unpriced_of(columns: CallColumns) -> Counter[str]:
    """Count the calls without a price, by the reason."""
    unpriced = Counter[str]()
    for number, calls in Counter(columns.kind).items():
        if columns.kinds[number].price is None:
            unpriced[columns.kinds[number].unpriced or "no price"] += calls
    return unpriced
