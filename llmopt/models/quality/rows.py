"""The rows of a file of inputs: lines of text, JSON lines, a JSON list, or a table; each with the line where it begins.

A row that cannot be used is yielded with what is wrong with it, so that good ones still count.
"""

from __future__ import annotations

import csv
import io
import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmopt.errors import InputError
from llmopt.files import unpacked_name
from llmopt.prompts.contents import contents

TEXTS = (
    *("text", "prompt", "input", "question", "query", "sentence", "content", "review", "instruction", "utterance"),
    *("passage", "context", "document", "body"),
)
"""Fields that hold a text; the first that a row has counts. Chat requests are known by their messages."""
LABELS = ("label", "labels", "class", "category", "target")
"""Fields that hold a class; the first that a row has counts."""
_NAMED = {".txt": "text", ".jsonl": "lines", ".ndjson": "lines", ".json": "list", ".csv": "table", ".tsv": "table"}
_DELIMITERS = ",\t;|"
_BLANK = " \t\r\n"
_NOT_TEXT = b"\0"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file."""

    line: int
    """Where it begins, from 1."""
    text: str = ""
    """Empty where there is a problem."""
    label: str | None = None
    """None without one."""
    problem: str = ""
    """Why it cannot be used; empty where it can."""


def rows_of(data: bytes, name: str) -> Iterator[Row]:
    """Yield the rows of a file; blank lines are none.

    Args:
        data: what is in it, unpacked.
        name: what it is called: its ending tells its form; without a known one the first line does.

    Raises:
        InputError: it is no text, or a table without a column of texts.
    """
    data = _as_utf8(data, name)
    form = next((form for ending, form in _NAMED.items() if unpacked_name(name).endswith(ending)), None)
    start = data.lstrip()[:1]
    form = form or _form(data)
    if form == "table":
        yield from _table(data, name)
    elif form == "list" and start == b"[":
        yield from _elements(data.decode("utf-8", "replace"))
    elif form in ("lines", "list"):
        yield from (_json_row(line, at) for line, at in _lines(data))
    else:
        yield from (_text_row(line, at) for line, at in _lines(data))


def _as_utf8(data: bytes, name: str) -> bytes:
    if data.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    if _NOT_TEXT in data[:4096]:
        raise InputError(f"{name}: not a file of text", "give lines of text, JSON lines or CSV")
    return data.removeprefix(BOM_UTF8)


def _form(data: bytes) -> str:
    """Return what the first line that is not blank looks like."""
    first = next((line for line, _ in _lines(data)), b"").strip()
    if re.match(rb'\[\s*(?:[{"]|$)', first):
        return "lines" if isinstance(_decoded(first), list) and data.strip() != first else "list"
    if first.startswith(b"{") and isinstance(_decoded(first), dict):
        return "lines"
    columns = re.split(f"[{_DELIMITERS}]", first.decode("utf-8", "replace").lower().replace('"', ""))
    named = len(columns) > 1 and all(re.fullmatch(r"\w+", column) for column in columns)
    return "table" if named and not {*columns}.isdisjoint(TEXTS) else "text"


def _lines(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the lines that are not blank, with their numbers."""
    return ((line, at) for at, line in enumerate(data.splitlines(), 1) if line.strip())


def _decoded(text: bytes | str) -> object:
    """Return the value of a JSON text; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text_row(line: bytes, at: int) -> Row:
    try:
        return Row(at, line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Row(at, problem=f"not UTF-8: {error.reason}")


def _json_row(line: bytes, at: int) -> Row:
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        return Row(at, problem=f"not UTF-8: {error.reason}")
    except (ValueError, RecursionError) as error:
        return Row(at, problem=f"not JSON: {str(error).partition(': line ')[0]}")
    return _of_value(value, at)


def _elements(text: str) -> Iterator[Row]:
    """Yield the elements of a JSON list; reading ends at the first damage."""
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _past(text, at, _BLANK)
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield Row(line, problem=f"not JSON from here on: {str(error).partition(': line ')[0]}")
            return
        yield _of_value(value, line)
        at = _past(text, at, _BLANK)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "]":
            yield Row(line + text.count("\n", counted, at), problem="not JSON from here on: a comma is missing")
            return


def _past(text: str, at: int, blank: str) -> int:
    while text[at : at + 1] and text[at] in blank:
        at += 1
    return at


def _of_value(value: object, line: int) -> Row:
    """Return the row of a JSON value: a text, an object with one, or a chat request."""
    if isinstance(value, str):
        return _checked(Row(line, value))
    if not isinstance(value, dict | list):
        return Row(line, problem=f"neither a text nor an object: {json.dumps(value)[:40]}")
    fields = value if isinstance(value, dict) else {}
    texts = [fields[name] for name in TEXTS if isinstance(fields.get(name), str)]
    if texts:
        return _checked(Row(line, texts[0], _label(fields)))
    said = "\n".join(content.text for content in contents(value))
    if said.strip():
        return Row(line, said, _label(fields))
    return Row(line, problem=f"no text in it: none of {', '.join(TEXTS)}, no messages")


def _checked(row: Row) -> Row:
    return row if row.text.strip() else replace(row, text="", problem="an empty text")


def _label(fields: dict[str, object]) -> str | None:
    """Return the class of a row as text: numbers without a fraction of zero, as a column with gaps would have it."""
    label = next((fields[name] for name in LABELS if fields.get(name) is not None), None)
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if label is None or label != label:  # not a number
        return None
    return label.strip() or None if isinstance(label, str) else json.dumps(label)


def _table(data: bytes, name: str) -> Iterator[Row]:
    first = next((line for line, _ in _lines(data)), b"").decode("utf-8", "replace")
    delimiter = "\t" if unpacked_name(name).endswith(".tsv") else max(_DELIMITERS, key=first.count)
    rows = csv.reader(
        io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""), delimiter=delimiter, strict=True
    )
    line = 0
    try:
        header = [column.strip().lower() for column in next(rows, [])]
        column = next((header.index(field) for field in TEXTS if field in header), None)
        if column is None:
            raise InputError(f"{name}:1: no column of texts", f"call it one of {', '.join(TEXTS)}")
        label = next((header.index(field) for field in LABELS if field in header), None)
        line = rows.line_num
        for cells in rows:
            start, line = line + 1, rows.line_num
            if any(cell.strip() for cell in cells):
                yield _of_cells(cells, start, len(header), column, label)
    except csv.Error as error:
        yield Row(line + 1, problem=f"not CSV from here on: {error}")


def _of_cells(cells: list[str], line: int, columns: int, column: int, label: int | None) -> Row:
    if len(cells) != columns:
        return Row(line, problem=f"{len(cells)} columns; the header has {columns}")
    text = cells[column]
    if any("\udc80" <= character <= "\udcff" for character in text):
        return Row(line, problem="not UTF-8")
    return _checked(Row(line, text, None if label is None else _of_cell(cells[label])))


def _of_cell(text: str) -> str | None:
    """Return the label of a cell; `2.0`, as in a column with gaps, is 2."""
    head, point, zeros = text.strip().partition(".")
    return head if point and head.isdigit() and zeros and not zeros.strip("0") else text.strip() or None
