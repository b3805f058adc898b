"""JSON documents fall apart into the records they hold, each with the line it starts at."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.cost import documents
from llmopt.cost.documents import as_lines
from llmopt.cost.sources import Source
from llmopt.files import compression_of

Json = Any
TEXTS = st.text(max_size=8) | st.sampled_from(['"', "\\", "[{", "}]", "a\nb", "\\n", ",", '{"a": [1, "', "\u2028", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=6)
INDENTS = st.sampled_from([None, 0, 1, 2, "\t"])
CHUNKS = st.sampled_from([1, 2, 3, 7, 16, 1 << 20])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


def split(folder: Path, data: bytes, chunk: int = 1 << 20) -> tuple[list[bytes], tuple[int, ...]]:
    """Return the lines that a document becomes, and where each starts."""
    path = folder / "document.json"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_CHUNK", chunk)
        source = as_lines(Source(str(path), "shown.json", compression_of(str(path))), folder / "lines")
    assert (source.shown, source.compression) == ("shown.json", "none")
    return Path(source.path).read_bytes().split(b"\n")[:-1], source.line_map


def read(folder: Path, text: str, chunk: int = 1 << 20) -> list[Json]:
    return [json.loads(line) for line in split(folder, text.encode(), chunk)[0]]


@given(RECORDS, INDENTS, CHUNKS, st.booleans())
@settings(max_examples=60)
def test_an_array_is_its_elements(
    folder: Path, records: list[Json], indent: int | str | None, chunk: int, ascii_only: bool
) -> None:
    text = json.dumps(records, indent=indent, ensure_ascii=ascii_only)
    assert read(folder, text, chunk) == records


@given(RECORDS, INDENTS, CHUNKS, st.sampled_from(["\n", " ", "", "\n\n", ",\n"]))
@settings(max_examples=60)
def test_objects_in_a_row_are_records(
    folder: Path, records: list[Json], indent: int | str | None, chunk: int, between: str
) -> None:
    text = between.join(json.dumps(record, indent=indent) for record in records)
    assert read(folder, text, chunk) == records


@given(st.lists(RECORDS, max_size=3), CHUNKS)
@settings(max_examples=30)
def test_arrays_in_a_row_are_all_their_elements(folder: Path, arrays: list[list[Json]], chunk: int) -> None:
    text = "\n".join(json.dumps(array) for array in arrays)
    assert read(folder, text, chunk) == [record for array in arrays for record in array]


@given(RECORDS, st.sampled_from([1, 2, "\t"]), CHUNKS)
@settings(max_examples=40)
def test_the_line_map_tells_where_each_record_starts(
    folder: Path, records: list[Json], indent: int | str, chunk: int
) -> None:
    parts, expected, line = ["[\n"], [], 2
    for number, record in enumerate(records):
        part = json.dumps(record, indent=indent) + (",\n" if number < len(records) - 1 else "\n")
        expected.append(line)
        line += part.count("\n")
        parts.append(part)
    assert split(folder, "".join([*parts, "]"]).encode(), chunk)[1] == tuple(expected)


@given(RECORDS.filter(lambda records: len(records) > 1), st.data(), CHUNKS)
@settings(max_examples=40)
def test_a_cut_off_document_keeps_the_records_before_the_cut(
    folder: Path, records: list[Json], data: st.DataObject, chunk: int
) -> None:
    parts = [json.dumps(record, indent=1) for record in records]
    text = "[" + ",".join(parts) + "]"
    cut = data.draw(st.integers(0, len(text)))
    whole, end = 0, 1
    while whole < len(parts) and end + len(parts[whole]) <= cut:
        end += len(parts[whole]) + 1
        whole += 1
    lines, starts = split(folder, text[:cut].encode(), chunk)
    assert [json.loads(line) for line in lines[:whole]] == records[:whole]
    assert len(lines) == len(starts)
    assert len(lines) <= whole + 1 or b'"' in text[:cut].encode()


@pytest.mark.parametrize(
    ("text", "lines", "starts"),
    [
        ("", [], ()),
        ("\n \n", [], ()),
        ("[]", [], ()),
        ("[\n]\n", [], ()),
        ('[{"a": 1}, {"b": "]"}]', ['{"a": 1}', '{"b": "]"}'], (1, 1)),
        ('{\n "a": 1\n}\n{\n "b": 2\n}\n', ['{  "a": 1 }', '{  "b": 2 }'], (1, 4)),
        ('{"a": 1}{"b": 2}', ['{"a": 1}', '{"b": 2}'], (1, 1)),
        ('\r\n[\r\n{"a": 1}\r\n]\r\n', ['{"a": 1}'], (3,)),
        ('[{"a": [[1], [2]]}]', ['{"a": [[1], [2]]}'], (1,)),
        ('[1, "a,b", null, [2]]', ["1", '"a,b"', "null", "[2]"], (1, 1, 1, 1)),
        ('{"a": "x\\"}\\\\"}\n{"b": 1}', ['{"a": "x\\"}\\\\"}', '{"b": 1}'], (1, 2)),
        ('{"a": 1}\nbroken {"b": 2}\n{"c": 3}', ['{"a": 1}', 'broken {"b": 2}', '{"c": 3}'], (1, 2, 3)),
    ],
)
@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
def test_documents_by_hand(folder: Path, text: str, lines: Sequence[str], starts: tuple[int, ...], chunk: int) -> None:
    found, line_map = split(folder, text.encode(), chunk)
    assert [line.decode().strip() for line in found] == list(lines)
    assert line_map == starts


def test_a_line_break_inside_of_a_text_is_a_blank(folder: Path) -> None:
    """Such a text is no JSON; the record stays on its own line, to be refused there."""
    lines, starts = split(folder, b'[{"a": "x\ny"},\n{"b": 1}]')
    assert (lines, starts) == ([b'{"a": "x y"}', b'{"b": 1}'], (1, 3))


def test_a_byte_order_mark_is_no_record(folder: Path) -> None:
    lines, starts = split(folder, b'\xef\xbb\xbf[{"a": 1}, {"b": 2}]')
    assert ([json.loads(line) for line in lines], starts) == ([{"a": 1}, {"b": 2}], (1, 1))


def test_a_damaged_archive_keeps_what_could_be_read(folder: Path) -> None:
    records = [{"n": n, "text": str(n) * 50} for n in range(2000)]
    packed = gzip.compress(json.dumps(records, indent=1).encode())
    lines, _ = split(folder, packed[: len(packed) // 2], 1000)
    whole = [json.loads(line) for line in lines[:-1]]
    assert len(whole) > 100
    assert whole == records[: len(whole)]
