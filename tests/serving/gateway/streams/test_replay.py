"""A whole answer in the form that is wanted."""

from __future__ import annotations

import json

import pytest

from llmopt.serving.cache.streams import reply_of
from llmopt.serving.gateway.streams.replay import Form, form_of, in_form
from llmopt.serving.gateway.values import Api

CHAT = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
BODY = json.dumps(CHAT).encode()


@pytest.mark.parametrize("usage", [False, True], ids=["silent", "usage"])
def test_stream_made_again_says_the_same(usage: bool) -> None:
    made = in_form(BODY, Form(streamed=True, usage=usage))
    assert made is not None
    kind, stream = made
    assert kind == b"text/event-stream; charset=utf-8"
    assert stream.endswith(b"data: [DONE]\n\n")
    again = json.loads(reply_of(stream).body)
    assert again["choices"] == CHAT["choices"]
    assert again.get("usage") == (CHAT["usage"] if usage else None)


def test_whole_answer_stays_as_it_is() -> None:
    assert in_form(BODY, Form(streamed=False)) == (b"application/json", BODY)


def test_what_has_no_stream_form_is_none() -> None:
    assert in_form(b'{"object": "list", "data": []}', Form(streamed=True)) is None


@pytest.mark.parametrize(
    ("api", "streamed", "usage", "form"),
    [
        (Api.CHAT, True, True, Form(streamed=True, usage=True)),
        (Api.CHAT, False, True, Form(streamed=False)),
        (Api.EMBEDDINGS, True, False, Form(streamed=False)),
        (Api.MESSAGES, True, False, Form(streamed=True)),
    ],
    ids=["chat", "whole", "embeddings", "messages"],
)
def test_form_is_what_can_differ(api: Api, streamed: bool, usage: bool, form: Form) -> None:
    assert form_of(api, streamed=streamed, usage_asked=usage) == form
