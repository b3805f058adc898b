"""What chunks say, whatever a server leaves out or puts in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.openai_chunks import Chunk, chunk_of


def delta(**fields: Any) -> str:
    return json.dumps({"choices": [{"delta": fields}]})


@pytest.mark.parametrize(
    ("data", "chunk"),
    [
        (delta(content="a"), Chunk("a")),
        (delta(role="assistant", content=""), Chunk()),
        (delta(content=None, reasoning_content="r"), Chunk("r")),
        (delta(reasoning="r"), Chunk("r")),
        (delta(refusal="no"), Chunk("no")),
        (delta(tool_calls=[{"function": {"arguments": "{"}}]), Chunk(tool_text="{")),
        ('{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}', Chunk("whole", finished=True)),
        (
            '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}',
            Chunk(prompt_tokens=3, completion_tokens=4),
        ),
        ('{"choices":[],"usage":{"prompt_tokens":true,"completion_tokens":-1}}', Chunk()),
        ('{"choices":[],"usage":null,"error":null}', Chunk()),
        ('{"error":{"message":"no"}}', Chunk(error="error in stream")),
        ('{"error":"no"}', Chunk(error="error in stream")),
        ("{", Chunk(error="broken frame")),
        ('"text"', Chunk(error="broken frame")),
    ],
)
def test_a_chunk_is_read(data: str, chunk: Chunk) -> None:
    assert chunk_of(data) == chunk


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "usage", "error", "tool_calls", "function", "message"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(anything)
def test_nothing_breaks_the_reader(body: Any) -> None:
    found = chunk_of(json.dumps(body))
    assert isinstance(found.text, str)
    assert (found.error != "") == (not isinstance(body, dict) or bool(body.get("error")))
