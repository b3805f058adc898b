"""Token counts agree with the published vocabularies and the published overhead of chat messages."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.core.usage import Usage
from llmopt.errors import ConfigError
from llmopt.tokens import vocabulary
from llmopt.tokens.count import count, prompt_tokens
from llmopt.tokens.vocabulary import encoding

NAMES = ["o200k_base", "cl100k_base"]
COOKBOOK = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon "
        "into plain English.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "New synergies will help drive top-line growth.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities "
        "for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
"""The example of OpenAI's cookbook, "How to count tokens with tiktoken"; its API counted 129 and 124 tokens."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting never opens a socket."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def tokens(prompt: Any, model: str | None) -> int:
    text = prompt if isinstance(prompt, str) else json.dumps(prompt)
    usage, estimated = prompt_tokens(text, model)
    assert usage == Usage(input_uncached=estimated)
    return estimated


@pytest.mark.parametrize(("model", "counted"), [("gpt-4-0613", 129), ("gpt-3.5-turbo", 129), ("gpt-4o", 124)])
def test_the_cookbooks_chat_has_as_many_tokens_as_the_api_says(model: str, counted: int) -> None:
    assert tokens(COOKBOOK, model) == counted


@pytest.mark.parametrize("name", NAMES)
def test_the_overhead_is_three_a_message_one_a_name_and_three_for_the_reply(name: str) -> None:
    model = "gpt-4" if name == "cl100k_base" else "gpt-5"
    one = {"role": "user", "content": "Hello"}
    plain = count("user", name) + count("Hello", name)
    assert tokens([one], model) == 3 + plain + 3
    assert tokens([one, one], model) == 2 * (3 + plain) + 3
    assert tokens([one | {"name": "ana"}], model) == 3 + plain + 1 + count("ana", name) + 3
    assert tokens([one | {"content": None}], model) == 3 + count("user", name) + 3
    assert tokens([], model) == 3


def test_parts_of_a_message_are_counted_as_they_are_logged() -> None:
    parts = [{"type": "text", "text": "Hi"}]
    expected = 3 + count("user") + count(json.dumps(parts, separators=(",", ":"))) + 3
    assert tokens([{"role": "user", "content": parts}], "gpt-4o") == expected


@pytest.mark.parametrize("prompt", ["Hello there", "[not JSON", '{"a": 1}', "[1, 2]", '["a", "b"]', ""])
def test_what_is_no_list_of_messages_is_text(prompt: str) -> None:
    assert tokens(prompt, "gpt-4o") == count(prompt)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (None, "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("o3", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("GPT-4-0613", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("openai/gpt-4", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
    ],
)
def test_the_vocabulary_follows_the_model(model: str | None, name: str) -> None:
    text = "\u043f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d hello"
    assert count(text, "o200k_base") != count(text, "cl100k_base")
    assert tokens(text, model) == count(text, name)


@pytest.mark.parametrize(("model", "ratio"), [("claude-sonnet-4-5", 1.10), ("gemini-2.5-pro", 1.06)])
def test_other_families_are_a_measured_ratio_of_o200k(model: str, ratio: float) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 20
    assert tokens(text, model) == round(count(text) * ratio)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("special", ["<|endoftext|>", "<|im_start|>", "<|fim_prefix|>", "<|endofprompt|>"])
def test_the_spelling_of_a_special_token_is_text(name: str, special: str) -> None:
    assert count(special, name) > 2
    assert count(f"a{special}b", name) > 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("run", [" ", "a", "\n", "\u00e9", "\U0001f600", "<|endoftext|>"])
def test_a_million_of_the_same_do_no_harm(name: str, run: str) -> None:
    text = run * (1_000_000 if run == " " else 100_000)
    assert 0 < count(text, name) <= len(text.encode())


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text(max_size=200) | st.text(alphabet="ab ABC.,'\n\r\t0129\u00e9\u4f60-", max_size=200))
@settings(max_examples=60)
def test_counts_are_those_of_the_encoding_and_lose_nothing(name: str, text: str) -> None:
    codec = encoding(name)
    ids = codec.encode(text, disallowed_special=())
    assert count(text, name) == len(ids)
    assert codec.decode(ids) == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("cl100k_base", "hello world", [15339, 1917]),
        ("cl100k_base", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
        ("cl100k_base", "antidisestablishmentarianism", [519, 85342, 34500, 479, 8997, 2191]),
        ("cl100k_base", "2 + 2 = 4", [17, 489, 220, 17, 284, 220, 19]),
        (
            "cl100k_base",
            "\u304a\u8a95\u751f\u65e5\u304a\u3081\u3067\u3068\u3046",
            [33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699],
        ),
        ("o200k_base", "hello world", [24912, 2375]),
        ("o200k_base", "antidisestablishmentarianism", [493, 129901, 376, 160388, 21203, 2367]),
        ("o200k_base", "2 + 2 = 4", [17, 659, 220, 17, 314, 220, 19]),
        (
            "o200k_base",
            "\u304a\u8a95\u751f\u65e5\u304a\u3081\u3067\u3068\u3046",
            [8930, 9697, 243, 128225, 8930, 17693, 4344, 48669],
        ),
    ],
)
def test_published_token_ids(name: str, text: str, ids: list[int]) -> None:
    """Ids of the cookbook's comparison of encodings and of tiktoken's own tests."""
    assert encoding(name).encode_ordinary(text) == ids


def test_long_texts_are_counted_in_pieces_with_almost_the_same_result() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 2000
    whole = len(encoding("o200k_base").encode_ordinary(text))
    assert abs(count(text) - whole) <= len(text) // 20_000 + 1


def test_an_encoding_is_made_once_and_is_tiktokens() -> None:
    assert encoding("o200k_base") is encoding("o200k_base")
    assert isinstance(encoding("o200k_base"), tiktoken.Encoding)
    assert (encoding("o200k_base").max_token_value, encoding("cl100k_base").max_token_value) == (199997, 100255)


def test_a_vocabulary_that_is_not_there_or_not_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no vocabulary p50k_nothing"):
        encoding("p50k_nothing")
    monkeypatch.setitem(vocabulary._SHA256, "o200k_base", "0" * 64)
    encoding.cache_clear()
    with pytest.raises(ConfigError, match="the vocabulary o200k_base is damaged"):
        encoding("o200k_base")
    encoding.cache_clear()
