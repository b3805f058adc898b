"""What may be asked of a log, by name; without an import that takes time, so that a command line can name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypedDict


class PriceOptions(TypedDict, total=False):
    """The options of `llmopt.price_logs`, which every engine takes; see there."""

    by: Sequence[str]
    since: datetime | None
    until: datetime | None
    as_of: datetime | None
    input_format: str
    mapping: Mapping[str, str] | None
    format_specs: Sequence[Path]
    prices: Sequence[Path]
    deployments: Mapping[str, str] | None
    cached: str | None
    dedupe: str
    jobs: int | None
    memory_bytes: int | None
    dearest: bool
    daily: bool
