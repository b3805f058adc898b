"""What `scale.py` measures is what is there: all rows of each form, all open records, all requests to a store."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from dataclasses import asdict
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra `spark` is not installed")
pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from benchmarks import scale, scale_part
from benchmarks.scale_logs import NOTED_TIMES, Log, write_folder, write_forms, write_texts, write_users
from benchmarks.scale_plan import Asked, planned
from tests.benchmarks.test_scale_plan import CONSTANTS, COPIES, PLAIN
from tests.cost.stores.conftest import HEADERS

SIZE_BYTES = 250_000


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Log]:
    return write_forms(tmp_path_factory.mktemp("forms"), SIZE_BYTES)


def test_every_form_holds_the_same_requests(forms: dict[str, Log]) -> None:
    found = {name: scale_part.part(str(log.path), rounds="1") for name, log in forms.items()}
    assert {name: one["rows"] for name, one in found.items()} == {name: log.rows for name, log in forms.items()}
    assert not any(one["rejected"] for one in found.values())
    chats = [one for name, one in found.items() if not name.startswith("claude")]
    assert forms["noted"].rows == NOTED_TIMES * forms["chat"].rows
    assert len({one["entries"] for one in chats}) == 1
    assert {name for name, one in found.items() if one["open_rows"]} == {"claude", "claude_gz"}


def test_request_ids_are_watched_in_a_short_log_only(forms: dict[str, Log]) -> None:
    path = str(forms["chat"].path)
    near, far = (scale_part.part(path, "model", "auto", extent, "1") for extent in ("near", "far"))
    assert (near["ids"], far["ids"]) == (forms["chat"].rows, 0)
    assert scale_part.part(path, "model", "all", rounds="1")["open_rows"] == forms["chat"].rows


def test_dealing_among_more_buckets_takes_more_bytes_for_the_same_rows(forms: dict[str, Log]) -> None:
    found = scale_part.deal(str(forms["claude"].path), "1", "8")
    assert found["open_rows"] == forms["claude"].rows
    assert found["files"] == [1, 8]
    sizes = found["bytes"]
    assert isinstance(sizes, list)
    assert sizes[0] < sizes[1]
    ranked = scale_part.rank(str(forms["claude"].path), "8")
    assert (ranked["open_rows"], ranked["files"]) == (forms["claude"].rows, 8)


def test_groups_are_entries(tmp_path: Path) -> None:
    table = str(write_users(tmp_path / "users.parquet", 2_000, 10, 3))
    assert [scale_part.part(table, by, rounds="1")["entries"] for by in ("model", "model,day", "model,day,user")] == [
        1,
        3,
        30,
    ]
    merged = scale_part.merge(table, "model,day,user", "4")
    assert merged["entries"] == 30


def test_the_driver_and_the_state_see_all_files(forms: dict[str, Log], tmp_path: Path) -> None:
    folder = write_folder(forms["claude"].path, tmp_path / "logs", 3)
    driven = scale_part.drive(str(folder))
    assert (driven["files"], driven["pieces"]) == (3, 3)
    kept = scale_part.state(str(folder), str(tmp_path / "state"))
    assert kept["rows_bytes"]
    assert kept["other_bytes"]


def test_texts_without_usage_are_counted(tmp_path: Path) -> None:
    log = write_texts(tmp_path / "texts.jsonl", 3)
    assert scale_part.part(str(log.path), rounds="1")["rows"] == 3


def test_a_plan_is_made_again_from_constants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [PLAIN, COPIES]
    kept = {"constants": asdict(CONSTANTS), "cases": [asdict(case) for case in cases], "exact": True}
    file = tmp_path / "constants.json"
    file.write_text(f"a table\n{json.dumps(kept)}\n")
    monkeypatch.setattr(sys, "argv", ["scale", "--constants", str(file), "--rows", "5000", "--users", "7", "--by-day"])
    with pytest.raises(SystemExit) as ended:
        scale.main()
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    asked = Asked(rows=5_000, users=7, by_day=True)
    assert told["plans"] == {case.name: asdict(planned(case, asked, CONSTANTS)) for case in cases}
    assert set(told["breaks"]["plain"]) == set(scale.LIMITS)


def test_the_server_counts_requests_and_bytes() -> None:
    if "CI" not in os.environ:
        pytest.importorskip("moto.server")
    from benchmarks.scale_store import Server

    server = Server()
    server.put("logs")
    server.put("logs/a.jsonl", b"0123456789")

    def ask(path: str, method: str = "GET") -> None:
        request = urllib.request.Request(f"{server.endpoint}/{path}", headers=HEADERS, method=method)
        with urllib.request.urlopen(request) as answer:
            answer.read()

    def ask_three() -> None:
        for method in ("GET", "GET", "HEAD"):
            ask("logs/a.jsonl", method)

    wire = server.counted(ask_three)
    assert (wire.gets, wire.heads, wire.lists, wire.body_bytes) == (2, 1, 0, 20)
    assert server.counted(lambda: ask("logs?list-type=2")).lists == 1
    server.close()
