"""Keys: the same for every spelling of a request, and another one for every other request."""

from __future__ import annotations

import json
import random
from collections import OrderedDict
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from hashlib import sha256
from itertools import permutations
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import EmbeddingCreateParams, ModerationCreateParams, chat, completion_create_params, responses
from openai.types.chat import ChatCompletionMessage

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.key import IGNORED, request_key
from tests.serving.cache.request_fields import FIELDS, VALUES

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}
NAMES = st.text(st.characters(codec="utf-8"), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


class Role(StrEnum):
    USER = "user"


class Level(IntEnum):
    NONE = 0


def with_field(name: str, value: Any) -> dict[str, Any]:
    return {"model": "m", name: value}


def respelled(value: Any, chance: random.Random) -> Any:
    """Write a value in another way that says the same."""
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return chance.choice((dict, OrderedDict))((name, respelled(each, chance)) for name, each in items)
    if isinstance(value, list):
        return chance.choice((list, tuple))(respelled(each, chance) for each in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53 and value == int(value):
        return chance.choice((int, float))(value) if value else chance.choice((0, 0.0, -0.0))
    return value


def written(value: Any, chance: random.Random) -> str:
    """Write a value as JSON, with white space, escapes and numbers as no library writes them."""
    space = "".join(chance.choices(" \n\t\r", k=chance.randrange(3)))
    if isinstance(value, dict):
        items = [f"{written(name, chance)}:{written(each, chance)}" for name, each in value.items()]
        chance.shuffle(items)
        return f"{space}{{{','.join(items)}{space}}}{space}"
    if isinstance(value, (list, tuple)):
        return f"{space}[{','.join(written(each, chance) for each in value)}{space}]{space}"
    if isinstance(value, str):
        escaped = json.dumps(value, ensure_ascii=False)[1:-1].replace("/", "\\/")
        units = [json.dumps(each)[1:-1] if each > "~" and chance.random() < 0.5 else each for each in escaped]
        return f'{space}"{"".join(units)}"{space}'
    return space + (number(value, chance) if type(value) in (int, float) else json.dumps(value)) + space


def number(value: float, chance: random.Random) -> str:
    """Write a number in another way."""
    text = repr(value)
    if isinstance(value, int):
        exact = abs(value) < 2**53
        return chance.choice((f"{value}.0", f"{value}.00e0", f"{value}E+0")) if exact else text
    return chance.choice((f"{value:.17e}", f"{value:.20E}", text))


def typed(value: Any) -> Any:
    """Return a value that equals only those that a server reads alike: `True` is not 1."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return ("object", {name: typed(each) for name, each in value.items()})
    return [typed(each) for each in value] if isinstance(value, (list, tuple)) else value


def test_the_key_of_a_request_is_the_same_in_every_process_and_release() -> None:
    spelled = (
        b'[1,"/v1/chat/completions","openai","acme",'
        b'{"messages":[{"content":"hi","role":"user"}],"model":"m","temperature":0}]'
    )
    key = request_key(ASKED, upstream="openai", tenant="acme")
    assert key == sha256(spelled).hexdigest(), "another spelling asks every question anew: raise KEY_VERSION with it"


def test_no_field_of_openai_or_vllm_is_passed_over_and_no_two_values_are_one() -> None:
    kinds: list[Any] = [
        completion_create_params.CompletionCreateParamsBase,
        chat.completion_create_params.CompletionCreateParamsBase,
        responses.response_create_params.ResponseCreateParamsBase,
        EmbeddingCreateParams,
        ModerationCreateParams,
    ]
    names = {*FIELDS, *(name for kind in kinds for name in kind.__annotations__)} - IGNORED
    keys = {request_key(with_field(name, value)) for name in names for value in VALUES}
    keys |= {request_key({"model": "m"})}
    models = [with_field("model", value) for value in VALUES]
    assert len(keys | {request_key(body) for body in models}) == len(names) * len(VALUES) + 1


def test_no_two_values_are_one_deep_inside() -> None:
    keys = {request_key({"messages": [{"content": [{"text": value}]}]}) for value in VALUES}
    assert len(keys) == len(VALUES)


def test_ten_thousand_random_requests_have_ten_thousand_keys() -> None:
    chance = random.Random(7)
    bodies = []
    for number in range(10_000):
        body = {chance.choice(FIELDS): chance.choice(VALUES) for _ in range(chance.randrange(6))}
        body |= {f"unknown{chance.randrange(50)}": chance.choice(VALUES) for _ in range(chance.randrange(4))}
        bodies.append({**body, "number": number})
    assert len({request_key(body) for body in bodies}) == len(bodies)


@given(st.dictionaries(NAMES, JSON, max_size=4), st.dictionaries(NAMES, JSON, max_size=4))
def test_two_requests_have_one_key_exactly_if_a_server_reads_them_alike(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    asked = [typed({name: value for name, value in body.items() if name not in IGNORED}) for body in (one, other)]
    assert (request_key(one) == request_key(other)) is (asked[0] == asked[1])


@given(st.dictionaries(NAMES, JSON, max_size=4), JSON, JSON)
def test_another_value_of_a_field_is_another_key(body: dict[str, Any], old: Any, new: Any) -> None:
    same = typed(old) == typed(new)
    assert (request_key({**body, "x": old}) == request_key({**body, "x": new})) is same


@given(st.dictionaries(NAMES, JSON, max_size=4), st.randoms(use_true_random=False))
def test_no_spelling_makes_a_difference(body: dict[str, Any], chance: random.Random) -> None:
    key = request_key(body)
    assert request_key(respelled(body, chance)) == key
    assert request_key(MappingProxyType(body)) == key
    for ascii_only in (True, False):
        text = json.dumps(respelled(body, chance), ensure_ascii=ascii_only, indent=chance.choice((None, 2)))
        assert request_key(text) == request_key(text.encode()) == key
        buffer: Any = memoryview(text.encode())
        assert request_key(buffer) == key
        assert request_key(json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":"))) == key


@given(st.dictionaries(NAMES, JSON, max_size=4), st.randoms(use_true_random=False))
def test_no_way_to_write_json_makes_a_difference(body: dict[str, Any], chance: random.Random) -> None:
    text = written(body, chance)
    key = request_key(body)
    for sent in (text, text.encode(), "\ufeff" + text, text.encode("utf-8-sig"), text.encode("utf-16")):
        assert request_key(sent) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 0}', '{"a": -0}'),
        ('{"a": 0}', '{"a": 0.0e5}'),
        ('{"a": 1000}', '{"a": 1e3}'),
        ('{"a": 1000}', '{"a": 1.0E+3}'),
        ('{"a": 0.1}', '{"a": 1e-1}'),
        ('{"a": 0.1}', '{"a": 0.10}'),
        ('{"a": 100000000000000000000}', '{"a": 1e20}'),
        ('{"a": "\\u00e9\\/"}', '{"a": "\u00e9/"}'),
        ('{"a": "\\ud83d\\ude00"}', '{"a": "\U0001f600"}'),
        ('{"a": 1, "b": 2}', '\n{ "b":2,"a" :1}\t'),
    ],
)
def test_what_json_can_spell_in_two_ways_is_one(one: str, other: str) -> None:
    assert request_key(one) == request_key(other) == request_key(json.loads(one)) == request_key(json.loads(other))


def test_an_absent_field_is_neither_null_nor_zero() -> None:
    bodies: list[dict[str, Any]] = [{}, {"temperature": None}, {"temperature": 0}, {"temperature": False}]
    assert len({request_key(body) for body in bodies}) == 4
    assert request_key({"temperature": 0}) == request_key({"temperature": -0.0}) == request_key(b'{"temperature":0.0}')


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_how_an_answer_comes_is_no_part_at_the_top_and_is_one_below(name: str) -> None:
    assert request_key({**ASKED, name: True}) == request_key({**ASKED, name: {"a": 1}}) == request_key(ASKED)
    for wrap in (lambda value: {"extra": value}, lambda value: {"tools": [value]}):
        one, other = ({**ASKED, **wrap({name: value})} for value in (1, 2))
        assert len({request_key(one), request_key(other), request_key(ASKED)}) == 3


@given(st.lists(st.text(max_size=3), min_size=3, max_size=3), st.lists(st.text(max_size=3), min_size=3, max_size=3))
def test_endpoint_upstream_and_tenant_never_run_into_each_other(one: list[str], other: list[str]) -> None:
    keys = [
        request_key(ASKED, endpoint=endpoint, upstream=upstream, tenant=tenant)
        for endpoint, upstream, tenant in (one, other)
    ]
    assert (keys[0] == keys[1]) is (one == other)


def test_two_tenants_are_never_one() -> None:
    tenants = ["\U0001f600", "\ud83d\ude00", "\\ud83d\\ude00", "\ud83d", "", " ", "a", "A", "a\0", "\u00e9", "e\u0301"]
    for body in (ASKED, {**ASKED, "x": float("nan")}, {**ASKED, "x": "\ud83d"}):
        assert len({request_key(body, tenant=tenant) for tenant in tenants}) == len(tenants)


def test_each_order_of_the_same_three_words_is_another_key() -> None:
    orders = [request_key(ASKED, endpoint=a, upstream=b, tenant=c) for a, b, c in permutations(("a", "b", 'a","b'), 3)]
    assert len(set(orders)) == 6


def test_what_python_has_in_the_place_of_json_is_spelled_as_it_is_sent() -> None:
    assert request_key({"logit_bias": {50256: -100}}) == request_key('{"logit_bias": {"50256": -100}}')
    assert request_key({"a": {True: 1, None: 2}}) == request_key({"a": {"true": 1, "null": 2}})
    assert request_key({"role": Role.USER, "level": Level.NONE}) == request_key({"role": "user", "level": 0})
    names: Any = {Role.USER: 1, 5: 2}
    assert request_key(names) == request_key({"user": 1, "5": 2})
    pair: Any = {"\ud83d\ude00": "\ud83d\ude00"}
    assert request_key(pair) == request_key({"\U0001f600": "\U0001f600"}) == request_key(json.dumps(pair))
    message = ChatCompletionMessage(role="assistant", content="yes")
    assert request_key({"messages": [message]}) == request_key({"messages": [{"role": "assistant", "content": "yes"}]})
    assert request_key(ASKED, tenant=Role.USER) == request_key(ASKED, tenant="user")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "list"),
        (None, "NoneType"),
        (7, "int"),
        ("[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"", "not JSON"),
        ('{"a": 1', "not JSON"),
        ('{"a": 1} {"b": 2}', "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        ('{"a": 1, "a": 1}', "twice"),
        ('{"b": [{"a":1,"\\u0061":2}]}', "twice"),
        ({"a": {1: 1, "1": 2}}, "'1' twice"),
        ({"\ud83d\ude00": 1, "\U0001f600": 2}, "twice"),
        ({"a": {1, 2}}, "a set"),
        ({"a": b"bytes"}, "a bytes"),
        ({"a": object()}, "a object"),
        ({"response_format": ChatCompletionMessage}, "a ModelMetaclass"),
        ({"a": {(1, 2): 3}}, "a tuple as a name"),
        ({("a", "b"): 3}, "a tuple as a name"),
        ({"a": iter([1])}, "a list_iterator"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ({"a": 10**5000}, "4300 digits"),
    ],
)
def test_what_is_no_request_is_said_in_one_line(body: Any, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        request_key(body)
    assert "\n" not in caught.value.message


def test_what_holds_itself_is_refused() -> None:
    held: dict[str, Any] = {}
    held["a"] = [held]
    with pytest.raises(InputError, match="holds itself"):
        request_key(held)


def test_a_tenant_that_is_no_string_is_refused() -> None:
    with pytest.raises(UsageError, match="are strings"):
        request_key(ASKED, tenant=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("depth", [1, 50, 200])
def test_depth_makes_no_difference(depth: int) -> None:
    def nested(leaf: Any) -> Mapping[str, Any]:
        for _ in range(depth):
            leaf = {"a": [leaf]}
        return {"a": leaf}

    assert request_key(nested(1)) == request_key(nested(1.0)) == request_key(json.dumps(nested(1)))
    assert request_key(nested(1)) != request_key(nested(True))


def test_a_request_is_left_as_it_is() -> None:
    body = {"temperature": 0.0, "messages": ({"a": 1.0},), "stream": True}
    request_key(body)
    assert repr(body) == "{'temperature': 0.0, 'messages': ({'a': 1.0},), 'stream': True}"
