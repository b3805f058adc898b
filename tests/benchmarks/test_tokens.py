"""The token benchmark: texts that are the same each time and as repetitive as they say, and a run at a tiny size."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import tokens_data, tokens_run
from benchmarks.tokens_data import prompts, prose, shared
from tests.conftest import ROOT

TINY = ["--prompts", "10", "--requests", "10", "--size", "20000", "--single", "20000", "--rounds", "1", "--starts", "1"]


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """What texts are made of is kept for this file alone: it is large."""
    yield
    tokens_data._chain.cache_clear()
    tokens_data._installed.cache_clear()


def test_prose_is_distinct_english_of_the_size_asked_for(tmp_path: Path) -> None:
    texts = prose(50_000)
    assert sum(map(len, texts)) == 50_000
    assert len(set(texts)) == len(texts) >= 50_000 // 8_000
    assert prose(50_000) == texts != prose(50_000, seed=9)
    words = " ".join(texts).split()
    assert 3_000 < len(words) < 20_000
    own = tmp_path / "own.txt"
    own.write_text("All work and no play. " * 1_000, encoding="utf-8")
    assert "".join(prose(10_000, source=own)) == ("All work and no play. " * 1_000)[:10_000]


def test_the_log_holds_each_prompt_as_often_as_it_says() -> None:
    texts = prompts(30, 10)
    assert Counter(Counter(texts).values()) == {10: 30}
    assert all(500 <= len(text) <= 4_200 for text in texts)
    assert texts != sorted(texts)
    assert prompts(30, 10) == texts != prompts(30, 10, seed=9)


def test_shared_requests_begin_alike_and_end_differently() -> None:
    texts = shared(40)
    assert len({text[:6_000] for text in texts}) == 1
    assert len({text[6_000:] for text in texts}) == 40
    assert shared(40) == texts


def test_every_way_to_count_gives_tiktokens_counts() -> None:
    texts = [*prose(30_000), "", "hello world"]
    timed = tokens_run.in_turn(tokens_run.loops(texts), 1)
    assert {"tiktoken", "tiktoken_batch", "llmopt_many", "llmopt_loop"} <= set(timed)
    for one in timed.values():
        assert one.counts == [len(tokens_run.plain().encode_ordinary(text)) for text in texts]
        assert len(one.raw_s) == 1
        assert one.raw_s[0] > 0


def test_a_ratio_is_taken_round_by_round() -> None:
    assert tokens_run.spread([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == {"median": 2.0, "low": 1.0, "high": 3.0}


def test_tiktoken_finds_its_ranks_without_a_download(tmp_path: Path) -> None:
    tokens_run.fill_tiktokens_cache(tmp_path / "cache")
    (ranks,) = (tmp_path / "cache").iterdir()
    assert (
        ranks.name
        == hashlib.sha1(b"https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken").hexdigest()
    )
    code = f"import tiktoken; print(tiktoken.get_encoding('{tokens_run.ENCODING}').encode('hello world'))"
    env = {"TIKTOKEN_CACHE_DIR": str(tmp_path / "cache"), "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == "[24912, 2375]\n", done.stderr


def test_a_tiny_run_prints_a_table_and_one_line_of_json(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/tokens.py", *TINY, "--dir", str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("log_x10 ") for line in lines)
    found = json.loads(lines[-1])
    assert found["benchmark"] == "tokens"
    assert found["exactness"]["mismatches"] == 0
    assert found["exactness"]["characters_compared"] > 2 * 20_000
    assert set(found["goals"]) == set(found["met"])
    assert found["met"]["mismatches"] is True
    assert found["environment"]["tiktoken"]
    assert (tmp_path / "work" / "cache").is_dir()
