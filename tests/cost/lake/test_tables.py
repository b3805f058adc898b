"""Lake tables are found out among paths before any of their files is read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmopt.cost.lake.tables import current_metadata, refuse_remote
from llmopt.cost.sources import find_files
from llmopt.errors import InputError, MissingExtraError
from tests.cost.deltas import by_hand, rows

pytest.importorskip("deltalake")

LINE = '{"model": "gpt-4o", "input_tokens": 1200, "output_tokens": 80}\n'
METADATA = '{"format-version": 2, "location": "/t"}'


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def shown(spool: Path, *paths: Path | str) -> list[str]:
    return [source.shown for source in find_files(paths, spool)]


def test_a_table_below_a_folder_is_read_as_a_table(tmp_path: Path, spool: Path) -> None:
    table = by_hand(tmp_path / "logs" / "deep" / "t", {"live.parquet": rows(1)})
    (table / "removed.parquet").write_bytes((table / "live.parquet").read_bytes())
    (table / "notes.jsonl").write_text(LINE)
    (tmp_path / "logs" / "a.jsonl").write_text(LINE)
    (tmp_path / "logs" / "z.jsonl").write_text(LINE)
    logs = tmp_path / "logs"
    assert shown(spool, logs) == [f"{logs}/a.jsonl", f"{logs}/z.jsonl", f"{table}/live.parquet"]


def test_relative_paths(tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = by_hand(tmp_path / "logs" / "t", {"live.parquet": rows(1)})
    (table / "removed.parquet").write_bytes((table / "live.parquet").read_bytes())
    monkeypatch.chdir(table)
    assert shown(spool, ".") == ["live.parquet"]
    monkeypatch.chdir(tmp_path / "logs")
    assert shown(spool, ".") == ["t/live.parquet"]
    assert shown(spool, "t/_delta_log") == ["t/live.parquet"]


@pytest.mark.parametrize("part", ["live.parquet", "*.parquet", "day=1", "**/*.parquet"])
def test_parts_of_a_table_are_refused(tmp_path: Path, spool: Path, part: str) -> None:
    table = by_hand(tmp_path / "t", {"live.parquet": rows(1)})
    (table / "day=1").mkdir()
    (table / "day=1" / "b.parquet").write_bytes((table / "live.parquet").read_bytes())
    with pytest.raises(InputError, match="part of the Delta table") as caught:
        find_files([f"{table}/{part}"], spool)
    assert caught.value.hint == f"give the table: {table}"


def test_a_hudi_table_is_refused(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "t" / ".hoodie").mkdir(parents=True)
    (tmp_path / "t" / "a.jsonl").write_text(LINE)
    with pytest.raises(InputError, match="a Hudi table, which is not read"):
        find_files([tmp_path / "t"], spool)


@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", LINE])
def test_other_files_called_metadata_are_logs(tmp_path: Path, spool: Path, text: str) -> None:
    folder = tmp_path / "t" / "metadata"
    folder.mkdir(parents=True)
    (folder / "v1.metadata.json").write_text(text)
    assert shown(spool, tmp_path / "t") == [f"{folder}/v1.metadata.json"]


@pytest.mark.parametrize(
    "name", ["s3://b/t/_delta_log/0.json", "s3://b/t/metadata/v1.metadata.json", "gs://b/t/_delta_log/1.parquet"]
)
def test_tables_in_object_stores_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"://b/t: an? \w+ table in an object store"):
        refuse_remote(["s3://b/t/a.parquet", name])


def test_other_objects_are_not_refused() -> None:
    refuse_remote(["s3://b/a.jsonl", "s3://b/metadata/a.json", "s3://b/_delta_log.json"])


def metadata(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "t" / "metadata"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(METADATA)
    return tmp_path / "t"


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        (("00002-a.metadata.json", "00010-b.metadata.json"), "00010-b.metadata.json"),
        (("v9.metadata.json", "v10.gz.metadata.json"), "v10.gz.metadata.json"),
    ],
)
def test_the_newest_metadata_is_in_force(tmp_path: Path, names: tuple[str, ...], newest: str) -> None:
    assert current_metadata(metadata(tmp_path, *names)).name == newest


def test_the_version_hint_comes_first(tmp_path: Path) -> None:
    root = metadata(tmp_path, "v1.metadata.json", "v2.metadata.json", "v3.metadata.json")
    (root / "metadata" / "version-hint.text").write_text("2\n")
    assert current_metadata(root).name == "v2.metadata.json"
    (root / "metadata" / "version-hint.text").write_text("7")
    with pytest.raises(InputError, match="names version 7, which is not there"):
        current_metadata(root)


def test_two_metadata_of_one_number_are_said(tmp_path: Path) -> None:
    root = metadata(tmp_path, "00001-a.metadata.json", "00002-a.metadata.json", "00002-b.metadata.json")
    with pytest.raises(InputError, match=r"which metadata .* 00002-a\.metadata\.json and 00002-b"):
        current_metadata(root)


@pytest.mark.parametrize(("library", "module"), [("deltalake", "delta"), ("pyiceberg", "iceberg")])
def test_the_missing_library_is_named(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, library: str, module: str
) -> None:
    for name in [name for name in sys.modules if name == library or name.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"llmopt.cost.lake.{module}", raising=False)
    if library == "deltalake":
        table = by_hand(tmp_path / "t", {"a.parquet": rows(1)})
    else:
        table = metadata(tmp_path, "v1.metadata.json")
    with pytest.raises(MissingExtraError, match="is not installed") as caught:
        find_files([table], spool)
    assert caught.value.hint == "pip install 'llmopt[lakes]'"
