"""What a file is, is told by its content: the format of each sample, mixtures, white space, tables, binary data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from llmopt.cost.documents import as_lines
from llmopt.cost.sniff import Sniffed, Sniffer
from llmopt.cost.sources import Source
from llmopt.cost.spec.load import load_specs
from llmopt.files import compression_of
from tests.cost.reading import SAMPLES, sample_files

SNIFFER = Sniffer(load_specs())
NAMES = sorted(spec.name for spec in load_specs())
CHAT = {
    "object": "chat.completion",
    "id": "c",
    "model": "gpt-4o",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CLAUDE = {"type": "message", "id": "m", "model": "claude-x", "usage": {"input_tokens": 1, "output_tokens": 1}}


def sniff(tmp_path: Path, data: bytes | str) -> Sniffed:
    path = tmp_path / "log"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return SNIFFER.sniff(Source(str(path), "log", compression_of(str(path))))


def names(found: Sniffed) -> list[str]:
    return [spec.variant for spec in found.variants]


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_is_recognised_as_its_format(name: str, tmp_path: Path) -> None:
    files = sample_files(name)
    assert files
    for number, path in enumerate(files):
        source = Source(str(path), path.name, compression_of(str(path)))
        found = SNIFFER.sniff(source)
        if found.kind == "document":
            found = SNIFFER.sniff(as_lines(source, tmp_path / str(number)))
        if found.kind == "parquet":
            assert (path.suffix, found.variants) == (".parquet", ()), "its columns tell, not its bytes"
            continue
        assert found.kind == ("csv" if path.suffix == ".csv" else "lines")
        others = {"openai-chat", "anthropic-messages"} if name == "response-only" else set()
        assert {spec.name for spec in found.variants} == {name} | others, path.relative_to(SAMPLES)


def test_a_file_may_hold_several_formats_most_specific_first(tmp_path: Path) -> None:
    lines = [json.dumps(record) for record in (CLAUDE, CHAT, CLAUDE)]
    found = sniff(tmp_path, "\n".join(lines))
    assert found.kind == "lines"
    assert set(names(found)) == {"openai-chat", "anthropic-messages"}
    places = [SNIFFER.variants.index(spec) for spec in found.variants]
    assert places == sorted(places)


def test_a_place_in_the_line_is_part_of_the_format(tmp_path: Path) -> None:
    records = (CHAT, {"response": CHAT}, {"response": {"body": CHAT}}, {"data": [CHAT]})
    lines = [json.dumps(record) for record in records]
    places = ["openai-chat", "openai-chat@response", "openai-chat@response.body"]
    assert names(sniff(tmp_path, "\n".join(lines[:3]))) == places
    assert names(sniff(tmp_path, lines[3])) == ["openai-chat@data[].data[]"]


def test_lists_of_rows_stand_beside_other_formats(tmp_path: Path) -> None:
    lines = [json.dumps({"data": [CHAT]}), json.dumps({"data": [CHAT]}), json.dumps(CLAUDE)]
    assert set(names(sniff(tmp_path, "\n".join(lines)))) == {"openai-chat@data[].data[]", "anthropic-messages"}


@pytest.mark.parametrize("blanks", ["", "\n\n", " \t\r\n", "\ufeff", "\ufeff\n"])
def test_white_space_and_a_byte_order_mark_before_the_first_record(tmp_path: Path, blanks: str) -> None:
    found = sniff(tmp_path, blanks + json.dumps(CHAT) + "\n")
    assert (found.kind, names(found)) == ("lines", ["openai-chat"])


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([CHAT, CHAT]),
        json.dumps([CHAT], indent=2),
        json.dumps(CHAT, indent=2),
        "\n" + json.dumps(CHAT, indent=2) + "\n" + json.dumps(CHAT, indent=2),
        "[",
        "\ufeff[]",
        '{\n "a": 1,\n',
    ],
)
def test_what_spans_lines_is_a_document(tmp_path: Path, text: str) -> None:
    assert sniff(tmp_path, text) == Sniffed("document", ())


def test_a_broken_line_does_not_hide_the_others(tmp_path: Path) -> None:
    found = sniff(tmp_path, 'not JSON\n{"broken": \n[1, 2]\n' + json.dumps(CHAT))
    assert (found.kind, names(found)) == ("lines", ["openai-chat"])


def test_records_of_no_format(tmp_path: Path) -> None:
    assert sniff(tmp_path, '{"hello": "world"}\n') == Sniffed("lines", ())
    assert sniff(tmp_path, "plain text\nmore of it\n") == Sniffed("lines", ())
    assert sniff(tmp_path, '{"one": "broken line') == Sniffed("lines", ())


def test_nothing_at_all(tmp_path: Path) -> None:
    assert sniff(tmp_path, "") == Sniffed("lines", ())
    assert sniff(tmp_path, " \n\r\n\t") == Sniffed("lines", ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_known_by_its_columns(tmp_path: Path, delimiter: str, mark: str) -> None:
    rows = [["timestamp", "model", "input_tokens", "output_tokens"], ["2025-01-01", "gpt-4o", "10", "5"]]
    text = mark + "\n".join(delimiter.join(row) for row in rows) + "\n"
    found = sniff(tmp_path, text)
    assert (found.kind, names(found)) == ("csv", ["generic"])


def test_a_table_with_quotes_gaps_and_a_cut_last_row(tmp_path: Path) -> None:
    text = 'model,note,input_tokens,output_tokens\n"gpt-4o","a, b\nc",10,5\ngpt-4o,,,\ngpt-4o,x,3'
    assert names(sniff(tmp_path, text)) == ["generic"]
    assert names(sniff(tmp_path, "model,input_tokens\ngpt-4o,10")) == ["generic"]


def test_a_table_of_other_columns(tmp_path: Path) -> None:
    found = sniff(tmp_path, "city,population\nParis,2\n")
    assert (found.kind, found.variants) == ("lines", ())


def test_a_table_that_is_not_utf_8(tmp_path: Path) -> None:
    text = "model,note,input_tokens,output_tokens\ngpt-4o,x,1,1\ngpt-4o,caf\u00e9,1,1\n"
    assert names(sniff(tmp_path, text.encode("latin-1"))) == ["generic"]


def test_binary_data(tmp_path: Path) -> None:
    assert sniff(tmp_path, b"\x7fELF\x00\x00\x01") == Sniffed("other", ())
    assert sniff(tmp_path, b"PAR1\x15\x04") == Sniffed("parquet", ())
    assert sniff(tmp_path, gzip.compress(b"\x00\x01\x02" * 100)) == Sniffed("other", ())


def test_packed_lines_are_looked_into(tmp_path: Path) -> None:
    assert names(sniff(tmp_path, gzip.compress(json.dumps(CHAT).encode()))) == ["openai-chat"]


def test_a_format_that_only_the_middle_shows_is_seen(tmp_path: Path) -> None:
    chat, claude = json.dumps(CHAT), json.dumps(CLAUDE)
    text = "\n".join([chat] * 6000 + [claude] * 600 + [chat] * 6000)
    assert set(names(sniff(tmp_path, text))) == {"openai-chat", "anthropic-messages"}


def test_the_format_of_a_table_is_that_of_most_rows() -> None:
    rows = [{"model": "x", "input_tokens": 1}] * 2 + [{"request_id": "r", "request_created_at": "t"}]
    assert [spec.name for spec in SNIFFER.table(rows)] == ["generic"]
    assert SNIFFER.table([{"a": 1}]) == ()
