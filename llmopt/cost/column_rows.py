"""Look at single rows of the batches of `llmopt.cost.column_sql`: where a hash turns up for the first time.

Here the texts are decoded: which kind of price a record has, its label, what was asked and what was answered, as
`llmopt.cost.call_book` finds them in a whole record.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from llmopt.core.ledger import Key
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.answer_bytes import answer_bytes
from llmopt.cost.answered import answered, column
from llmopt.cost.arrow import Batch, Texts
from llmopt.cost.asked import Asked, asked, asked_as, hash_of, is_cut
from llmopt.cost.call import Call
from llmopt.cost.call_columns import KEPT, NO_TIME, Kind
from llmopt.cost.column_book import ColumnBook, row_of
from llmopt.cost.column_sql import Places, keying_of
from llmopt.cost.column_wish import Wish
from llmopt.cost.csv_files import plain
from llmopt.cost.plan import Plan
from llmopt.cost.spec.expr import Const, Path
from llmopt.cost.spec.load import GROUP_FIELDS, Spec
from llmopt.cost.spec.row import Outcome
from llmopt.cost.spec.values import SAYS_NOTHING, from_micros, to_text
from llmopt.cost.totals import unpacked

FREE, SKIP, UNSURE = -1, -2, -3
"""What becomes of a record that is no call, in the place of the number of its kind."""
NO_USAGE = "no usage in the record"


class NeedsSettings(Exception):
    """A request is logged in parts, and what may stand beside it was not read."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of the statement mean."""

    plan: Plan
    formats: Sequence[Spec]
    places: Places
    files: Sequence[str]
    """Names of the files by number."""
    turns: Sequence[int]
    """Their places among all files of the log."""
    tables: frozenset[int]
    """Numbers of the files that are tables."""
    headed: frozenset[int]
    """Numbers of the files whose first line names the columns."""
    wish: Wish
    settings: bool
    """Was read what may stand beside a question?"""


