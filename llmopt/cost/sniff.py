"""Tell which log formats a file holds, by content.

Every sampled line is asked, most specific format first, whether it is one of theirs. A file may hold several.
What the sample does not show is not lost: the query calls such lines UNKNOWN and the slow path reads them.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from llmopt.cost.csv_files import delimiter_of, plain
from llmopt.cost.sources import Kind, Source, head, samples
from llmopt.cost.spec.load import FALSE, Spec, variants
from llmopt.cost.spec.python import Detector

_SAMPLED_ROWS = 50
_HEAD_BYTES = 65536
_TELLING = ("object", "type", "model", "call_type", "provider")
"""Keys whose values tell formats of the same shape apart."""
_JSON_TEXTS = ("request", "request_body", "response", "response_body")
"""Keys whose values formats read as JSON where they are texts."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a file is."""

    kind: Kind
    variants: tuple[Spec, ...]
    """Formats (at their places in the line) seen in the sample, most specific first."""
    delimiter: str = ""
    """Of a CSV file."""


class Sniffer:
    """Recognises records; keeps readers and what it has seen, so that many alike files cost little."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        """`specs` are the formats to choose from."""
        found = [variant for spec in specs for variant in variants(spec)]
        found.sort(key=lambda spec: (-spec.priority, len(spec.wrapper)))
        self.variants = tuple(found)
        self.known: dict[str, Sniffed] = {}
        """Path -> what the file is, where somebody has looked already; of a part of a file, what the whole is."""
        self._detectors: dict[str, Detector] = {}
        self._shapes: dict[object, Spec | None] = {}

    def recognise(self, record: dict[str, Any]) -> Spec | None:
        """Return the most specific format that records of this shape are of, as far as has been seen."""
        shape = _shape(record)
        if shape not in self._shapes or (self._shapes[shape] is None and _quotes_json(record)):
            self._shapes[shape] = self.recognise_alone(record)
        return self._shapes[shape]

    def recognise_alone(self, record: dict[str, Any]) -> Spec | None:
        """Return the most specific format that a decoded record is of, whatever others of its shape were."""
        return next((spec for spec in self._possible(record) if self._detector(spec).detects(record)), None)

    def chains(self, spec: Spec, record: dict[str, Any]) -> list[Spec]:
        """Return `spec`, and the other lists of rows of its format that the record has too."""
        if len(spec.chains) == 1:
            return [spec]
        alike = (other for other in self.variants if other.name == spec.name and other.wrapper == spec.wrapper)
        return [other for other in alike if other is spec or self._detector(other).detects(record)]

    def is_empty(self, record: dict[str, Any]) -> bool:
        """Is this a record of some format whose list of rows is there, and empty?"""
        return any(self._detector(spec).is_empty(record) for spec in self._possible(record) if spec.rows)

    def _possible(self, record: dict[str, Any]) -> Iterator[Spec]:
        """Yield the formats whose wrapper the record has."""
        return (spec for spec in self.variants if not spec.wrapper or spec.wrapper[0].removesuffix("[]") in record)

    def _detector(self, spec: Spec) -> Detector:
        """Detectors are made when first needed: most runs meet few formats."""
        if spec.variant not in self._detectors:
            self._detectors[spec.variant] = Detector(spec)
        return self._detectors[spec.variant]

    def sniff(self, source: Source) -> Sniffed:
        """Look at a file."""
        if source.path in self.known:
            return self.known[source.path]
        start = head(source, _HEAD_BYTES)
        if start.startswith(b"PAR1"):
            return Sniffed("parquet", ())
        text = start.lstrip(b"\xef\xbb\xbf \t\r\n\x00")
        if text.startswith(b"["):
            return Sniffed("document", ())
        records = [record for record in map(_decoded, samples(source)) if isinstance(record, dict)]
        if records:
            return Sniffed("lines", self._seen(records))
        if not text or not text.startswith(b"{"):
            binary = b"\x00" in start[:1024]
            return Sniffed("other", ()) if binary else self._table(start)
        whole = b"\n" not in text.rstrip() and len(start) < _HEAD_BYTES
        return Sniffed("lines" if whole else "document", ())

    def table(self, rows: Iterable[dict[str, Any]]) -> tuple[Spec, ...]:
        """Return the format of a table's rows: of most of them, or of most with counts if any has them."""
        found = [spec for spec in map(self.recognise, rows) if spec is not None and not spec.wrapper]
        billed = [spec for spec in found if spec.usage != FALSE]
        seen = Counter(self._place(spec) for spec in billed or found)
        return tuple(self.variants[index] for index, _ in seen.most_common(1))

    def _place(self, spec: Spec) -> int:
        return next(index for index, other in enumerate(self.variants) if other is spec)

    def _table(self, start: bytes) -> Sniffed:
        try:
            text = start.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            text = start[: error.start].decode("utf-8-sig", "ignore")
        delimiter = delimiter_of(text)
        if not delimiter:
            return Sniffed("lines", ())
        if len(start) == _HEAD_BYTES:
            text = text[: text.rfind("\n") + 1] or text
        reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
        try:
            sampled = [row for row, _ in zip(reader, range(_SAMPLED_ROWS), strict=False)]
        except csv.Error:
            sampled = []
        rows = [
            {key.strip(): plain(cell) for key, cell in row.items() if key and isinstance(cell, str)} for row in sampled
        ]
        found = self.table(rows)
        return Sniffed("csv" if found else "lines", found, delimiter)

    def _seen(self, records: Iterable[dict[str, Any]]) -> tuple[Spec, ...]:
        seen: set[int] = set()
        for record in records:
            spec = self.recognise(record)
            if spec is not None:
                seen.add(self._place(spec))
        return tuple(self.variants[index] for index in sorted(seen))


def _shape(record: dict[str, Any], depth: int = 0) -> object:
    """Keys with a value of a record and of the objects in it, and the values that tell formats apart."""
    inner = [_shape(value, depth + 1) for value in record.values() if isinstance(value, dict)] if depth < 2 else []
    told = [str(record.get(key))[:20] for key in _TELLING if key in record]
    return (tuple([key for key, value in record.items() if value is not None]), tuple(told), tuple(inner))


def _quotes_json(record: dict[str, Any]) -> bool:
    """May the texts of a record tell its format, whatever those of another record of its shape did?"""
    return any(isinstance(value := record.get(key), str) and value[:1] == "{" for key in _JSON_TEXTS)


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line.strip().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
