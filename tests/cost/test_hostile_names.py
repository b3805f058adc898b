"""Names in logs come from strangers: no escape sequence, markup or line end of theirs reaches the output as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmopt.report.render import FORMATS
from tests.cli.conftest import Llmopt
from tests.cost.logs import line, written
from tests.report.hostile import CONTROLS, HOSTILE

NAMES = [name for name in HOSTILE if "\udcff" not in name]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    unknown = [line(number, model=name) for number, name in enumerate(NAMES)]
    plain = {"model": "gpt-4o", "input_tokens": 1200, "output_tokens": 80}
    grouped = [json.dumps(plain | {"user": name}).encode() + b"\n" for name in NAMES]
    tiers = [line(200 + number, service_tier=name) for number, name in enumerate(NAMES)]
    counts = [line(300 + number, prompt_tokens=name) for number, name in enumerate(NAMES)]
    return written(tmp_path / "log.jsonl", *unknown, *grouped, *tiers, *counts)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("by", ["model", "user"])
@pytest.mark.parametrize("format", FORMATS)
def test_no_hostile_character_reaches_the_output(format: str, by: str, llmopt: Llmopt, log: Path) -> None:
    done = llmopt("cost", log, "--by", by, "--format", format)
    assert done.code == 0
    assert not CONTROLS & set(done.out.replace("\r\n", "\n"))
    assert not CONTROLS & set(done.err)


@pytest.mark.parametrize("format", FORMATS)
def test_markup_is_shown_and_not_obeyed(format: str, llmopt: Llmopt, log: Path) -> None:
    out = llmopt("cost", log, "--by", "model,user", "--format", format).out
    assert "bold red" in out
    assert "markup" in out


def test_json_gives_the_names_as_logged(llmopt: Llmopt, log: Path) -> None:
    report = json.loads(llmopt("cost", log, "--format", "json").out)
    logged = {entry["model"] for entry in report["unpriced"]}
    assert {name for name in NAMES if name in logged} >= {"\x1b[31mred\x1b[0m", "line\nbreak", "[bold red]markup[/]"}


def test_an_error_that_names_a_hostile_file(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "\x1b[31mred\n.jsonl", b"{\n")
    done = llmopt("cost", path)
    assert done.code == 2
    assert not CONTROLS & set(done.err)
    assert len(done.err.splitlines()) <= 2
