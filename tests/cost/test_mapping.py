"""`--map column=field`: the user's own columns are read, and everything else goes on as before."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt.core.usage import Usage
from llmopt.cost.mapping import ALIASES, mapped_specs
from llmopt.cost.spec.load import FIELDS, load_specs
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row
from llmopt.errors import UsageError

SPECS = tuple(load_specs())


def read(record: dict[str, Any], **mapping: str) -> Row:
    generic = next(spec for spec in mapped_specs(SPECS, mapping) if spec.name == "generic")
    (row,) = RecordReader(generic).rows(record)
    return row


def test_no_mapping_changes_nothing() -> None:
    assert mapped_specs(SPECS, {}) is SPECS


def test_columns_of_any_name_are_read() -> None:
    record = {"llm": "gpt-5", "in": 10, "out": 3, "hit": 4, "when": "2025-03-04T00:00:00Z", "usd": "0.5", "who": "ana"}
    mapping = {"llm": "model", "in": "input_tokens", "out": "output_tokens", "hit": "cached_tokens", "when": "time"}
    row = read(record, **mapping, usd="cost", who="user")
    assert (row.outcome, row.model, row.groups["user"]) == (Outcome.OK, "gpt-5", "ana")
    assert row.usage == Usage(input_uncached=10, input_cache_read=4, output_text=3)
    assert row.timestamp is not None
    assert str(row.reported_usd) == "0.5"


def test_a_mapped_column_wins_over_a_known_name() -> None:
    assert read({"model": "a", "mine": "b", "input_tokens": 1, "output_tokens": 1}, mine="model").model == "b"


def test_a_mapped_detail_may_be_missing_but_input_and_output_may_not() -> None:
    row = read({"m": "x", "i": 5, "o": 1}, m="model", i="input_tokens", o="output_tokens", r="reasoning_tokens")
    assert (row.outcome, row.usage) == (Outcome.OK, Usage(input_uncached=5, output_text=1))
    half = read({"m": "x", "i": 5}, m="model", i="input_tokens", o="output_tokens")
    assert half.outcome == Outcome.BAD


def test_a_path_reaches_into_objects() -> None:
    record = {"meta": {"llm": "x"}, "input_tokens": 1, "output_tokens": 2}
    assert read(record, **{"meta.llm": "model"}).model == "x"


def test_a_record_is_recognised_by_a_mapped_column_alone() -> None:
    assert read({"i": 3, "o": 1}, i="input_tokens", o="output_tokens").outcome == Outcome.OK
    assert read({"x": 3}, i="input_tokens").outcome == Outcome.UNKNOWN


def test_mapped_columns_come_before_every_other_format() -> None:
    assert max(mapped_specs(SPECS, {"a": "model"}), key=lambda spec: spec.priority).name == "generic"
    others = [spec for spec in mapped_specs(SPECS, {"a": "model"}) if spec.name != "generic"]
    assert others == [spec for spec in SPECS if spec.name != "generic"]


@pytest.mark.parametrize("alias", ALIASES)
def test_every_plain_name_stands_for_a_field(alias: str) -> None:
    assert ALIASES[alias] in FIELDS
    assert read({"c": 1, "input_tokens": 1}, c=alias).outcome != Outcome.UNKNOWN


def test_an_unknown_field_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        mapped_specs(SPECS, {"col": "modell"})
    assert caught.value.message == "--map col=modell: no such field 'modell'"
    assert "model" in caught.value.hint
    assert "reasoning_tokens" in caught.value.hint
