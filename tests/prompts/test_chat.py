"""Requests are compressed text by text, and change nowhere else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import llmopt
from llmopt.errors import InputError, UsageError

WIDE = "First line.   \n\n\n\nSecond line.   \n"
NARROW = "First line.\n\nSecond line."


def test_only_texts_change_and_the_input_does_not() -> None:
    body = {"model": "m", "temperature": 0.0, "messages": [{"role": "user", "content": WIDE, "name": "  n  "}]}
    given = copy.deepcopy(body)
    done = llmopt.compress(body)
    assert done.body == {**given, "messages": [{"role": "user", "content": NARROW, "name": "  n  "}]}
    assert body == given
    assert done.tokens_saved == done.tokens_before - done.tokens_after > 0
    assert 0 < done.saved_share < 1


def test_a_bare_prompt_of_a_body() -> None:
    assert llmopt.compress({"prompt": WIDE}).body == {"prompt": NARROW}


def test_what_a_model_said_is_not_reworded() -> None:
    wordy = "Please note that in order to win you basically have to play.  \n"
    turns = [{"role": "assistant", "content": wordy}, {"role": "user", "content": "Go on."}]
    assert llmopt.compress(turns, level="aggressive").body[0]["content"] == wordy.rstrip()


@pytest.mark.parametrize("value", [[], {}, {"a": 1}, [{"no": "role"}]])
def test_a_value_without_text_is_an_error(value: Any) -> None:
    with pytest.raises(UsageError, match="no text to compress"):
        llmopt.compress(value)


@pytest.mark.parametrize("value", [b"text", 5, None, {1, 2}])
def test_other_values_are_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="neither a str nor messages"):
        llmopt.compress(value)


def test_tuples_and_mappings_are_taken_too() -> None:
    assert llmopt.compress(({"role": "user", "content": WIDE},)).body == [{"role": "user", "content": NARROW}]


def test_a_prefix_of_tokens_runs_over_messages() -> None:
    turns = [{"role": "system", "content": WIDE}, {"role": "user", "content": WIDE}]
    assert [item["content"] for item in llmopt.compress(turns, stable_prefix=2).body] == [NARROW_AFTER_2, NARROW]
    assert [item["content"] for item in llmopt.compress(turns, stable_prefix=1000).body] == [WIDE, WIDE]


NARROW_AFTER_2 = "First line.   \n\n\n\nSecond line."


def test_a_prefix_up_to_a_marker_or_the_cache_mark() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    blocks = [{"type": "text", "text": WIDE, **mark}, {"type": "text", "text": WIDE + "END" + WIDE}]
    done = llmopt.compress([{"role": "user", "content": blocks}], stable_prefix="cache_control")
    assert done.body[0]["content"][0]["text"] == WIDE
    assert done.parts[1].result.tokens_saved > 0
    held = llmopt.compress([{"role": "user", "content": blocks}], stable_prefix="END").parts
    assert [part.result.text for part in held] == [WIDE, WIDE + "END" + NARROW]
    with pytest.raises(UsageError, match="does not occur"):
        llmopt.compress([{"role": "user", "content": blocks}], stable_prefix="NOWHERE")


def test_a_budget_holds_for_all_texts_together() -> None:
    story = " ".join(f"The harbour of town {at} was built in {1800 + at} by its own people." for at in range(40))
    turns = [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": story},
        {"role": "user", "content": "When was the harbour of town 17 built?"},
    ]
    done = llmopt.compress(turns, query="When was the harbour of town 17 built?", budget=120)
    assert done.tokens_after <= 120
    assert [done.body[0], done.body[2]] == [turns[0], turns[2]]
    assert "1817" in done.body[1]["content"]
    with pytest.raises(InputError, match="at least"):
        llmopt.compress(turns, query="harbour", budget=5)
