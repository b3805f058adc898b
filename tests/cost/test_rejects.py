"""The slow path: records that duckdb is not sure of are read again one by one, with what earlier lines said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import llmopt
from llmopt.cost.line import decoded
from llmopt.errors import ConfigError
from tests.cost.conftest import Force
from tests.cost.logs import ONE, line, lines, written
from tests.cost.reading import sample_files


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1', "truncated JSON"),
        (b"[1]", "a JSON list, not a record"),
        (b"1.5", "a JSON number, not a record"),
        (b"\xff", "not valid UTF-8"),
        (b"\x00", "not JSON: it holds a NUL byte"),
        (b'{"a": 1}', ""),
    ],
)
def test_what_is_wrong_with_a_line(text: bytes, reason: str) -> None:
    assert decoded(text, first=False)[1] == reason


def test_a_byte_order_mark_is_skipped_on_the_first_line_only() -> None:
    assert decoded(b"\xef\xbb\xbf{}", first=True) == ({}, "")
    assert decoded(b"\xef\xbb\xbf{}", first=False)[1]


@pytest.mark.usefixtures("reader")
def test_a_bad_line_does_not_break_what_is_carried_from_line_to_line(tmp_path: Path) -> None:
    """In a Codex session the model stands in an earlier line than the usage."""
    (sample,) = sample_files("codex")
    good = sample.read_bytes().splitlines(keepends=True)
    whole = llmopt.price_logs([sample]).total
    usages = [number for number, text in enumerate(good) if b"total_token_usage" in text]
    for place in (1, usages[0], usages[-1]):
        path = written(tmp_path / f"{place}.jsonl", *good[:place], b"{\n", *good[place:])
        report = llmopt.price_logs([path])
        assert report.total == whole
        assert [entry.first for entry in report.rejected] == [f"{path}:{place + 1}"]


@pytest.mark.usefixtures("reader")
def test_a_bad_count_among_carried_values(tmp_path: Path) -> None:
    (sample,) = sample_files("codex")
    records = [json.loads(text) for text in sample.read_text().splitlines()]
    used = {n: record["payload"]["info"] for n, record in enumerate(records) if record["payload"].get("info")}
    totals = [info["total_token_usage"]["total_tokens"] for info in used.values()]
    place = next(n for n, info in used.items() if totals.count(info["total_token_usage"]["total_tokens"]) == 1)
    used[place]["last_token_usage"]["output_tokens"] = "many"
    path = written(tmp_path / "log.jsonl", *(json.dumps(record).encode() + b"\n" for record in records))
    report = llmopt.price_logs([path])
    whole = llmopt.price_logs([sample])
    assert [entry.first for entry in report.rejected] == [f"{path}:{place + 1}"]
    assert report.priced == whole.priced - 1
    assert {found.model for found in report.resolved} <= {found.model for found in whole.resolved}


@pytest.mark.usefixtures("reader")
def test_bad_lines_in_many_files_of_one_format(tmp_path: Path) -> None:
    for number in range(5):
        bad = b"{\n" if number % 2 else b""
        data = b"".join(lines(3, first=10 * number)) + bad + line(10 * number + 9)
        name = f"{number}.jsonl" + (".gz" if number > 2 else "")
        written(tmp_path / name, gzip.compress(data) if number > 2 else data)
    report = llmopt.price_logs([tmp_path])
    assert (report.priced, report.total.cost_usd) == (20, 20 * ONE)
    assert [(entry.first, entry.count) for entry in report.rejected] == [(f"{tmp_path}/1.jsonl:4", 2)]


def test_too_little_memory_is_said_or_made_do_with(tmp_path: Path, force: Force) -> None:
    force("duckdb")
    path = written(tmp_path / "log.jsonl", *lines(3000))
    try:
        report = llmopt.price_logs([path], memory_bytes=2**20)
    except ConfigError as error:
        assert "memory" in error.message  # noqa: PT017 - either is right, by what duckdb needs
    else:
        assert report.total.cost_usd == 3000 * ONE
