"""Values that several tests of the CPU route need."""

from __future__ import annotations

from typing import Any

from llmopt.core.ratio import Ratio
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.report import Speedup


def a_quality(drop: float = 0.01, width: float = 0.0, **fields: Any) -> Quality:
    """Return a quality of an encoder whose interval is so wide on either side."""
    known: dict[str, Any] = {
        "task": "embed",
        "inputs": 500,
        "tokens": 5_000,
        "drop_metric": "nearest neighbours changed",
    }
    return Quality(**known | {"drop": drop, "drop_low": drop - width, "drop_high": drop + width} | fields)


def a_speedup(value: float = 2.0, strongest: float = 1.5) -> Speedup:
    """Return a speed-up on a batch of 8 texts of 128 tokens."""
    return Speedup(
        value=value,
        low=value * 0.95,
        high=value * 1.05,
        base="torch float32",
        against_strongest=Ratio(strongest, strongest, strongest),
        strongest="openvino float32",
        batch_size=8,
        seq_len=128,
        threads=2,
        latency_p50_s=0.05,
        base_latency_p50_s=0.05 * value,
        rounds=30,
    )
