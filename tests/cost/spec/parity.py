"""Read the same records with both compilers of a spec, and compare what they make of them.

The contract: where the duckdb query says OK, FREE, NO_USAGE or SKIP, the Python function says the same, with the same
canonical fields. Where the query says BAD or UNKNOWN the Python function decides, so anything goes; on records as
they are really logged that must not happen where the Python function says OK.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import duckdb

from llmopt.core.money import EXACT
from llmopt.core.usage import BUCKETS
from llmopt.cost.keying import Keying
from llmopt.cost.line import decoded
from llmopt.cost.plan import Plan
from llmopt.cost.query import Scan, _records
from llmopt.cost.spec.columns import JsonRelation, literal
from llmopt.cost.spec.load import GROUP_FIELDS, Spec
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row
from llmopt.cost.spec.values import epoch_micros

Json = Any
Place = tuple[int, ...]
"""Line, then the position in each nested list; all from 1."""
Canonical = dict[str, object]
UNSURE = (Outcome.BAD, Outcome.UNKNOWN)
NO_ROW: Canonical = {"outcome": Outcome.SKIP}
"""An empty list of rows is one row of nulls to the query, and no row to the Python function."""
KEYING = Keying((date(2025, 1, 1),), (200_000,))
_FRACTION = re.compile(r"-?\d+(\.\d+|[eE][+-]?\d+|\.\d+[eE][+-]?\d+)")
PENNY = Decimal("1e-12")


@dataclass(frozen=True)
class Compared:
    """What the two compilers said of one row."""

    place: Place
    query: Canonical
    python: Canonical
    line: str = field(repr=False)

    @property
    def agree(self) -> bool:
        """May the query be believed?"""
        if self.python is NO_ROW:
            return self.query["outcome"] in (*UNSURE, Outcome.SKIP)
        return self.query["outcome"] in UNSURE or self.query == self.python

    @property
    def sure(self) -> bool:
        """Did the query leave nothing to the slow path that is fine?"""
        return self.query["outcome"] not in UNSURE or self.python["outcome"] in (*UNSURE, Outcome.SKIP)

    def difference(self) -> str:
        """Say what differs, for the message of a failed test."""
        names = [name for name in self.query | self.python if self.query.get(name) != self.python.get(name)]
        names = ["outcome"] if "outcome" in names else names
        parts = [f"{name}: query {self.query.get(name)!r}, Python {self.python.get(name)!r}" for name in names]
        return f"{self.place}: {'; '.join(parts)}\n  {self.line}"


def compare(spec: Spec, lines: Sequence[str], path: Path, *, check_tiers: bool = True) -> list[Compared]:
    """Read `lines` (JSON texts) with both compilers of `spec` (a variant)."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    plan = Plan(KEYING, by=GROUP_FIELDS, check_tiers=check_tiers)
    query = query_rows(spec, path, plan)
    python = python_rows(spec, lines)
    missed = python.keys() - query.keys()
    assert not missed, f"rows that the query does not have: {missed}"
    return [Compared(place, row, python.get(place, NO_ROW), lines[place[0] - 1]) for place, row in query.items()]


def query_rows(spec: Spec, path: Path, plan: Plan) -> dict[Place, Canonical]:
    """Return the canonical rows of a file as the duckdb query sees them."""
    read = (
        f"read_json([{literal(str(path))}], format = 'newline_delimited', ignore_errors = true, "
        "records = true, maximum_object_size = 1048576, columns = {columns})"
    )
    sql, _ = _records(Scan((spec,), JsonRelation(), read), plan, 0, numbered=True)
    found = connection().execute(sql)
    names = [column[0] for column in found.description or ()]
    rows = (dict(zip(names, values, strict=True)) for values in found.fetchall())
    return {_place(row, spec): _from_query(row, spec) for row in rows}


