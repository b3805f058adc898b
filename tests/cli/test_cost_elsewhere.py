"""`llmopt cost` over states and databases says what it says of files."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT

SAMPLE = ROOT / "samples" / "openai-chat.jsonl"


def test_a_state_reads_a_log_once_and_keeps_what_is_gone(llmopt: Llmopt, tmp_path: Path) -> None:
    log = Path(shutil.copy(SAMPLE, tmp_path / "a.jsonl"))
    plain = json.loads(llmopt("cost", log, "--format", "json").out)
    first = llmopt("cost", log, "--state", tmp_path / "state", "--format", "json")
    again = llmopt("cost", log, "--state", tmp_path / "state", "--format", "json")
    assert "files: 1 new" in first.err
    assert "new" not in again.err
    assert [json.loads(done.out)["total"] for done in (first, again)] == [plain["total"]] * 2


def test_a_query_is_a_table(llmopt: Llmopt, tmp_path: Path) -> None:
    database = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE calls (model, prompt_tokens, completion_tokens, created)")
        rows = [("gpt-4o", 1000, 100, "2026-03-01T00:00:00Z")] * 3
        connection.executemany("INSERT INTO calls VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    done = llmopt("cost", "--sql", "SELECT * FROM calls", "--db", database, "--format", "json")
    report = json.loads(done.out)
    assert (report["priced"], report["total"]["cost_usd"]) == (3, "0.0105")
    assert report["files"] == ["query of app.sqlite"]
    wrong = llmopt("cost", "--sql", "SELECT * FROM nope", "--db", database)
    assert wrong.code == 2
    assert "no such table: nope" in wrong.err
