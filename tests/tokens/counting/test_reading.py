"""Files become texts and chat requests, whatever their packing and encoding; what is neither says why."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from llmopt.tokens.counting import reading
from llmopt.tokens.counting.reading import NotReadable, requests_of, text_blocks
from tests.tokens.oracle import tiktoken_count

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}


def put(tmp_path: Path, data: bytes | str, name: str = "file") -> str:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def text_of(path: str) -> str:
    return "".join(text_blocks(path))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"one\r\ntwo\n", "one\r\ntwo\n"),
        ("\u0111\u01a1n h\u00e0ng".encode(), "\u0111\u01a1n h\u00e0ng"),
        ("\ufeffmarked".encode(), "marked"),
        ("\ufeff\u0111\u01a1n".encode("utf-16-le"), "\u0111\u01a1n"),
        ("\ufeff\u0111\u01a1n".encode("utf-16-be"), "\u0111\u01a1n"),
        (gzip.compress(b"packed", mtime=0), "packed"),
        (b"a few caf\xe9 bytes that are not UTF-8 in a long enough text", None),
    ],
)
def test_texts(tmp_path: Path, data: bytes, text: str | None) -> None:
    expected = data.decode("utf-8", "replace") if text is None else text
    assert text_of(put(tmp_path, data)) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "NUL bytes"),
        (bytes(range(128, 256)) * 9, "neither UTF-8 nor UTF-16"),
        (gzip.compress(b"x" * 10_000, mtime=0)[:-12], "damaged"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(NotReadable, match=reason):
        text_of(put(tmp_path, data))


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="No such file"):
        text_of(str(tmp_path / "nothing"))


def test_long_files_come_in_blocks_whose_counts_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 500)
    monkeypatch.setattr(reading, "_LONGEST_BLOCK", 4000)
    text = ("A line of words, 123\n\n  indented: \u0111\u01a1n\u3002\n" * 200) + "x" * 100
    path = put(tmp_path, text)
    blocks = list(text_blocks(path))
    assert len(blocks) > 5
    assert "".join(blocks) == text
    for name in ("o200k_base", "cl100k_base"):
        assert sum(tiktoken_count(block, name) for block in blocks) == tiktoken_count(text, name)


@pytest.mark.parametrize("end", ["}\n", "}\r\n", "}\n\n", "\u3002\n", "}\n/", " \n", "}\n  "])
def test_blocks_of_lines_that_end_in_no_letter(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 500)
    monkeypatch.setattr(reading, "_LONGEST_BLOCK", 2000)
    text = "".join(f'{{"id": {number}, "text": "a few words"{end}' for number in range(400))
    blocks = list(text_blocks(put(tmp_path, text)))
    assert len(blocks) > 5
    assert "".join(blocks) == text
    for name in ("o200k_base", "cl100k_base"):
        off = abs(sum(tiktoken_count(block, name) for block in blocks) - tiktoken_count(text, name))
        assert off <= (len(blocks) if end in ("}\n/", " \n") else 0)


def test_a_text_without_lines_comes_in_few_large_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 500)
    monkeypatch.setattr(reading, "_LONGEST_BLOCK", 4000)
    path = put(tmp_path, "\u4f60" * 10_000)
    blocks = list(text_blocks(path))
    assert "".join(blocks) == "\u4f60" * 10_000
    assert 1 < len(blocks) <= 4


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        (json.dumps(CHAT), 1),
        (json.dumps(CHAT, indent=2), 1),
        (json.dumps(CHAT["messages"]), 1),
        (json.dumps([CHAT, CHAT]), 2),
        (json.dumps([CHAT, CHAT], indent=1), 2),
        (f"{json.dumps(CHAT)}\n{json.dumps(CHAT)}\n", 2),
        (f"\n\n{json.dumps(CHAT)}\n\n{json.dumps(CHAT)}", 2),
        (json.dumps({"custom_id": "a", "method": "POST", "url": "/v1", "body": CHAT}), 1),
        (json.dumps({"model": "gpt-4o", "input": "text"}), 1),
        (json.dumps({"messages": [{"role": "user", "content": "\ud800"}]}), 1),
    ],
)
def test_requests(tmp_path: Path, text: str, bodies: int) -> None:
    found = list(requests_of(put(tmp_path, text)))
    assert [complaint for _, _, complaint in found] == [""] * bodies


def test_good_lines_count_among_bad_ones(tmp_path: Path) -> None:
    good = json.dumps(CHAT)
    path = put(tmp_path, f'{good}\n{{"a": 1}}\nnot JSON\n\n[1, 2, {{}}]\n{good}\n{"[" * 5000}\n')
    found = [(line, complaint) for line, _, complaint in requests_of(path)]
    assert [line for line, complaint in found if not complaint] == [1, 6]
    assert [line for line, complaint in found if complaint] == [2, 3, 5, 7]
    assert found[1][1].startswith("not a chat request")


def test_a_bad_first_line_loses_nothing(tmp_path: Path) -> None:
    good = json.dumps(CHAT)
    found = list(requests_of(put(tmp_path, f"# a comment\n{good}\n{good}\n")))
    assert [(line, bool(complaint)) for line, _, complaint in found] == [(1, True), (2, False), (3, False)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("plain text", "not JSON"),
        ("two\nlines", "not JSON"),
        ('{"a": [1,', "not JSON"),
    ],
)
def test_what_holds_no_request_at_all(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(NotReadable, match=reason):
        list(requests_of(put(tmp_path, text)))
