"""The logs that `scale.py` measures on: the same requests in several forms, and transcripts with copies."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.cost_logs_data import TEXT, write_chat_log, write_transcripts
from llmopt.cost.pricing.table import PriceTable

CHAT_BYTES, RESPONSE_BYTES = 640, 4_200
"""About what a chat completion takes, and a response of a transcript with all its copies and the user's turn."""
_WITHOUT_TEXTS = """SELECT id, object, created, model, usage, service_tier, "user" FROM
  read_json('{log}', format = 'newline_delimited')"""
_USAGE = """SELECT id AS request_id, to_timestamp(created)::TIMESTAMP AS timestamp, model, service_tier AS tier,
  usage.prompt_tokens AS input_tokens, usage.prompt_tokens_details.cached_tokens AS cached_tokens,
  usage.completion_tokens AS output_tokens, "user" FROM read_json('{log}', format = 'newline_delimited')"""
NOTED_TIMES = 8
"""How often each request is in the table with texts, so that it has several row groups."""
_WITH_NOTES = (
    _USAGE.replace("id AS request_id", "concat(id, r) AS request_id").replace(
        " FROM ", ", concat(md5(concat(r, id)), choices[1].message.content) AS note FROM "
    )
    + f", range({NOTED_TIMES}) again(r)"
)
_BY_USER = """SELECT 'gpt-4o-mini' AS model, TIMESTAMP '2026-01-01' + to_seconds(CAST(i * 86400 * {days} // {rows} AS
  BIGINT)) AS timestamp, 100 + i % 997 AS input_tokens, 1 + i % 89 AS output_tokens, 'user-' || hash(i) % {users} AS
  "user" FROM range({rows}) t(i)"""
_WORDS = TEXT.split(" ")


@dataclass(frozen=True, slots=True)
class Log:
    """One form of a log."""

    name: str
    path: Path
    rows: int
    """Records with usage."""


def write_forms(folder: Path, size_bytes: int) -> dict[str, Log]:
    """Write the same chat completions in all forms, and transcripts; about `size_bytes` of lines each."""
    table = PriceTable.load()
    rows = max(200, size_bytes // CHAT_BYTES)
    chat = Log("chat, texts: JSONL", folder / "chat.jsonl", rows)
    write_chat_log(chat.path, rows, table)
    bare, parquet, comma = (Path(folder, f"usage.{ending}") for ending in ("jsonl", "parquet", "csv"))
    noted = folder / "noted.parquet"
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        for path, query, form in (
            (bare, _WITHOUT_TEXTS, "JSON"),
            (parquet, _USAGE, "PARQUET, COMPRESSION zstd"),
            (comma, _USAGE, "CSV, HEADER"),
            (noted, _WITH_NOTES, "PARQUET, COMPRESSION zstd"),
        ):
            connection.execute(f"COPY ({query.format(log=chat.path)}) TO '{path}' (FORMAT {form})")
    responses = max(50, size_bytes // RESPONSE_BYTES)
    truth = write_transcripts(folder / "home", responses, max(1, responses // 500), table)
    turns = folder / "claude.jsonl"
    with turns.open("wb") as out:
        for path in sorted((folder / "home").rglob("*.jsonl")):
            out.write(path.read_bytes())
    shutil.rmtree(folder / "home")
    return {
        "chat": chat,
        "chat_gz": Log("chat, texts: gzip", _packed(chat.path, "gzip"), rows),
        "chat_zst": Log("chat, texts: Zstandard", _packed(chat.path, "zstd"), rows),
        "bare": Log("usage only: JSONL", bare, rows),
        "csv": Log("usage only: CSV", comma, rows),
        "parquet": Log("usage only: Parquet (zstd)", parquet, rows),
        "noted": Log("chat, texts: Parquet (zstd)", noted, rows * NOTED_TIMES),
        "claude": Log("transcripts with copies: JSONL", turns, truth.records),
        "claude_gz": Log("transcripts with copies: gzip", _packed(turns, "gzip"), truth.records),
    }


def write_texts(path: Path, rows: int) -> Log:
    """Write requests with answers but without usage, each of about 2 KB of made-up words, to be counted."""
    rng = random.Random(3)
    with path.open("w", encoding="utf-8") as out:
        for number in range(rows):
            asked, answered = (" ".join(rng.choices(_WORDS, k=count)) for count in (300, 100))
            record = {"model": "gpt-4o", "timestamp": "2026-03-02T00:00:00Z", "prompt": f"{number} {asked}"}
            out.write(json.dumps(record | {"response": answered}) + "\n")
    return Log("texts without usage: JSONL", path, rows)


def write_users(path: Path, rows: int, users: int, days: int) -> Path:
    """Write a Parquet table of one model in which rows are drawn from users alike, and days follow each other."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        query = _BY_USER.format(rows=rows, users=users, days=days)
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT PARQUET)")
    return path


def write_folder(source: Path, folder: Path, files: int) -> Path:
    """Divide the lines of a log among files."""
    folder.mkdir()
    with source.open("rb") as log:
        lines = log.readlines()
    for number in range(files):
        some = lines[len(lines) * number // files : len(lines) * (number + 1) // files]
        (folder / f"{number:05}.jsonl").write_bytes(b"".join(some))
    return folder


def _packed(path: Path, how: str) -> Path:
    """Pack a file with duckdb's writer, which takes a column of lines as it is."""
    target = path.with_name(f"{path.name}.{'gz' if how == 'gzip' else 'zst'}")
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        lines = (
            f"SELECT line FROM read_csv('{path}', columns = {{'line': 'VARCHAR'}}, delim = '\\0', quote = '', "
            "escape = '', header = false, max_line_size = 10000000)"
        )
        connection.execute(
            f"COPY ({lines}) TO '{target}' (FORMAT CSV, HEADER false, DELIMITER '\\0', QUOTE '', ESCAPE '', "
            f"COMPRESSION {how})"
        )
    return target
