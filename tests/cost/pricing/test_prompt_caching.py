from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.pricing.lint import lint
from llmopt.cost.pricing.load import default_root
from llmopt.cost.pricing.prompt_caching import FILE, CachingFile, read_caching, rule_at
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import PricingError
from tests.cost.pricing.conftest import Folder

RATES = {"input_uncached": "1", "output_text": "2"}


def rule(id_: str = "acme", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "providers": ["acme"],
        "models": ["m*"],
        "minimum_tokens": 1024,
        "increment_tokens": 128,
        "ttl_s": 300,
        "kind": "automatic",
        "source": "https://acme.example/caching",
        **more,
    }


def written(root: Path, *rules: dict[str, Any]) -> Path:
    path = root / FILE
    path.write_text(json.dumps({"schema": 1, "checked": "2026-01-01", "rules": rules}))
    return path


def read(root: Path, *rules: dict[str, Any]) -> CachingFile:
    return read_caching(written(root, *rules))


def test_what_ships_stands_in_the_folder_of_the_prices() -> None:
    file = read_caching()
    assert (default_root() / FILE).is_file()
    assert file.checked >= date(2026, 11, 23)
    assert {"anthropic", "openai", "google", "aws", "deepseek", "x-ai"} <= {
        provider for rule in file.rules for provider in rule.providers
    }
    assert all(rule.confidence != "derived" or rule.note for rule in file.rules)


def test_every_rule_that_charges_writes_has_a_model_with_a_rate_for_them(table: PriceTable) -> None:
    charged = {
        rule.id
        for model in table.models()
        if (rule := rule_at(read_caching().rules, model.provider, model.id, None)) is not None
        and any(row.usd_per_mtok.input_cache_write_5m is not None for row in model.rows)
    }
    assert {rule.id for rule in read_caching().rules if rule.writes} <= charged


def test_the_first_that_covers_a_model_and_has_begun_holds(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        rule("later", **{"from": "2026-01-01"}),
        rule("one", models=["M1"]),
        rule("first", **{"from": "2025-01-01"}),
    ).rules

    def holds(model: str, day: date | None) -> str | None:
        found = rule_at(rules, "acme", model, day)
        return found.id if found else None

    assert holds("m2", None) == holds("m2", date(2026, 1, 1)) == "later"
    assert holds("m2", date(2025, 12, 31)) == "first"
    assert holds("m2", date(2024, 12, 31)) is None
    assert holds("m1", date(2024, 12, 31)) == "one"
    assert rule_at(rules, "other", "m1", None) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Input data was truncated"),
        ('{"schema": 2, "checked": "2026-01-01", "rules": []}', "Invalid enum value 2"),
        ('{"schema": 1, "checked": "2026-01-01", "rules": [{"id": "x", "ttl": 5}]}', "unknown field `ttl`"),
        ('{"schema": 1, "checked": "soon", "rules": []}', "Invalid"),
    ],
)
def test_a_file_of_another_shape(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(text)
    with pytest.raises(PricingError) as caught:
        read_caching(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert message in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PricingError, match="No such file"):
        read_caching(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        ({"source": "a friend"}, "no source"),
        ({"ttl_s": 0}, "ttl_s is 0"),
        ({"minimum_tokens": -1}, "minimum_tokens is -1"),
        ({"increment_tokens": 0}, "increment_tokens is 0"),
        ({"models": ["other"]}, "no model with a price comes to this rule"),
    ],
)
def test_a_wrong_rule(folder: Folder, more: dict[str, Any], finding: str) -> None:
    root = folder(providers={"acme": {"m": {"rows": [{"usd_per_mtok": RATES}]}}})
    written(root, rule(**more))
    assert [str(found) for found in lint(root)] == [f"{root / FILE}: acme: {finding}"]


def test_rules_that_hide_each_other_and_keys_that_stand_twice(folder: Folder) -> None:
    root = folder(providers={"acme": {"m": {"rows": [{"usd_per_mtok": RATES}]}}})
    path = written(root, rule(), rule("hidden"))
    assert [str(found) for found in lint(root)] == [f"{path}: hidden: no model with a price comes to this rule"]
    written(root, rule(), rule())
    assert [str(found) for found in lint(root)] == [f"{path}: acme: the id stands twice"]
    path.write_text('{"schema": 1, "checked": "2026-01-01", "rules": [], "rules": []}')
    assert [str(found) for found in lint(root)] == [f"{path}: rules: the key stands twice"]
    path.write_text("[]")
    assert [str(found) for found in lint(root)] == [f"{path}: schema: Expected `object`, got `array`"]
    path.unlink()
    assert lint(root) == ()
