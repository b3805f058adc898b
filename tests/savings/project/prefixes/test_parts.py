from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.prefixes.parts import parts_of

ASKED = "Where is my parcel?"
USER = {"role": "user", "content": ASKED}

_TOOL = (("name", "t"), ("about", "a"))


@pytest.mark.parametrize(
    ("request_", "parts"),
    [
        ({"prompt": "hello"}, [b"\nuser\nhello"]),
        ({"prompt": ["one", "two"]}, [b"\nuser\none", b"\nuser\ntwo"]),
        ({"inputText": "hello"}, [b"\nuser\nhello"]),
        ({"messages": [USER]}, [b"\nuser\nWhere is my parcel?"]),
        (
            {"system": "Be kind.", "messages": [USER], "tools": [{"name": "find"}]},
            [b'{"name":"find"}', b"\nsystem\nBe kind.", b"\nuser\nWhere is my parcel?"],
        ),
        (
            {
                "systemInstruction": {"parts": [{"text": "Be kind."}]},
                "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            },
            [b"\nsystem\nBe kind.", b"\nuser\nhi"],
        ),
        ({"instructions": "Be kind.", "input": "hi"}, [b"\nsystem\nBe kind.", b"\nuser\nhi"]),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                    {"type": "function_call_output", "call_id": "c", "output": "7"},
                ]
            },
            [b"\nuser\nhi", b'\n{"call_id":"c","output":"7","type":"function_call_output"}\n'],
        ),
        (
            {
                "toolConfig": {"tools": [{"toolSpec": {"name": "find"}}, {"cachePoint": {"type": "default"}}]},
                "messages": [{"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]}],
            },
            [b'{"toolSpec":{"name":"find"}}', b"\nuser\nhi"],
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "s"}}, "messages": [USER]},
            [b'{"json_schema":{"name":"s"},"type":"json_schema"}', b"\nuser\nWhere is my parcel?"],
        ),
        ({"response_format": {"type": "text"}, "messages": [USER]}, [b"\nuser\nWhere is my parcel?"]),
        (
            {"input": {"messages": [USER], "system": "Be kind."}},
            [b"\nsystem\nBe kind.", b"\nuser\nWhere is my parcel?"],
        ),
        ({"input": {"messages": []}}, []),
        ({"prompt_hash": "abc"}, []),
        ({"messages": []}, []),
        ({}, []),
    ],
)
def test_the_order_is_that_of_the_provider(request_: dict[str, Any], parts: list[bytes]) -> None:
    assert parts_of(request_) == parts


def test_marks_of_what_to_cache_are_no_part_of_the_prompt() -> None:
    marked = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    plain = {"messages": [{"role": "user", "content": "hi"}], "system": "Be kind.", "tools": [{"name": "t"}]}
    with_marks = {
        "messages": [{"role": "user", "content": [marked]}],
        "system": [{**marked, "text": "Be kind."}],
        "tools": [{"name": "t", "cache_control": {"type": "ephemeral"}}],
        "cache_control": {"type": "ephemeral"},
    }
    assert parts_of(plain) == parts_of(with_marks)


def test_the_order_of_names_of_a_message_or_a_tool_does_not_matter() -> None:
    one = {"messages": [{"role": "tool", "tool_call_id": "c", "content": "7"}], "tools": [{"a": 1, "b": 2}]}
    other = {"tools": [{"b": 2, "a": 1}], "messages": [{"content": "7", "tool_call_id": "c", "role": "tool"}]}
    assert parts_of(one) == parts_of(other)
    inner = [[{"type": "function", "function": dict(names)}] for names in (_TOOL, reversed(_TOOL))]
    assert parts_of({**one, "tools": inner[0]}) == parts_of({**one, "tools": inner[1]})


def test_the_order_of_names_within_a_schema_does() -> None:
    schemas = [{"properties": dict(names)} for names in (_TOOL, reversed(_TOOL))]
    one, other = (parts_of({"prompt": "?", "tools": [{"input_schema": schema}]}) for schema in schemas)
    assert one != other
    assert one[1:] == other[1:]


@pytest.mark.parametrize(
    "held",
    [
        {"previous_response_id": "resp_1", "input": "And then?"},
        {"conversation": {"id": "conv_1"}, "input": "And then?"},
        {"cachedContent": "cachedContents/1", "contents": [{"parts": [{"text": "And then?"}]}]},
        {"prompt": {"id": "pmpt_1", "variables": {"name": "Ana"}}},
    ],
    ids=["response", "conversation", "cached content", "stored prompt"],
)
def test_a_prompt_that_the_provider_holds_is_not_known(held: dict[str, Any]) -> None:
    assert parts_of(held) == []


def test_declared_functions_are_tools_of_their_own() -> None:
    tools = [{"name": "a"}, {"name": "b"}]
    asked = {"contents": [{"role": "user", "parts": [{"text": "?"}]}]}
    assert parts_of({**asked, "tools": [{"functionDeclarations": tools}]}) == parts_of({**asked, "tools": tools})
    assert parts_of({**asked, "tools": [{"functionDeclarations": None}, 7]})[1:] == [b"7", b"\nuser\n?"]


def test_a_picture_counts_a_few_kilobytes_whatever_its_size() -> None:
    def sized(bytes_: int, fill: str = "A") -> list[bytes]:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{fill * bytes_}"}}
        content = [{"type": "text", "text": "What is it?"}, picture]
        return parts_of({"messages": [{"role": "user", "content": content}]})

    small, large, other = sized(10_000), sized(1_000_000), sized(10_000, "B")
    assert [len(part) for part in small] == [len(part) for part in large] == [17, 3072]
    assert small[0] == other[0]
    assert small[1] != other[1]


def test_what_json_cannot_spell_is_taken_as_it_is() -> None:
    odd = {"messages": [{"role": "user", "content": "\ud800"}, 7, None, {"x": float("nan")}, {"role": "\udfff"}]}
    assert len(parts_of(odd)) == 5
    deep: Any = "x"
    for _ in range(5000):
        deep = {"messages": [deep]}
    assert parts_of(deep) == [b"\n?\n"]
    assert parts_of({"messages": [USER], "tools": [{"name": object}, {1: "a", "b": 2}, {"deep": deep}]})[2:] == [
        b"?",
        b"\nuser\nWhere is my parcel?",
    ]


_NAMES = ["role", "content", "parts", "text", "type", "image", "messages"]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "parts", "text", "type", "image", "messages"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "system", "input", "contents", "prompt", "toolConfig"]), _VALUES
    )
)
def test_any_request_has_parts_or_none(request_: dict[str, Any]) -> None:
    parts = parts_of(request_)
    assert all(isinstance(part, bytes) for part in parts)
    assert parts == parts_of(request_)
