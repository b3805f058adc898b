from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.pricing.lint import lint
from tests.cost.pricing.conftest import Folder, price_file

RATES = {"input_uncached": "1", "output_text": "2"}
SOURCE = "https://example.com/prices"


def model(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rows": [{"usd_per_mtok": RATES, **row} for row in rows], **more}


def dated(day: str, **more: Any) -> dict[str, Any]:
    return {"from": day, "source": SOURCE, **more}


def messages(root: Path, *extra: Path) -> list[str]:
    return [f"{Path(finding.file).name}: {finding.where}: {finding.message}" for finding in lint(root, extra)]


def test_what_ships_is_clean() -> None:
    assert [str(finding) for finding in lint()] == []


def test_a_clean_folder(folder: Folder) -> None:
    root = folder(providers={"acme": {"m": model({})}}, history={"acme": {"m": model(dated("2024-01-01"))}})
    assert messages(root) == []


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (model({}, {}), "two default rows from undated"),
        (model(), "no price row"),
        (model({"usd_per_mtok": {"input_uncached": "-1"}}), "default row from undated: -1 is no amount of dollars"),
        (
            model({"usd_per_mtok": {"input_uncached": "30000"}}),
            "default row from undated: input_uncached costs 30000 a million tokens",
        ),
        (model({"usd_per_mtok": {"input_uncached": "x"}}), "default row from undated: 'x' is no decimal number"),
        (model(dated("1999-01-01")), "default row from 1999-01-01: before 2020-06-01"),
        (model({}, aliases=["other"]), "alias 'other' belongs to 'other'"),
        (model({}, regex=["("]), "'(' is no regular expression"),
        (
            model({"bands": [{"above_input_tokens": 9, "rule": "cliff", "usd_per_mtok": {"input_uncached": "1"}}]}),
            "default row from undated: the band above 9 has other buckets than its row",
        ),
    ],
)
def test_a_wrong_model(folder: Folder, content: dict[str, Any], finding: str) -> None:
    root = folder(providers={"acme": {"m": content, "other": model({})}})
    assert [text for text in messages(root) if text.startswith(f"acme.json: m: {finding}")]


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (model({"source": SOURCE}), "default row from undated: history has dates"),
        (model({"from": "2024-01-01"}), "default row from 2024-01-01: no source"),
        (
            model(dated("2024-01-01", usd_per_mtok={"input_uncached": "5"})),
            "history ends at 5 (2024-01-01), the generated row says 1/2; add the row that leads there, or say in "
            "`supersedes` why not",
        ),
    ],
)
def test_a_wrong_past(folder: Folder, content: dict[str, Any], finding: str) -> None:
    root = folder(providers={"acme": {"m": model({})}}, history={"acme": {"m": content}})
    assert f"acme.json: m: {finding}" in messages(root)


def test_a_past_that_replaces_a_stale_row_says_so(folder: Folder) -> None:
    past = model(dated("2024-01-01", usd_per_mtok={"input_uncached": "5"}), supersedes="the page is out of date")
    assert messages(folder(providers={"acme": {"m": model({})}}, history={"acme": {"m": past}})) == []


def test_history_must_not_repeat_a_generated_row(folder: Folder) -> None:
    generated, past = model({}, dated("2024-01-01")), model(dated("2024-01-01"))
    root = folder(providers={"acme": {"m": generated}}, history={"acme": {"m": past}})
    assert "acme.json: m: two default rows from 2024-01-01" in messages(root)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"provider": "other"}, "provider: is 'other', the file is called 'acme'"),
        ({"sources": []}, "sources: no page that the prices were read from"),
        ({"models": {"M": model({}), "m": model({})}}, "models: two ids differ only in case"),
    ],
)
def test_a_wrong_file(folder: Folder, change: dict[str, Any], finding: str) -> None:
    root = folder(providers={"acme": {"m": model({})}})
    path = root / "providers" / "acme.json"
    path.write_text(json.dumps({**price_file("acme", {"m": model({})}), **change}))
    assert f"acme.json: {finding}" in messages(root)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"tier": "default"}, "a rule is for the other tiers"),
        ({"source": ""}, "no source"),
        ({"multiplier": "half"}, "'half' is no decimal number"),
        ({"multiplier": "0"}, "a share of 0 of the default rate"),
        ({"buckets": ["output"]}, "no such bucket: output"),
    ],
)
def test_a_wrong_tier_rule(folder: Folder, change: dict[str, Any], finding: str) -> None:
    rule = {"tier": "batch", "from": "2024-01-01", "multiplier": "0.5", "source": SOURCE, **change}
    root = folder(providers={"acme": {"m": model({})}})
    (root / "providers" / "acme.json").write_text(json.dumps(price_file("acme", {"m": model({})}, tier_rules=[rule])))
    assert f"acme.json: tier_rules {rule['tier']}: {finding}" in messages(root)


def test_a_key_that_stands_twice(folder: Folder) -> None:
    root = folder(providers={"acme": {"m": model({})}})
    path = root / "providers" / "acme.json"
    text = path.read_text()
    path.write_text(text.replace('"models": {', '"models": {"m": {"rows": []}, '))
    assert "acme.json: m: the key stands twice" in messages(root)


def test_files_that_cannot_be_read(folder: Folder, tmp_path: Path) -> None:
    root = folder(providers={"acme": {"m": model({})}, "bad": {}})
    (root / "providers" / "bad.json").write_text("{")
    found = messages(root, tmp_path / "gone.json")
    assert [text.split(":")[:2] for text in found] == [["bad.json", " schema"], ["gone.json", " file"]]


def test_files_of_the_users_are_checked_together(folder: Folder, tmp_path: Path) -> None:
    root = folder(providers={"acme": {"m": model({})}})
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in files:
        path.write_text(json.dumps(price_file("acme", {"m": model({})})))
    (finding,) = messages(root, *files)
    assert "b.json: acme/m: the default tier is priced in" in finding
