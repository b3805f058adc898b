"""`llmopt cost samples/` for real: all formats at once, every output format, the same bytes each time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from llmopt.report.render import FORMATS
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
COMMAND = ("cost", "samples/", "--as-of", "2026-11-01")
STAMP = re.compile(r'(sha256"?:? "?)[0-9a-f]{12,64}|(Prices of |"date": ")\d{4}-\d\d-\d\d')
"""What changes whenever a price is added."""


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("format", FORMATS)
def test_the_samples_in_every_format(format: str, llmopt: Llmopt, golden: Callable[[str, str], None]) -> None:
    outcome = llmopt(*COMMAND, "--format", format)
    assert outcome.code == 0
    golden(f"cli/samples.{SUFFIX[format]}", STAMP.sub(r"\1\2X", outcome.out))


def test_the_same_input_gives_the_same_bytes(llmopt: Llmopt) -> None:
    assert llmopt(*COMMAND, "--format", "json").out == llmopt(*COMMAND, "--format", "json", "--jobs", "1").out


def test_every_record_of_the_samples_is_accounted_for(llmopt: Llmopt) -> None:
    report = json.loads(llmopt(*COMMAND, "--format", "json").out)
    rejected = sum(entry["count"] for entry in report["rejected"])
    unpriced = sum(entry["requests"] for entry in report["unpriced"])
    assert report["read"] == report["priced"] + report["free"] + unpriced + report["duplicates"] + rejected
    assert len(report["formats"]) >= 20


def test_a_report_is_its_own_baseline(llmopt: Llmopt, tmp_path: object) -> None:
    path = f"{tmp_path}/old.json"
    assert llmopt(*COMMAND, "-o", path, "-q").code == 0
    assert llmopt(*COMMAND, "--baseline", path, "--max-increase", "0%").code == 0
