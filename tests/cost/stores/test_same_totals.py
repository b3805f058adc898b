"""Logs cost the same wherever they lie, whoever reads them, and whatever is wrong with some of them."""

from __future__ import annotations

import dataclasses
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmopt
from llmopt.cost.stores import duckdb_files
from llmopt.cost.stores.heads import HEAD_BYTES
from llmopt.errors import InputError
from tests.cli.conftest import Llmopt
from tests.cost.conftest import Force
from tests.cost.logs import ONE, line, lines
from tests.cost.reading import SAMPLES
from tests.cost.stores.conftest import Bucket, Fetched, Memory

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS = 40_000
NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.name not in ("prompts", "wordy"))


def report(*paths: object, **options: Any) -> dict[str, Any]:
    """Return a report without the names of files."""
    found = dataclasses.asdict(llmopt.price_logs([str(path) for path in paths], **options))
    text = json.dumps(found, default=str)
    for path in paths:
        text = text.replace(str(path).rstrip("/"), "")
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def many(count: int) -> bytes:
    return b"".join(lines(count))


def as_csv(count: int) -> bytes:
    rows = (f"2026-03-02T09:00:00Z,gpt-4o,{number % 997},{number % 89},r{number}\n" for number in range(count))
    return b"timestamp,model,prompt_tokens,completion_tokens,request_id\n" + "".join(rows).encode()


def as_parquet(folder: Path, rows: int = ROWS) -> Path:
    path = folder / "x.parquet"
    columns = (
        "TIMESTAMP '2026-03-02 09:00:00' AS timestamp, 'gpt-4o' AS model, i % 997 AS prompt_tokens, "
        "i % 89 AS completion_tokens, 'r' || i AS request_id, md5('a' || i) || md5('b' || i) || md5('c' || i) AS note"
    )
    duckdb.sql(f"COPY (SELECT {columns} FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 4096)")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_each_sample(name: str, memory: Memory, force: Force) -> None:
    force("duckdb")
    path = SAMPLES / name
    if path.is_dir():
        memory.fill(path)
        assert report(memory.url()) == report(f"{path}/")
    else:
        assert report(memory.put(name, path.read_bytes())) == report(path)


def test_all_samples_in_one_folder(bucket: Bucket, force: Force) -> None:
    force("python")
    bucket.fill(SAMPLES)
    assert report(bucket.url(), by=("model", "file")) == report(f"{SAMPLES}/", by=("model", "file"))


PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress}


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize(("name", "made"), [("x.jsonl", many), ("x.csv", as_csv)])
def test_large_logs(
    name: str,
    made: Callable[[int], bytes],
    packing: str,
    memory: Memory,
    tmp_path: Path,
    fetched: Fetched,
    force: Force,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    force("duckdb")
    monkeypatch.setattr(duckdb_files, "BLOCK_BYTES", 2 * HEAD_BYTES)
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(PACK[packing](made(8_000)))
    url = memory.put(path.name, path.read_bytes())
    assert report(url, jobs=3) == report(path, jobs=3)
    assert fetched.size_bytes <= path.stat().st_size + 8 * HEAD_BYTES


def test_parquet_is_fetched_by_columns(bucket: Bucket, tmp_path: Path, fetched: Fetched) -> None:
    path = as_parquet(tmp_path)
    url = bucket.put("day=2026-03-02/x.parquet", path.read_bytes())
    assert report(url)["total"] == report(path)["total"]
    assert fetched.size_bytes < path.stat().st_size / 2
    assert fetched.count < 100


def test_folders_in_keys_are_columns_of_parquet(memory: Memory, tmp_path: Path) -> None:
    for team in ("red", "blue"):
        folder = tmp_path / f"team={team}"
        folder.mkdir()
        as_parquet(folder, 10)
    memory.fill(tmp_path)
    groups = report(memory.url(), by=("team",), dedupe="none")["groups"]
    assert sorted(group["key"]["team"] for group in groups) == ["blue", "red"]
    assert groups == report(f"{tmp_path}/", by=("team",), dedupe="none")["groups"]


FILES = st.dictionaries(
    st.sampled_from(["a.jsonl", "b/c.jsonl", "b/ä #%[1]?.json", "d.log", "e*.ndjson"]),
    st.tuples(
        st.lists(st.one_of(st.integers(1, 9).map(line), st.sampled_from([b"{bad\n", b"\n", b"[1]\n", b'{"a":1}\n']))),
        st.sampled_from(sorted(PACK)),
    ),
    min_size=1,
)


@given(files=FILES, small=st.booleans())
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_files(files: dict[str, tuple[list[bytes], str]], small: bool, tmp_path: Path, force: Force) -> None:
    force("python" if small else "duckdb")
    memory = Memory()
    folder = tmp_path / memory.name
    for key, (parts, packing) in files.items():
        path = folder / f"{key}{packing}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PACK[packing](b"".join(parts)))
        memory.put(f"{key}{packing}", path.read_bytes())

    def found(where: object) -> object:
        try:
            return report(where)
        except InputError as error:
            return error.message.replace(str(where), "")

    assert found(memory.url()) == found(f"{folder}/")


def test_each_object_is_read_once_though_it_is_named_twice(memory: Memory) -> None:
    url = memory.put("a.jsonl", line())
    assert report(url, memory.url(), memory.url("*.jsonl"), url)["read"] == 1


def test_small_objects_take_one_request_each(memory: Memory, fetched: Fetched) -> None:
    for number in range(20):
        memory.put(f"{number}.jsonl.gz", gzip.compress(line(number)))
    assert report(memory.url())["read"] == 20
    assert fetched.count == 20


@pytest.mark.parametrize("broken", ["x.jsonl", "x.jsonl.gz", "x.csv", "x.parquet"])
def test_an_object_that_goes_away_is_rejected_and_the_others_count(
    broken: str, memory: Memory, reader: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = {"x.jsonl": many(3), "x.jsonl.gz": gzip.compress(many(3)), "x.csv": as_csv(3)}
    memory.put(broken, made[broken] if broken in made else as_parquet(tmp_path, 9).read_bytes())
    memory.put("good.jsonl", line(9))
    find = llmopt.cost.stores.fsspec_store.FsspecStore.find

    def find_then_lose(*args: Any) -> Any:
        found = find(*args)
        memory.delete(broken)
        return found

    monkeypatch.setattr("llmopt.cost.stores.fsspec_store.FsspecStore.find", find_then_lose)
    priced = llmopt.price_logs([memory.url()])
    assert priced.total.cost_usd == ONE
    ((first, reason),) = [(one.first, one.reason) for one in priced.rejected]
    assert first == memory.url(f"{broken}:1")
    assert "no such object" in reason


def test_half_a_parquet_file_is_rejected_by_name(memory: Memory, tmp_path: Path, reader: str) -> None:
    data = as_parquet(tmp_path, 5000).read_bytes()
    memory.put("half.parquet", data[: len(data) // 2])
    memory.put("good.jsonl", line())
    priced = llmopt.price_logs([memory.url()])
    assert priced.total.cost_usd == ONE
    (rejected,) = priced.rejected
    assert rejected.first == memory.url("half.parquet:1")
    assert "llmopt://" not in rejected.reason


def test_single_lines_are_read_again_from_the_store(memory: Memory, force: Force) -> None:
    force("duckdb")
    url = memory.put("a.jsonl", b"".join([*lines(50), b"{bad\n", b'{"model": "x"}\n', *lines(50, first=51)]))
    priced = llmopt.price_logs([url])
    assert priced.total.cost_usd == 100 * ONE
    assert [(one.first, one.count) for one in priced.rejected] == [(f"{url}:51", 1), (f"{url}:52", 1)]


def test_the_command_line(bucket: Bucket, llmopt: Llmopt) -> None:
    url = bucket.put("a.jsonl", line())
    done = llmopt("cost", url, "--by", "file", "--format", "csv")
    assert done.code == 0
    assert url in done.out


@pytest.mark.parametrize("ended", [True, False])
def test_commands_that_read_into_columns(ended: bool, memory: Memory, tmp_path: Path, llmopt: Llmopt) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(many(2200).rstrip(b"" if ended else b"\n"))
    url = memory.put("a.jsonl", path.read_bytes())
    outcomes = [llmopt("cache", "simulate", log, "--format", "json") for log in (url, path)]
    assert outcomes[0].code == outcomes[1].code
    assert outcomes[0].out.replace(url, "") == outcomes[1].out.replace(str(path), "")
    assert outcomes[0].err.replace(url, "") == outcomes[1].err.replace(str(path), "")
