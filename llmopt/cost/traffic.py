"""The requests of a log one by one: when each came, how many tokens it had, which model it asked.

Any log that can be priced can be read so, and a request counts here where it counts in a bill: repeated records of one
response are one request at its earliest instant, spans that repeat others are none. Nothing goes missing: what is no
request of its own (a gateway's cache hit, a sum of many requests, a line that cannot be read) is counted by its kind.
Records too bare for a bill are read, too: a time or a count of tokens in a column of a usual name, without a model.

Read record by record, in the memory that the requests need; millions of them take minutes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.cost.keying import Keying
from llmopt.cost.mapping import mapped_specs
from llmopt.cost.one_by_one import read_each
from llmopt.cost.plan import Plan
from llmopt.cost.read import Reading
from llmopt.cost.rejects import Reader
from llmopt.cost.result import Rejected
from llmopt.cost.sniff import Sniffer
from llmopt.cost.spec.expr import Binary, Call, Const, Expr
from llmopt.cost.spec.expr import Path as ColumnPath
from llmopt.cost.spec.load import Spec, load_specs
from llmopt.cost.spec.row import Outcome
from llmopt.errors import InputError, UsageError

if TYPE_CHECKING:
    from llmopt.cost.read import Logs

_GENERIC, _BARE = "generic", "times and counts"
"""Names of the formats whose records may say too little for a bill."""
_FEW = ("request_id", "timestamp", "input_uncached", "output_text", "requests")
"""Fields of the second of them, which is asked for after all others."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a log."""

    at: datetime | None
    """When, in UTC, as the format tells it (of most: when it was made or answered); None where the log does not say."""
    input_tokens: int | None
    """Cached ones included, as billed or counted from the text; None where neither is in the log."""
    output_tokens: int | None
    """Reasoning included; None where neither a count nor the answer is in the log."""
    model: str | None
    """As logged."""
    counted: bool = False
    """Whether its tokens were counted from text; False: the log has the counts."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was asked, and what of the log is not in it."""

    requests: tuple[Request, ...]
    """By time; those without one come last, in the order of the log."""
    files: tuple[str, ...]
    untimed: int
    """Requests without a readable time."""
    without_input: int
    """Requests whose input tokens are not known."""
    aggregated: int
    """Records that add up many requests, which cannot be told apart; not in `requests`."""
    free: int
    """Cache hits of a gateway and failed requests, which no model answered; not in `requests`."""
    duplicates: int
    """Further records of requests that are in `requests` already."""
    skipped: int
    """Records of other things."""
    rejected: tuple[Rejected, ...]
    """Lines that cannot be read, by reason."""


def requests(
    paths: str | os.PathLike[str] | Logs,
    *,
    input_format: str = "auto",
    mapping: Mapping[str, str] | None = None,
    format_specs: Sequence[Path] = (),
    dedupe: str = "auto",
) -> Traffic:
    """Read the requests of logs.

    Args:
        paths: files, directories (recursive), globs, `-` for standard input, `.gz` and `.zst` too; pandas DataFrames.
        input_format: name of a format; `auto` tells each file's by its content.
        mapping: column of a table or generic log -> canonical field.
        format_specs: more format specs (`docs/format-specs.md`).
        dedupe: `auto` (formats that repeat by nature, and identical records with one request id) or `none`.

    Raises:
        InputError: a path that does not exist, or nothing in it could be read.
        UsageError: no such format.
    """
    specs = mapped_specs(tuple(load_specs(tuple(format_specs), {})), mapping or {})
    names = sorted(spec.name for spec in specs)
    if input_format != "auto":
        if input_format not in names:
            raise UsageError(f"no such input format: {input_format!r}", f"one of auto, {', '.join(names)}")
        specs = tuple(spec for spec in specs if spec.name == input_format)
    specs = _lenient(specs)
    found = _Found({spec.name for spec in specs if spec.aggregate})
    reading = Reading(ledger=found)
    reader = Reader(Sniffer(specs), Plan(Keying((), ()), dedupe=dedupe), reading)
    traffic = _traffic(found, reading, read_each(paths, reader))
    if not (found.requests or found.aggregated or traffic.free or traffic.skipped or traffic.duplicates):
        first = traffic.rejected[0] if traffic.rejected else None
        reason = f"{first.first}: {first.reason}" if first else f"{', '.join(traffic.files)}: no record in it"
        raise InputError(reason, "nothing in the log could be read; formats: " + ", ".join(names))
    return traffic


def _lenient(specs: Sequence[Spec]) -> tuple[Spec, ...]:
    """Return specs that take what says too little for a bill: no count of the answer, or not even a model."""
    generic = next((spec for spec in specs if spec.name == _GENERIC), None)
    if generic is None:
        return tuple(specs)
    has_input, stamp = _given(generic), generic.fields["timestamp"]
    fields = {**generic.fields, "output_text": Call("first", (generic.fields["output_text"], Const(0)))}
    lenient = replace(generic, usage=has_input, fields=fields)
    detect = Binary("or", has_input, Call("present", stamp.args if isinstance(stamp, Call) else (stamp,)))
    few = {name: value for name, value in fields.items() if name in _FEW} | {"model": Const("")}
    bare = replace(lenient, name=_BARE, fields=few, detect=detect, guard=detect, priority=-1)
    return (*(lenient if spec is generic else spec for spec in specs), bare)


def _given(generic: Spec) -> Expr:
    """Return whether a record has a count of input tokens: in the user's own column, or in one of a usual name."""
    own = generic.fields["input_uncached"]
    if isinstance(own, ColumnPath):
        return Call("present", (own,))
    # The generic format's ends with `present(input) or present(output)`; columns of the user come before.
    usual = generic.usage
    while isinstance(usual, Binary) and isinstance(usual.right, Binary):
        usual = usual.right
    return usual.left if isinstance(usual, Binary) else usual


class _Found(Ledger):
    """Takes the place of the ledger that a bill is added up in: keeps each record for itself."""

    def __init__(self, aggregates: set[str]) -> None:
        """`aggregates` are the formats whose records add up many requests."""
        super().__init__()
        self.aggregates = aggregates
        self.requests: list[Request] = []
        self.aggregated = 0

    def add(self, key: Key, entry: Entry) -> None:
        """Take note of one record."""
        if key.outcome not in (Outcome.OK, Outcome.NO_USAGE):
            return
        if key.format in self.aggregates or entry.requests != 1:
            self.aggregated += entry.records
            return
        counted, known = entry.counted, key.outcome == Outcome.OK
        has_input = known and not (counted and counted.requests_without_input)
        has_output = known and not (counted and counted.requests_without_output)
        has_output &= key.format not in (_GENERIC, _BARE) or entry.usage.output_tokens > 0
        self.requests.append(
            Request(
                at=entry.first,
                input_tokens=entry.usage.input_tokens if has_input else None,
                output_tokens=entry.usage.output_tokens if has_output else None,
                model=key.model,
                counted=counted is not None,
            )
        )


def _traffic(found: _Found, reading: Reading, files: Sequence[str]) -> Traffic:
    timed = [request for request in found.requests if request.at is not None]
    timed.sort(key=lambda request: request.at.timestamp() if request.at else 0.0)
    untimed = [request for request in found.requests if request.at is None]
    return Traffic(
        requests=(*timed, *untimed),
        files=tuple(files),
        untimed=len(untimed),
        without_input=sum(request.input_tokens is None for request in found.requests),
        aggregated=found.aggregated,
        free=reading.free,
        duplicates=reading.duplicates,
        skipped=reading.skipped,
        rejected=reading.rejects.listed(),
    )
