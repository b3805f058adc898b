"""Compile a spec into a Python function of one record.

Used for single live responses, for recognising a file's format, and for the lines that the duckdb query passed
over: there it says what is wrong. `tests/cost/spec/test_parity.py` holds it against `sql.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any

from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.spec.closures import Closures, Frames, get
from llmopt.cost.spec.expr import Expr, Path
from llmopt.cost.spec.load import GROUP_FIELDS, LOGGED_TEXTS, Spec, is_time
from llmopt.cost.spec.row import Outcome, Row, Told
from llmopt.cost.spec.values import SAYS_NOTHING, BadCount, epoch_micros, to_money, to_time, to_total

_TEXTS = ("request_id", "provider", "model", "tier", *GROUP_FIELDS)
_COUNTS = (*BUCKETS, "total", "requests")
_Number = Callable[[Frames], int | Decimal | None]
Note = Callable[[Spec, Frames, str], Told]
"""(format, record, `file:line`) -> what to keep of a call beyond what a bill needs."""


class Detector:
    """Recognises records of one spec."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._carried: dict[int, Any] = {}
        self._compiler = Closures(spec)
        self._detect = self._compiler.truth(spec.detect)

    def detects(self, line: Any) -> bool:
        """Is any row of this decoded line of the spec's format?"""
        return any(self._detect(frames) for frames in self._frames(line))

    def is_empty(self, line: Any) -> bool:
        """Is this a record of the format whose list of rows is there, and empty?"""
        if not self.spec.rows:
            return False
        body = line if self.spec.in_list else get(line, self.spec.wrapper)
        return isinstance(get(body, self.spec.rows[0]), list) and not any(True for _ in self._frames(line))

    def _frames(self, line: Any) -> Iterator[Frames]:
        body = line
        if not self.spec.in_list:
            body = get(line, self.spec.wrapper)
        yield from self._nested(Frames(line, [body], self._carried), self.spec.rows)

    def _nested(self, frames: Frames, lists: tuple[tuple[str, ...], ...]) -> Iterator[Frames]:
        if not lists:
            yield frames
            return
        elements = get(frames.levels[-1], lists[0])
        for number, element in enumerate(elements if isinstance(elements, list) else [], 1):
            inner = Frames(frames.line, [*frames.levels, element], frames.carried, (*frames.place, number))
            yield from self._nested(inner, lists[1:])


