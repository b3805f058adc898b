"""Small logs as columns, written by hand: no file is read."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from llmopt.core.rate import Price, Rates
from llmopt.cost.call_columns import KEPT, NO_TIME, CallColumns, Kind

SECOND = 1_000_000
BUCKETS = ("input_uncached", "input_cache_read", "output_text")


def price(uncached: str = "1", output: str = "2", **changes: object) -> Price:
    """Return a price in dollars a million tokens."""
    rates = Rates(input_uncached=Decimal(uncached), output_text=Decimal(output))
    row = {"price_id": "p/m@undated", "provider": "p", "model": "m", "tier": "default", "effective_from": None}
    return Price(**{**row, "rates": rates, **changes})  # type: ignore[arg-type]


def kind(model: str = "m", row: Price | None = None, unpriced: str = "") -> Kind:
    """Return a kind of calls."""
    return Kind(model, "p", "default", None, 0, row, unpriced)


@dataclass(frozen=True, slots=True)
class One:
    """One call."""

    at_s: float | None
    request: int = 0
    tokens: Mapping[str, int] = field(default_factory=lambda: {"input_uncached": 100, "output_text": 10})
    kind: int = 0
    took_s: float = 0.0
    size_bytes: int = 100
    kept: bool = True
    label: int = 0


def columns(calls: Sequence[One], kinds: Sequence[Kind], labels: Sequence[Mapping[str, str]] = ({},)) -> CallColumns:
    """Return calls, which are by time, as columns."""
    return CallColumns(
        at_us=array("q", [NO_TIME if call.at_s is None else round(call.at_s * SECOND) for call in calls]),
        kind=array("i", [call.kind for call in calls]),
        request=array("i", [call.request for call in calls]),
        usage={bucket: array("q", [call.tokens.get(bucket, 0) for call in calls]) for bucket in BUCKETS},
        took_us=array("q", [round(call.took_s * SECOND) for call in calls]),
        answer_bytes=array("q", [call.size_bytes for call in calls]),
        flags=array("B", [KEPT if call.kept else 0 for call in calls]),
        label=array("i", [call.label for call in calls]),
        kinds=list(kinds),
        labels=list(labels),
        files=("log.jsonl",),
    )