def python_rows(spec: Spec, lines: Iterable[str]) -> dict[Place, Canonical]:
    """Return the canonical rows of the lines as the Python function sees them.

    Within a file of a known format the query asks the guard, not the whole of `detect`.
    """
    reader = RecordReader(replace(spec, detect=spec.guard))
    found: dict[Place, Canonical] = {}
    for number, line in enumerate(lines, 1):
        record, reason = decoded(line.encode(), first=False)
        if reason:
            found[(number, *(1 for _ in spec.rows))] = {"outcome": Outcome.UNKNOWN}
            continue
        rows = reader.rows(record)
        if not rows and not reader.is_empty(record):
            found[(number, *(1 for _ in spec.rows))] = {"outcome": Outcome.UNKNOWN}
        for row in rows:
            found[(number, *row.place)] = _from_python(row, spec)
    return found


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """Return a connection like the engine's."""
    offline: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return duckdb.connect(config=offline)


def text_of(record: Json) -> str:
    """Return a record as one line of JSON."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def _place(row: dict[str, Any], spec: Spec) -> Place:
    return (row["llmopt_row"], *(row[f"llmopt_i{n + 1}"] for n in range(len(spec.rows))))


def _from_query(row: dict[str, Any], spec: Spec) -> Canonical:
    outcome = Outcome(row["outcome"])
    spans: Canonical = {name: _whole(row[f"tree_{name}"]) for name in ("id", "parent") if spec.tree}
    if outcome not in (Outcome.OK, Outcome.NO_USAGE):
        return {"outcome": outcome, **spans}
    tier = spec.tier_map.get(str(row["tier"]).lower()) if row["tier"] else "default"
    if tier is None:  # the engine asks again, with tiers checked
        return {"outcome": Outcome.BAD}
    used = outcome == Outcome.OK
    stamp = row["ts"]
    return {
        "outcome": outcome,
        "model": _text(row["model"]),
        "provider": row["provider"],
        "tier": tier,
        "request_id": None if spec.dedupe else _text(row["request_id"]),
        "timestamp": None if stamp is None else _micros(stamp),
        "naive": row["naive"],
        "requests": row["requests"] if used else 1,
        "reported_usd": _money(row["reported_usd"]),
        "key": row["key"],
        "order": tuple(-inf if row[f"o{n}"] is None else row[f"o{n}"] for n in range(_orders(spec))),
        **spans,
        **{bucket: row[bucket] if used else 0 for bucket in BUCKETS},
        **{group: _text(row[f"g_{group}"]) for group in GROUP_FIELDS},
    }


def _from_python(row: Row, spec: Spec) -> Canonical:
    spans: Canonical = {"id": _whole(row.span), "parent": _whole(row.parent)} if spec.tree else {}
    if row.outcome not in (Outcome.OK, Outcome.NO_USAGE):
        return {"outcome": row.outcome, **spans}
    return {
        "outcome": row.outcome,
        "model": _text(row.model),
        "provider": row.provider,
        "tier": row.tier,
        "request_id": None if spec.dedupe else _text(row.request_id),
        "timestamp": epoch_micros(row.timestamp),
        "naive": row.naive,
        "requests": row.requests,
        "reported_usd": _money(row.reported_usd),
        "key": "\x1f".join(part or "" for part in row.key) if row.key and all(row.key) else None,
        "order": row.order,
        **spans,
        **{bucket: getattr(row.usage, bucket) for bucket in BUCKETS},
        **{group: _text(row.groups[group]) for group in GROUP_FIELDS},
    }


def _text(text: str | None) -> str | None:
    """Fractions, and objects and lists that hold some, have more than one spelling as text."""
    if text and _FRACTION.fullmatch(text):
        return repr(float(text))
    try:
        return json.dumps(json.loads(text)) if text and text[0] in "[{" else text
    except ValueError:
        return text


def _orders(spec: Spec) -> int:
    return len(spec.dedupe.order) if spec.dedupe else 0


def _whole(identity: str | None) -> str | None:
    """The identity of a span; one without its last part is none, one without a trace may begin with a blank."""
    return None if identity is None or identity.endswith("\x1f") else identity.removeprefix(" ")


def _micros(stamp: datetime | str) -> int | str | None:
    """An infinite timestamp comes as a text, to differ from every instant."""
    return stamp if isinstance(stamp, str) else epoch_micros(stamp.replace(tzinfo=UTC))


def _money(amount: Decimal | None) -> Decimal | None:
    """Both read what an amount can be; of absurdly large ones the query takes more, and rounds them."""
    return None if amount is None or abs(amount) >= 10**9 else amount.quantize(PENNY, context=EXACT)