class Rows:
    """Looks at single rows."""

    def __init__(self, book: ColumnBook, layout: Layout) -> None:
        """Keep where kinds and labels go, and what the columns mean."""
        self.book, self.layout = book, layout
        self._keying = keying_of(layout.plan)
        self._formats: dict[int, int] = {}
        """Kind of the statement -> format."""

    def kind(self, batch: Batch, row: int) -> int:
        """Look at a kind of record: the kind of the calls, or what becomes of them."""
        own = batch.columns
        formats = self.layout.formats
        _, fmt, outcome, epoch, minute, _ = unpacked(own["c_packed"][row], len(formats), self._keying)
        if outcome in (Outcome.FREE, Outcome.SKIP):
            return FREE if outcome == Outcome.FREE else SKIP
        if outcome not in (Outcome.OK, Outcome.NO_USAGE):
            return UNSURE
        spec = formats[fmt]
        tier = _tier_of(spec, _text_at(own["c_tier"], row))
        if tier is None:
            return UNSURE
        key = Key(
            format=spec.name,
            outcome=outcome,
            model=_text_at(own["c_model"], row),
            provider=_text_at(own["c_provider"], row) or _constant_provider(spec),
            tier=tier,
            epoch=None if epoch < 0 else self._keying.epoch_start(epoch),
            minute=self._keying.minutes[minute - 1] if minute else 0,
        )
        self._formats[own["c_kind"][row]] = fmt
        return self.book.kind_of(key, "" if outcome == Outcome.OK else NO_USAGE)

    def label(self, batch: Batch, row: int) -> int:
        """Look at a label: the number of its groups and extra columns."""
        record, line = self._reduced(batch, row, "c_label_text")
        extra = {name: text for name in self.layout.wish.columns if (text := column(record, line, name)) is not None}
        own = batch.columns
        groups = {
            name: text for name in self.layout.wish.groups if (text := _text_at(own[f"c_g_{name}"], row)) is not None
        }
        return self.book.label_of(extra | groups)

    def call(self, batch: Batch, row: int, order: int, kind: Kind, label: Mapping[str, str]) -> Call:
        """Return a call as it is shown: without its price, its answer and its latency.

        Args:
            batch: has it.
            row: its place in the batch.
            order: its place in the log.
            kind: of its price.
            label: its groups and extra columns.
        """
        own = batch.columns
        found = self._asked(batch, row) if own["c_is_text"][row] else None
        at_us = own["c_at_us"][row]
        usage = Usage(**{name: own[f"c_{name}"][row] for name in BUCKETS if f"c_{name}" in own})
        prompt_hash = None if found is not None else self._hash_text(batch, row)
        return Call(
            where=self._where(own["c_file"][row], order),
            at=None if at_us == NO_TIME else from_micros(at_us),
            model=kind.model,
            provider=kind.provider,
            request=None if found is None else found.body,
            whole=found is not None and found.whole,
            response=None,
            usage=None if kind.unpriced == NO_USAGE else usage,
            cost_usd=None,
            groups={name: label.get(name) for name in GROUP_FIELDS},
            columns={name: label.get(name) for name in self.layout.wish.columns},
            prompt_hash=prompt_hash,
        )

    def answer(self, batch: Batch, row: int, sizes: array[int], flags: array[int]) -> None:
        """Look at an answer; of one that is a whole record, only those of its fields are there that tell of it."""
        record, line = self._reduced(batch, row, "c_answer_text")
        text = answered(record, line)
        if text is None:
            self.book.sizes_estimated = True
            return
        if text.startswith("{") and (record is line or not self.layout.places.bodies):
            self.book.sizes_estimated = True
        else:
            sizes[row] = answer_bytes(text, 0)
        if flags[row] & KEPT and not self.book.keeps(text, {}):
            flags[row] &= ~KEPT

    def end(self, batch: Batch, row: int) -> bool:
        """Is an answer kept as far as the columns about its end say?"""
        record, line = self._reduced(batch, row, "c_end_text")
        ends = {name: text for name in self.layout.wish.ends if (text := column(record, line, name)) is not None}
        return self.book.keeps(None, ends)

    def _hash_text(self, batch: Batch, row: int) -> str | None:
        known = _text_at(batch.columns["c_hash_text"], row)
        return known or hash_of(*self._reduced(batch, row, "c_asked_text"))

    def _asked(self, batch: Batch, row: int) -> Asked | None:
        """Look for what was asked, as `llmopt.cost.call_book` does in a whole record."""
        record, line = self._reduced(batch, row, "c_asked_text")
        model = _text_at(batch.columns.get("c_line_model"), row)
        if model is not None:
            line["model"] = model
        spec = self.layout.formats[self._formats[batch.columns["c_kind"][row]]]
        own = spec.fields.get("prompt")
        found = None if isinstance(own, Path) else asked(record, line)
        text = to_text(_along(record, own)) if isinstance(own, Path) else None
        if text is not None and text.strip() not in SAYS_NOTHING:
            found = asked_as(text, record)
        found = found or asked(record, line)
        if found is None or is_cut(msgspec.json.encode(found.body)):
            return None
        if not (found.whole or self.layout.settings):
            raise NeedsSettings
        return found

    def _where(self, file: int, order: int) -> str:
        return f"{self.layout.files[file]}:{row_of(order)}"

    def _reduced(self, batch: Batch, row: int, packed: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the record and the line with those of their fields that are in a column."""
        own, places = batch.columns, self.layout.places
        fmt = self._formats.get(own["c_kind"][row], 0)
        wrapper = self.layout.formats[fmt].wrapper if self.layout.formats else ()
        number = places.wrappers.index(wrapper)
        table = own["c_file"][row] in self.layout.tables
        line: dict[str, Any] = {}
        record: dict[str, Any] = {} if number else line
        texts = own[packed]
        raw = None if texts is None else texts[row]
        for place_name, value in (msgspec.json.decode(raw) if raw else {}).items():
            where, _, name = place_name.partition(":")
            value = _cell(value) if table else value
            if value is None or not where:
                continue
            if int(where) not in (0, number):
                _put_back(line, () if number else places.wrappers[int(where)], name, value)
            elif name:
                (record if int(where) else line)[name] = value
            elif isinstance(value, dict):
                record.update(value)
        return record, line


def _put_back(line: dict[str, Any], wrapper: tuple[str, ...], name: str, value: Any) -> None:
    """Put what stands where records of other formats do where a record that is the whole line has it."""
    if len(wrapper) == 1 and name:
        inner = line.setdefault(wrapper[0], {})
        inner[name] = value
    elif len(wrapper) == 1:
        line[wrapper[0]] = value


def _text_at(texts: Texts | None, row: int) -> str | None:
    """Return a text; None where there is none."""
    raw = None if texts is None else texts[row]
    return None if raw is None else raw.decode("utf-8", "surrogatepass")


def _cell(value: Any) -> Any:
    """Return a cell of a table as a record holds it."""
    if isinstance(value, str):
        return plain(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _along(record: Any, path: Path) -> Any:
    """Return what a path leads to."""
    for step in path.steps:
        record = record.get(step) if isinstance(record, dict) else None
    return record


def _tier_of(spec: Spec, word: str | None) -> str | None:
    """Return the tier of a record; None for a word that is none."""
    given = spec.fields.get("tier")
    word = str(given.value) if isinstance(given, Const) and given.value else word
    return spec.tier_map.get(word.lower()) if word else "default"


def _constant_provider(spec: Spec) -> str | None:
    """Return the provider that all records of a format have; None where they differ."""
    value = spec.fields.get("provider")
    return str(value.value) if isinstance(value, Const) and value.value is not None else None
