"""The question of a request: only the text of the last user message is taken out; all else tells partitions apart."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.semantic.question import Question, question_of

RESPONSES = "/v1/responses"
IMAGE = {"type": "image_url", "image_url": {"url": "data:1"}}


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def asked(
    messages: Any, *, field: str = "messages", endpoint: str = "/v1/chat/completions", **rest: Any
) -> CacheRequest:
    of = {name: rest.pop(name) for name in ("tenant", "upstream") if name in rest}
    return CacheRequest.of({"model": "m", "temperature": 0, field: messages, **rest}, endpoint=endpoint, **of)


def question(*given: Any, **options: Any) -> Question:
    found = question_of(asked(*given, **options))
    assert found is not None
    return found


def test_the_last_text_is_the_question_and_no_part_of_the_partition() -> None:
    one, other = question([user("Where is Ulm?")]), question([user("Where's Ulm?")])
    assert (one.text, other.text) == ("Where is Ulm?", "Where's Ulm?")
    assert one.partition == other.partition


@pytest.mark.parametrize(
    "other",
    [
        asked([user("a")], model="n"),
        asked([user("a")], tenant="acme"),
        asked([user("a")], upstream="openai"),
        asked([user("a")], endpoint="/v1/messages"),
        asked([user("a")], temperature=None, seed=1),
        asked([user("a")], tools=[]),
        asked([user("a")], unknown={"x": 1}),
        asked([user("a", name="bob")]),
        asked([{"role": "system", "content": "be kind"}, user("a")]),
        asked([user("first"), {"role": "assistant", "content": "yes"}, user("a")]),
        asked([user([{"type": "text", "text": "a"}])]),
        asked([user([{"type": "text", "text": "a"}, IMAGE])]),
        asked([user([IMAGE, {"type": "text", "text": "a"}])]),
        CacheRequest.of({"messages": [user("a")], "question taken out of": "messages", "rest": {"model": "m"}}),
        asked("a", field="input", endpoint=RESPONSES),
        asked([user("a")], field="input", endpoint=RESPONSES),
    ],
)
def test_anything_else_is_another_partition(other: CacheRequest) -> None:
    found = question_of(other)
    assert found is not None
    assert found.text == "a"
    assert found.partition != question([user("a")]).partition
    assert found.partition != other.key


def test_no_two_of_a_conversations_forms_share_a_partition() -> None:
    first = question([user("a"), {"role": "assistant", "content": "x"}, user("q")])
    second = question([user("b"), {"role": "assistant", "content": "x"}, user("q")])
    assert first.partition != second.partition


@pytest.mark.parametrize(
    "request_",
    [
        asked([]),
        asked(None),
        asked("text"),
        asked([user("")]),
        asked([user("  ")]),
        asked([user(None)]),
        asked([user(7)]),
        asked([user([IMAGE])]),
        asked([user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]),
        asked([user("a"), {"role": "assistant", "content": "yes"}]),
        asked([user("a"), {"role": "tool", "content": "5"}]),
        asked(["a"]),
        asked("a", field="input", endpoint="/v1/embeddings"),
        asked("a", field="prompt", endpoint="/v1/completions"),
        asked([user("a")], field="input", endpoint="/v1/chat/completions"),
    ],
)
def test_where_no_user_asks_there_is_no_question(request_: CacheRequest) -> None:
    assert question_of(request_) is None


def test_a_stream_is_asked_the_same() -> None:
    assert question([user("a")], stream=True, metadata={"id": "1"}).partition == question([user("a")]).partition


def test_the_request_is_left_as_it_was() -> None:
    messages = [user([{"type": "text", "text": "a"}])]
    question(messages)
    assert messages == [user([{"type": "text", "text": "a"}])]
