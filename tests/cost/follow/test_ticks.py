"""A log that is followed ends with the report of the same log read at once, whatever happened to it meanwhile."""

from __future__ import annotations

import gzip
import json
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.api import price_logs
from llmopt.cost.follow import tail, ticks, whole
from llmopt.cost.follow.stream import Stream
from llmopt.cost.follow.ticks import Follow
from llmopt.cost.prepared import prepare
from llmopt.cost.result import CostReport
from llmopt.errors import InputError
from tests.conftest import ROOT
from tests.cost.logs import ONE, chat, line, lines


def grow(path: Path, *parts: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(parts)


@contextmanager
def following(*paths: Path | str, most_rows: int = 250_000, **options: Any) -> Iterator[Follow]:
    with Follow([str(path) for path in paths], prepare(**options), most_rows=most_rows) as found:
        yield found


def same(found: CostReport, expected: CostReport) -> None:
    """Compare all that a report says; reject places are those of the first reject that was met."""
    assert found == expected


def test_each_tick_reports_on_everything_so_far(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    grow(log, *lines(3))
    with following(log) as found:
        assert found.tick().total.cost_usd == 3 * ONE
        assert not found.more
        before = found.tick()
        assert found.tick() is before
        grow(log, line(4)[:40])
        assert found.tick() is before
        grow(log, line(4)[40:], line(5))
        assert found.tick().total.requests == 5
        same(found.finish(), price_logs(log))


def test_repeats_are_found_across_ticks(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    grow(log, *lines(4))
    with following(log) as found:
        found.tick()
        grow(log, *lines(4, first=3))
        report = found.tick()
        assert (report.total.requests, report.duplicates) == (6, 2)
        grow(log, *lines(6), b"not JSON\n")
        same(found.finish(), price_logs(log))
    with following(log, dedupe="none") as found:
        same(found.finish(), price_logs(log, dedupe="none"))


def test_rejects_keep_their_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    grow(log, *lines(2))
    with following(log) as found:
        found.tick()
        grow(log, line(3), b"oh\n", line(4), b'{"half')
        assert [item.first for item in found.tick().rejected] == [f"{log}:4"]
        report = found.finish()
        assert {item.first for item in report.rejected} == {f"{log}:4", f"{log}:6"}
        same(report, price_logs(log))


def test_the_samples_in_pieces(tmp_path: Path) -> None:
    """Formats that repeat, whose lines need each other, that are texts, tables, documents; lines are cut anywhere."""
    logs, chance = tmp_path / "logs", random.Random(3)
    samples = [path for path in sorted((ROOT / "samples").rglob("*")) if telling(path)]
    assert len(samples) >= 9
    texts = {logs / path.relative_to(ROOT / "samples"): path.read_bytes() for path in samples}
    cuts = {path: chance.randint(0, len(text)) for path, text in texts.items()}
    for path in texts:
        path.parent.mkdir(parents=True, exist_ok=True)
    with following(logs, by=("model", "format", "file")) as found:
        for path, text in texts.items():
            grow(path, text[: cuts[path]])
        found.tick()
        for path, text in texts.items():
            grow(path, text[cuts[path] :])
        same(found.finish(), price_logs(logs, by=("model", "format", "file")))


def telling(path: Path) -> bool:
    kinds = (
        "claude-code",
        "codex",
        "otel-genai",
        "langfuse",
        "request-only",
        "response-only",
        "openai-usage",
        "generic",
    )
    return path.suffix in (".jsonl", ".csv", ".json") and path.relative_to(ROOT / "samples").parts[0].startswith(kinds)


def test_archives_and_tables_are_read_when_they_are_there(tmp_path: Path) -> None:
    grow(tmp_path / "a.jsonl", *lines(2))
    with following(tmp_path) as found:
        assert found.tick().total.requests == 2
        (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines(2, first=10))))
        table = "model,timestamp,input_tokens,output_tokens\ngpt-4o,2026-03-02T08:00:00Z,1200,80\n"
        (tmp_path / "c.csv").write_text(table + "gpt-4o,2026-03-02T08:")
        assert found.tick().total.requests == 5
        grow(tmp_path / "c.csv", b"00:01Z,1200,80\n")
        assert found.tick().total.requests == 6
        (tmp_path / "d.json").write_text(json.dumps([chat(20), chat(21)], indent=1))
        assert found.tick().total.requests == 8
        same(found.finish(), price_logs(tmp_path))


def test_files_that_are_read_whole_are_read_together_until_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "MOST_TOGETHER", 2)
    text = next((ROOT / "samples" / "codex").rglob("*.jsonl")).read_bytes()
    half = text.index(b"\n", len(text) // 2) + 1
    logs = [tmp_path / f"{name}.jsonl" for name in "abcd"]
    for number, log in enumerate(logs):
        grow(log, text[:half].replace(b"2026-", f"202{number}-".encode()))
    with following(tmp_path, by=("file",)) as found:
        found.tick()
        assert len(found._wholes.parts) == 2
        grow(logs[0], text[half:])
        grow(logs[2], text[half:])
        found.tick()
        assert len(found._wholes.parts) == 4
        same(found.tick(), price_logs(tmp_path, by=("file",)))
        logs[1].unlink()
        logs[3].rename(logs[1])
        assert found.finish().read == found.tick().read


def test_what_was_rotated_out_of_sight_stays_counted(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    grow(log, *lines(3))
    with following(tmp_path) as found:
        found.tick()
        grow(log, line(4))
        log.rename(tmp_path / "app.log.1")
        grow(log, line(5))
        assert found.tick().total.requests == 5
        log.write_bytes(line(6))
        assert found.tick().total.requests == 6
        log.unlink()
        report = found.finish()
    assert report.total.cost_usd == 6 * ONE
    assert report.files == (str(log),)


def test_a_writer_in_another_thread(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    text = b"".join([*lines(400), *lines(100, first=200)])
    log.write_bytes(b"")
    done = threading.Event()

    def write() -> None:
        for start in range(0, len(text), 777):
            grow(log, text[start : start + 777])
        done.set()

    with following(log) as found:
        writer = threading.Thread(target=write)
        writer.start()
        while not done.is_set():
            found.tick()
        writer.join()
        report = found.finish()
    assert (report.total.requests, report.duplicates) == (400, 100)
    same(report, price_logs(log))


def test_what_is_remembered_is_bounded_and_what_is_forgotten_counts(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    with following(tmp_path, most_rows=20) as found:
        for start in range(1, 200, 25):
            grow(log, *lines(25, first=start), line(start + 3))
            report = found.tick()
            assert found._open.count <= 2 * 20 + 26
        assert (report.total.requests, report.duplicates) == (200, 8)
        grow(log, line(1), line(199))
        report = found.finish()
    assert (report.total.requests, report.duplicates) == (201, 9)  # the first is forgotten, the last is not
    assert report.read == report.priced + report.duplicates


def test_texts_wait_for_their_usage_and_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "MOST_KEPT", 5)
    log = tmp_path / "a.jsonl"
    text = chat(0)
    del text["usage"]
    with following(tmp_path) as found:
        for number in range(30):
            grow(log, json.dumps(text | {"id": f"chatcmpl-{number}"}).encode() + b"\n")
            if number % 6 == 0:
                report = found.tick()
                assert len(found._kept) <= 16
        grow(log, line(29, created=text["created"]))
        report = found.finish()
    assert report.total.counted.requests == 29
    assert report.read == 31
    assert report.duplicates == 1


def test_much_is_read_in_several_ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_BYTES", 4000)
    log = tmp_path / "a.jsonl"
    grow(log, *lines(40))
    with following(log) as found:
        assert 0 < found.tick().total.requests < 40
        assert found.more
        same(found.finish(), price_logs(log))


def test_standard_input_comes_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_STREAM_BYTES", 100)
    reader, writer = os.pipe()
    with Follow(["-"], prepare(), Stream(reader)) as found:
        os.write(writer, b"".join(lines(2)) + line(3)[:30])
        until(lambda: found.tick().total.requests == 2)
        assert not found.ended
        os.write(writer, line(3)[30:] + b"oh\n")
        until(lambda: found.tick().total.requests == 3)
        assert (Path(found._spool) / "stdin").stat().st_size < 100
        os.write(writer, line(4).rstrip(b"\n"))
        os.close(writer)
        until(lambda: found.tick() is not None and found.ended)
        report = found.finish()
    os.close(reader)
    assert (report.total.requests, report.files) == (4, ("<stdin>",))
    assert [item.first for item in report.rejected] == ["<stdin>:4"]


def test_nothing_in_it_is_an_error_only_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    with following(tmp_path) as found:
        assert found.tick().read == 0
        with pytest.raises(InputError, match=r"a.jsonl: no record in it"):
            found.finish()


def test_notes_tell_what_was_left_out(tmp_path: Path) -> None:
    grow(tmp_path / "a.jsonl", line(1))
    with following(tmp_path) as found:
        found.tick()
        (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line(1)))
        found.tick()
        assert "a.jsonl.gz: taken for the packed copy" in found.notes[0]
        assert replace(found.finish(), files=()).total.requests == 1


def until(holds: Any) -> None:
    for _ in range(10_000):
        if holds():
            return
        threading.Event().wait(0.001)
    pytest.fail("it did not come")
