"""Pairs of questions with the word whether one answer fits both, from JSON lines and CSV files.

The names of the columns that public sets of such pairs have (Quora's duplicates, MRPC, PAWS) are known beside
`a`, `b` and `same`.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, next_step
from llmopt.files import DAMAGE, Found, compression_of, ends_with, expand, files_in, open_unpacked

MOST_BYTES = 256 * 2**20
"""Of a file, unpacked."""
_COLUMNS = {
    "a": ("a", "question1", "sentence1", "text1"),
    "b": ("b", "question2", "sentence2", "text2"),
    "same": ("same", "is_duplicate", "label"),
}
_TRUE, _FALSE = (
    frozenset(("true", "yes", "1", "1.0", "same", "y", "t")),
    frozenset(("false", "no", "0", "0.0", "different", "n", "f")),
)
_HINT = 'a line is {"a": "one question", "b": "another", "same": true}, or a CSV has the columns a, b and same'
_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions."""

    a: str
    b: str
    same: bool
    """Whether the answer to one answers the other."""
    where: str = ""
    """`file:line` that it was read from."""


def read_pairs(paths: Iterable[Path | str]) -> tuple[Pair, ...]:
    """Return the pairs of files: JSON lines, a JSON list, CSV or TSV with `a`, `b` and `same`, packed or not.

    Args:
        paths: files, folders, quoted globs, or `-` for standard input.

    Raises:
        InputError: a file cannot be read, a field is missing or of another kind (with the line), or there is no pair.
    """
    pairs: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="llmopt-") as spool:
        for path in paths:
            for found in expand(str(path), Path(spool), _inside):
                pairs += _pairs(_text(found), found.shown)
    if not pairs:
        raise InputError("no pairs of questions", _HINT)
    return tuple(pairs)


def _inside(folder: str) -> list[str]:
    return files_in(folder, lambda name: ends_with(name, _ENDINGS))


def _text(found: Found) -> str:
    try:
        with open_unpacked(found.path, compression_of(found.path)) as file:
            data = file.read(MOST_BYTES + 1)
    except DAMAGE as error:
        raise InputError(f"{found.shown}: cannot be read: {error}", next_step(error)) from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{found.shown}: more than {MOST_BYTES:,} bytes", "some thousand pairs are enough")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{found.shown}:{line}: not UTF-8", "save it as UTF-8") from error


def _pairs(text: str, name: str) -> Iterator[Pair]:
    first = text.lstrip()[:1]
    rows = _list(text, name) if first == "[" else _lines(text, name) if first == "{" else _table(text, name)
    for line, row in rows:
        where = f"{name}:{line}"
        a, b, same = (_field(row, column, where) for column in _COLUMNS)
        if not isinstance(a, str) or not isinstance(b, str):
            raise InputError(f"{where}: a and b are no texts", _HINT)
        yield Pair(a, b, _truth(same, where), where)


def _lines(text: str, name: str) -> Iterator[tuple[int, Any]]:
    for at, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield at, _decoded(line, f"{name}:{at}")


def _list(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Yield the elements of a JSON list; a line cannot be told of one, its number in the list can."""
    yield from enumerate(_decoded(text, name), 1)


def _decoded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}", _HINT) from error


def _table(text: str, name: str) -> Iterator[tuple[int, Any]]:
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else ",", strict=True)
    try:
        names = [column.strip().lower() for column in reader.fieldnames or ()]
        reader.fieldnames = names
        if names:
            _check_columns(names, name)
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{name}:{reader.reader.line_num}: not a CSV: {error}", _HINT) from error


def _check_columns(names: list[str], name: str) -> None:
    for column, known in _COLUMNS.items():
        if not any(one in names for one in known):
            raise InputError(f"{name}:1: no column {column!r}", _HINT)


def _field(row: Any, column: str, where: str) -> Any:
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: not an object", _HINT)
    for name in _COLUMNS[column]:
        if row.get(name) is not None:
            return row[name]
    raise InputError(f"{where}: no {column!r}", _HINT)


def _truth(value: object, where: str) -> bool:
    said = str(value).strip().lower()
    if said in _TRUE or said in _FALSE:
        return said in _TRUE
    raise InputError(f"{where}: same is {said[:40]!r}, which is neither true nor false", _HINT)
