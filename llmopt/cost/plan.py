"""What is asked of the logs, and which files are read together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmopt.cost.keying import Keying
from llmopt.cost.sources import Source
from llmopt.cost.spec.load import Spec


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the log."""

    keying: Keying
    by: tuple[str, ...] = ()
    """Groups that come from the record: `GROUP_FIELDS`, `TIME_GROUPS`, `file`."""
    since_us: int | None = None
    until_us: int | None = None
    """Half-open period in microseconds since 1970; records outside are skipped."""
    dedupe: str = "auto"
    """`none`; `auto`: formats that repeat by nature; `all`: every format, by request id and content."""
    sample: int = 1
    """Look for repeated request ids among 1 in `sample` of them."""
    deployments: Mapping[str, str] = field(default_factory=dict)
    """Name as logged, in lower case -> model: whose tokenizer counts a text."""
    fields: tuple[str, ...] = ()
    """Further canonical fields of each record, as text."""
    apart: bool = False
    """Keep records of each day and file apart whatever becomes of them, not only those that are counted."""
    check_tiers: bool = False
    """Call records with an unknown service tier BAD; only worth its time once one has turned up."""


@dataclass(slots=True)
class Batch:
    """Files that one scan reads."""

    specs: tuple[Spec, ...]
    """Formats (at their places in the line) that the files hold, most specific first."""
    kind: str
    """`lines` (JSON), `csv` or `parquet`."""
    sources: list[Source]
