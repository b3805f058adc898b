"""How logs are cut into parts."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from llmopt.cost.prepared import prepare
from llmopt.cost.schemas import Extent
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import find_files
from llmopt.cost.spark.cutting import Cutter, Part, lines_before, placed
from tests.cost.logs import lines, written
from tests.cost.reading import SAMPLES

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")


@pytest.fixture(scope="module")
def sniffer() -> Sniffer:
    return Sniffer(prepare().settings.formats)


def cut(sniffer: Sniffer, path: Path, target: int, spool: Path) -> list[Part]:
    return Cutter(sniffer, target, spool).parts(find_files([path], spool))


def test_samples_are_cut_as_their_formats_allow(sniffer: Sniffer, tmp_path: Path) -> None:
    parts = cut(sniffer, SAMPLES, 1500, tmp_path)
    ranges = {Path(part[0].source.path).name for part in parts if part[0].end is not None}
    assert {"openai-chat.jsonl", "claude-code.jsonl", "langfuse.jsonl"} & ranges
    assert not any(name.startswith("rollout") or name.endswith((".gz", ".csv", ".parquet")) for name in ranges)
    assert {Path(piece.source.path).parent.name for piece in parts[-1]} == {"otel-genai"}
    spans = [part for part in parts[:-1] for piece in part if "otel-genai" in piece.source.path]
    assert not spans


def test_spans_in_a_table_or_a_document_are_seen(sniffer: Sniffer, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (document,) = (SAMPLES / "otel-genai").glob("*.json")
    for name in "ab":
        (logs / f"{name}.json").write_text(json.dumps(json.loads(document.read_text()), indent=2))
    (part,) = cut(sniffer, logs, 10, tmp_path)
    assert len(part) == 2


def test_small_files_share_a_part_in_their_order(sniffer: Sniffer, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(10):
        written(logs / f"{number}.jsonl", *lines(2))
    size = (logs / "0.jsonl").stat().st_size
    parts = cut(sniffer, logs, 3 * size, tmp_path)
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    names = [Path(piece.source.path).stem for part in parts for piece in part]
    assert names == [str(number) for number in range(10)]


def test_the_cutter_tells_how_long_the_log_is(sniffer: Sniffer, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    lined = [written(logs / "a.jsonl", *lines(40)), written(logs / "b.json", b"[", b",".join(lines(3)), b"]")]
    duckdb.sql(f"COPY (SELECT 'gpt-4o' AS model, 5 AS prompt_tokens FROM range(70)) TO '{logs}/c.parquet'")
    cutter = Cutter(sniffer, 1000, tmp_path)
    cutter.parts(find_files([logs], tmp_path))
    assert cutter.extent() == Extent(sum(path.stat().st_size for path in lined), 70)


def test_a_damaged_table_is_left_to_its_reader(sniffer: Sniffer, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.parquet").write_bytes(b"PAR1 and no more")
    duckdb.sql(f"COPY (SELECT 'gpt-4o' AS model, 5 AS prompt_tokens) TO '{logs}/b.parquet'")
    (part,) = cut(sniffer, logs, 2**20, tmp_path)
    assert [piece.look.kind for piece in part] == ["parquet", "parquet"]


def test_lines_of_ranges_have_their_numbers_in_the_file(sniffer: Sniffer, tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", *lines(25), b"\n", *lines(25, 50))
    parts = cut(sniffer, log, 1000, tmp_path / "spool")
    assert len(parts) > 5
    texts = log.read_bytes().split(b"\n")
    copies, counts = [], []
    for number, part in enumerate(parts):
        folder = tmp_path / str(number)
        folder.mkdir()
        (source,), known, count = placed(part, sniffer.variants, folder)
        assert known[source.path].variants == sniffer.sniff(find_files([log], tmp_path / "spool")[0]).variants
        copies.append(Path(source.path).read_bytes())
        counts.append(count)
    for copy, before in zip(copies, lines_before(parts, counts), strict=True):
        for number, text in enumerate(copy.split(b"\n"), 1):
            if text:
                assert texts[number + before.get(str(log), 0) - 1] == text
