"""Samples as files: white space, packing and neighbours change nothing."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

import llmopt
from tests.cost.formats.test_samples_providers import SAMPLES as PROVIDERS
from tests.cost.formats.test_samples_tools import SAMPLES as TOOLS
from tests.cost.reading import SAMPLES as FOLDER
from tests.cost.reading import sample_files, sample_lines

ALL = {**PROVIDERS, **TOOLS}
JSON_FORMATS = sorted(set(ALL) - {"generic"})


def cost(path: Path) -> tuple[Decimal, int, int, int]:
    report = llmopt.price_logs([path], by=["model"])
    assert not report.rejected
    return report.total.cost_usd, report.priced, report.free, report.duplicates


def expected(name: str) -> tuple[Decimal, int, int, int]:
    sample = ALL[name]
    return sum(sample.costs.values(), Decimal(0)), sample.priced, sample.free, sample.duplicates


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_blanks_between_the_tokens_of_json_do_not_matter(name: str, tmp_path: Path) -> None:
    for number, path in enumerate(sample_files(name)):
        lines = (json.dumps(line, separators=(" , ", " : ")) for line in sample_lines(path))
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines) + "\r\n")
    assert cost(tmp_path) == expected(name)


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_an_indented_array_is_read_as_its_lines_are(name: str, tmp_path: Path) -> None:
    for number, path in enumerate(sample_files(name)):
        (tmp_path / f"{number}.json").write_text(json.dumps(list(sample_lines(path)), indent=2))
    assert cost(tmp_path) == expected(name)


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_other_order_of_keys_and_escapes_do_not_matter(name: str, tmp_path: Path) -> None:
    for number, path in enumerate(sample_files(name)):
        lines = (json.dumps(line, sort_keys=True, ensure_ascii=True) for line in sample_lines(path))
        (tmp_path / f"{number}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    assert cost(tmp_path) == expected(name)


def test_all_samples_together_cost_what_they_cost_apart() -> None:
    report = llmopt.price_logs([FOLDER], by=["model"])
    assert not report.rejected
    assert set(report.formats) == {*ALL, "request-only", "response-only"}
    texts = llmopt.price_logs([FOLDER / "request-only.jsonl", FOLDER / "response-only.jsonl"])
    assert report.total.counted == texts.total.counted
    for_replays = llmopt.price_logs([FOLDER / "caching", FOLDER / "projecting"])
    others = texts.total.cost_usd + for_replays.total.cost_usd
    apart = sum((sum(sample.costs.values(), Decimal(0)) for sample in ALL.values()), others)
    assert report.total.cost_usd == apart
    unpriced = sum(entry.requests for entry in report.unpriced)
    assert report.read == report.priced + report.free + unpriced + report.duplicates
