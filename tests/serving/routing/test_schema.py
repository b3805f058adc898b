"""JSON Schema as a check of an answer."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError, MissingExtraError
from llmopt.serving.routing import IsJson, Schema
from llmopt.serving.routing.answered import Answered

pytest.importorskip("jsonschema_rs", reason="the extra `serve` is not installed")


SCHEMAS: list[tuple[Any, list[Any], list[Any]]] = [
    (True, [1, None], []),
    (False, [], [1]),
    ({"type": "integer"}, [1, 1.0, -3], [1.5, True, "1", None]),
    ({"enum": [1, "a", [True]]}, [1, 1.0, "a", [True]], [True, [1], "b"]),
    ({"pattern": "^[a-z]*$"}, ["", "abc", 3], ["A"]),
    ({"multipleOf": 0.1}, [0.3, 5], [0.25]),
    ({"required": ["a"], "properties": {"a": {"type": "string"}}}, [{"a": ""}, []], [{}, {"a": 1}]),
    ({"properties": {"a": True}, "additionalProperties": False}, [{}, {"a": 1}], [{"b": 1}]),
    ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, [{}, {"a": 1, "b": 2}], [{"a": 1}]),
    ({"patternProperties": {"^x": {"type": "null"}}}, [{"y": 1, "xa": None}], [{"xa": 1}]),
    ({"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}}, [["x"]], [[1]]),
    ({"properties": {"next": {"$ref": "#"}}, "required": ["n"]}, [{"n": 1, "next": {"n": 2}}], [{"n": 1, "next": {}}]),
    ({"format": "date", "title": "t", "default": 3}, ["no date"], []),
    ({"type": "array"}, [[[[]]]], ["\ud800", {}]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), SCHEMAS)
def test_a_schema_is_kept(schema: Any, good: list[Any], bad: list[Any]) -> None:
    asked = Schema(schema)
    assert [asked.fault(value) for value in good] == [""] * len(good)
    assert all(asked.fault(value).startswith("$") for value in bad)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (3, "an object or a boolean"),
        ("{}", "an object or a boolean"),
        ({"type": "text"}, "#/type"),
        ({"minLength": "2"}, "#/minLength"),
        ({"multipleOf": 0}, "#/multipleOf"),
        ({"pattern": "("}, "#/pattern"),
        ({"pattern": r"(a)\1"}, "#/pattern"),
        ({"$ref": "http://127.0.0.1:9/x"}, "leads out"),
        ({"$ref": "file:///etc/hostname"}, "leads out"),
        ({"$ref": "#/$defs/none"}, "does not exist"),
        ({"$schema": "http://127.0.0.1:9/x"}, "meta-schema"),
        ({"properties": {"a": {"items": 3}}}, "#/properties/a/items"),
        ({"minimum": float("nan")}, "#/minimum"),
    ],
)
def test_what_is_no_schema(schema: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        Schema(schema)
    assert "\n" not in caught.value.message


def test_what_is_wrong_has_its_place_and_no_values() -> None:
    asked = Schema({"items": {"properties": {"a": {"type": "integer"}}}})
    assert asked.fault([{}, {"a": "a secret"}]) == '$[1].a: it is not of type "integer"'
    said = IsJson(Schema({"required": ["a"]})).fault(Answered.of('{"b": 1}'), None)
    assert said == '$: "a" is a required property'


def test_an_expression_of_a_schema_never_runs_away() -> None:
    assert Schema({"pattern": "^(a+)+$"}).fault("a" * 100_000 + "b") != ""


def test_what_is_nested_deep_is_not_checked() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "too deep" in Schema({"items": {"$ref": "#"}}).fault(deep)
    with pytest.raises(ConfigError, match="less deep"):
        Schema({"enum": deep})
    assert Schema({"$ref": "#"}).fault(1) == ""


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(MissingExtraError, match="jsonschema-rs is not installed") as caught:
        Schema(True)
    assert caught.value.hint == "pip install 'llmopt[serve]'"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_value_is_the_constant_of_itself(value: Any) -> None:
    assert Schema({"const": value}).fault(json.loads(json.dumps(value))) == ""
    assert Schema({"not": {"const": value}}).fault(value) != ""
