"""Counting ahead changes nothing but the time: the same counts, and honest figures of the memo."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.tokens.chat.requests import count_request
from llmopt.tokens.counting.ahead import count_ahead
from llmopt.tokens.exact.tokenizer import ExactTokenizer

TEXTS = st.sampled_from(["Hi", "Where is my parcel?", "You answer for a book shop.", ""])
MESSAGES = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": TEXTS}), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["content", "text", "a"]), inner),
    max_leaves=12,
)


@given(bodies=st.lists(MESSAGES | JSON, max_size=8))
def test_the_counts_are_the_same(bodies: list[object]) -> None:
    plain, ahead = ExactTokenizer("cl100k_base"), ExactTokenizer("cl100k_base")
    count_ahead((body, ahead) for body in bodies)
    expected = [count_request(body, plain, "openai", "gpt-4") for body in bodies]
    assert [count_request(body, ahead, "openai", "gpt-4") for body in bodies] == expected


def test_the_memo_counts_a_repetition_and_not_the_second_look() -> None:
    bodies = [[{"role": "user", "content": f"text {number % 3}"}] for number in range(30)]
    tokenizer = ExactTokenizer("cl100k_base")
    count_ahead((body, tokenizer) for body in bodies)
    for body in bodies:
        count_request(body, tokenizer, "openai", "gpt-4")
    # 30 contents and 30 roles were asked for; 3 and 1 of them were new.
    assert (tokenizer.memo.hits, tokenizer.memo.misses) == (56, 4)


def test_pictures_and_other_keys_are_left_alone() -> None:
    tokenizer = ExactTokenizer("cl100k_base")
    url = "data:image/png;base64," + "A" * 1000
    count_ahead([({"messages": [{"content": [{"text": url}]}], "user": "ana"}, tokenizer)])
    assert len(tokenizer.memo) == 0


def test_a_tokenizer_without_a_memory_is_not_asked() -> None:
    class Forgetful:
        name = "forgetful"

        def count(self, text: str) -> None:
            raise AssertionError

        count_many = count

    count_ahead([([{"role": "user", "content": "x"}], Forgetful())])  # type: ignore[list-item]
