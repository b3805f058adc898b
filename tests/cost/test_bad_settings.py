"""Wrong price files, specs and flags stop the run at once, with one line that names the file and the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Llmopt
from tests.cost.logs import Ran, cost, line, written

ROW = {"from": "2026-01-01", "usd_per_mtok": {"input_uncached": "1", "output_text": "2"}}
SPEC = 'name = "acme"\ntitle = "Acme"\nsource = "x"\ndetect = "present(acme)"\n[fields]\n'


def price_file(**models: Any) -> dict[str, Any]:
    head = {"schema": 1, "provider": "acme", "checked": "2026-01-01", "sources": ["https://acme.example/prices"]}
    return {**head, "models": models}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "log.jsonl", line())


def refused(ran: Ran, *told: str) -> None:
    """One line on stderr and perhaps a hint; exit code 2, nothing on stdout."""
    assert (ran.code, ran.report) == (2, None)
    first, *rest = ran.err.splitlines()
    assert first.startswith("llmopt: error: ")
    assert len(rest) <= 1
    assert all(text in first for text in told), first


OVERLAP = price_file(m={"rows": [ROW, ROW | {"usd_per_mtok": {"input_uncached": "3", "output_text": "4"}}]})
WRONG_PRICES = {
    "overlap": (json.dumps(OVERLAP), "2026-01-01"),
    "not JSON": ("model,price\n", ""),
    "empty": ("", ""),
    "a list": ("[]", ""),
    "cut off": (json.dumps(OVERLAP)[:50], ""),
    "no schema": (json.dumps({"models": {}}), "schema"),
    "a rate that is none": (json.dumps(price_file(m={"rows": [ROW | {"usd_per_mtok": {"output_text": "x"}}]})), ""),
    "a negative rate": (json.dumps(price_file(m={"rows": [ROW | {"usd_per_mtok": {"output_text": "-1"}}]})), "-1"),
    "a day that is none": (json.dumps(price_file(m={"rows": [ROW | {"from": "2026-02-30"}]})), "date"),
    "an unknown key": (json.dumps(price_file(m={"rows": [ROW | {"tir": "batch"}]})), "tir"),
}


@pytest.mark.parametrize("name", WRONG_PRICES)
def test_a_wrong_price_file(name: str, llmopt: Llmopt, log: Path, tmp_path: Path) -> None:
    text, told = WRONG_PRICES[name]
    path = written(tmp_path / "prices.json", text.encode())
    refused(cost(llmopt, log, "--prices", path), str(path), told)


def test_a_price_file_that_is_not_there(llmopt: Llmopt, log: Path, tmp_path: Path) -> None:
    refused(cost(llmopt, log, "--prices", tmp_path / "none.json"), f"{tmp_path}/none.json")
    refused(cost(llmopt, log, "--prices", tmp_path), str(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", ""),
        ("", "name"),
        (SPEC + 'model = "lower("', "model"),
        (SPEC + 'modle = "a"', "modle"),
        (SPEC + 'model = "nosuch(a)"', "nosuch"),
        (SPEC + "model = 3", "model"),
        (SPEC.replace("[fields]", 'detct = "a"\n[fields]'), "detct"),
    ],
)
def test_a_wrong_format_spec(text: str, told: str, llmopt: Llmopt, log: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "acme.toml", text.encode())
    refused(cost(llmopt, log, "--format-spec", path), str(path), told)


def test_a_format_spec_that_is_not_there(llmopt: Llmopt, log: Path, tmp_path: Path) -> None:
    refused(cost(llmopt, log, "--format-spec", tmp_path / "none.toml"), f"{tmp_path}/none.toml")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--by", "colour"], "colour"),
        (["--by", "model,colour"], "colour"),
        (["--input-format", "openai"], "openai"),
        (["--map", "a=colour"], "colour"),
        (["--cached", "perhaps"], "perhaps"),
        (["--dedupe", "some"], "some"),
        (["--since", "yesterday"], "--since"),
        (["--jobs", "0"], "--jobs"),
        (["--memory", "much"], "--memory"),
    ],
)
def test_a_wrong_flag(flags: list[str], told: str, llmopt: Llmopt, log: Path) -> None:
    refused(cost(llmopt, log, *flags), told)


def test_a_format_that_the_log_is_not_of(llmopt: Llmopt, log: Path) -> None:
    ran = cost(llmopt, log, "--input-format", "gemini")
    assert ran.code == 2
    assert f"{log}:1" in ran.err