class RecordReader(Detector):
    """Reads records of one spec; keep one a file where the spec carries values from line to line."""

    def __init__(self, spec: Spec, note: Note | None = None) -> None:
        """`note` is given where calls are read one by one."""
        super().__init__(spec)
        self._note = note
        compiler = self._compiler
        self._skip, self._usage = compiler.truth(spec.skip), compiler.truth(spec.usage)
        self._free, self._failed = compiler.truth(spec.free), compiler.truth(spec.failed)
        self._ask = {name: compiler.truth(expr) for name, expr in spec.ask.items()}
        fields = spec.fields
        self._text = {name: compiler.text(fields[name]) for name in _TEXTS if name in fields}
        self._said = {name: compiler.text(fields[name]) for name in LOGGED_TEXTS if name in fields}
        self._count = {name: compiler.count(fields[name]) for name in _COUNTS if name in fields}
        total = fields.get("total")
        plain = compiler.value(total) if isinstance(total, Path) else None
        self._reported_total: _Number | None = (
            (lambda frames: to_total(plain(frames))) if plain else self._count.get("total")
        )
        self._time = compiler.value(fields["timestamp"]) if "timestamp" in fields else None
        self._reported = compiler.text(fields["reported_usd"]) if "reported_usd" in fields else None
        dedupe = spec.dedupe
        self._key = [compiler.text(expr) for expr in dedupe.key] if dedupe else []
        self._order = [_sorter(compiler, expr) for expr in dedupe.order] if dedupe else []
        tree = spec.tree
        self._span = [compiler.text(expr) for expr in tree.id] if tree else []
        self._parent = [compiler.text(expr) for expr in tree.parent] if tree else []
        self.stateful = compiler.stateful

    def rows(self, line: Any, where: str = "") -> list[Row]:
        """Read every row of a decoded line; rows that are not of the format come back as UNKNOWN.

        Args:
            line: the record.
            where: `file:line` of it, for the notes.
        """
        return [self._row(frames, where) for frames in self._frames(line)]

    def _row(self, frames: Frames, where: str) -> Row:
        span, parent = (_identity(reads, frames) if reads else None for reads in (self._span, self._parent))
        row = partial(Row, self.spec.name, place=frames.place, span=span, parent=parent)
        key = tuple(read(frames) for read in self._key)
        if not self._detect(frames):
            return row(Outcome.UNKNOWN)
        text = {field: read(frames) for field, read in self._text.items()}
        if self._skip(frames):
            return row(Outcome.SKIP)
        try:
            used = self._usage(frames)
            if self._free(frames) or (not used and self._failed(frames)):
                return row(Outcome.FREE, timestamp=to_time(self._time(frames))[0] if self._time else None)
            asked = next((setting for setting, test in self._ask.items() if test(frames)), None)
            if asked is not None:
                return row(Outcome.BAD, f"cannot be read without --{asked} (see docs/cost.md)")
            tier = _tier(text.get("tier"), self.spec)
            usage, requests = self._usage_of(frames) if used else (Usage(), 1)
            stamp, naive = to_time(self._time(frames)) if self._time else (None, False)
            order = tuple(read(frames) for read in self._order)
        except BadCount as error:
            return row(Outcome.BAD, str(error))
        return row(
            outcome=Outcome.OK if used else Outcome.NO_USAGE,
            request_id=text.get("request_id"),
            timestamp=stamp,
            naive=naive,
            provider=text.get("provider"),
            model=text.get("model"),
            tier=tier,
            usage=usage,
            requests=requests,
            aggregate=self.spec.aggregate,
            groups={group: text.get(group) for group in GROUP_FIELDS},
            reported_usd=to_money(self._reported(frames)) if self._reported else None,
            prompt=None if used else self._logged("prompt", frames),
            response=None if used else self._logged("response", frames),
            key=key,
            order=order,
            told=None if self._note is None else self._note(self.spec, frames, where),
        )

    def _logged(self, name: str, frames: Frames) -> str | None:
        """Read what was asked or answered; None where there is nothing to count."""
        text = self._said[name](frames) if name in self._said else None
        return None if text is None or text.strip() in SAYS_NOTHING else text

    def _usage_of(self, frames: Frames) -> tuple[Usage, int]:
        counts: dict[str, int] = {}
        for bucket in BUCKETS:
            if bucket in self._count:
                count = self._count[bucket](frames)
                if count is None:
                    raise BadCount(f"usage without a count for {bucket}")
                if count < 0:
                    raise BadCount(f"{bucket} would be {count}: the parts exceed the count they stand inside of")
                counts[bucket] = count
        total = self._reported_total(frames) if self._reported_total else None
        if total is not None and total != sum(counts.values()):
            raise BadCount(f"the parts add up to {sum(counts.values())} tokens, the record says {total}")
        requests = self._count["requests"](frames) if "requests" in self._count else 1
        return Usage(**counts), 1 if requests is None else requests


def _identity(reads: list[Callable[[Frames], str | None]], frames: Frames) -> str | None:
    """Join the parts of an identity; None where the last of them, the span's own, is missing."""
    parts = [read(frames) for read in reads]
    return "\x1f".join(part or "" for part in parts) if parts and parts[-1] else None


def _tier(raw: str | None, spec: Spec) -> str:
    if raw is None:
        return "default"
    tier = spec.tier_map.get(raw.lower())
    if tier is None:
        raise BadCount(f"unknown service tier {raw[:40]!r}")
    return tier


def _sorter(compiler: Closures, expr: Expr) -> Callable[[Frames], float]:
    """Read what an order expression sorts by, as the query does: an instant or a number, the missing before all."""
    if is_time(expr):
        value = compiler.value(expr)
        return lambda frames: _number(epoch_micros(to_time(value(frames))[0]))
    count = compiler.count(expr, signed=True)

    def sortable(frames: Frames) -> float:
        try:
            return _number(count(frames))
        except BadCount:
            return -inf

    return sortable


def _number(value: int | None) -> float:
    return -inf if value is None else float(value)
