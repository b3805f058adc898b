"""The options of `llmopt.compress`, and what it gives back."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmopt
from llmopt.errors import InputError, UsageError
from llmopt.prompts.edits import applied
from llmopt.prompts.prefix import stable_offset
from llmopt.tokens.api import tokenizer_for

TEXT = "# Rules  \n\n\n\nBe brief.   \nAnswer {question} from the list below.\n\n\n- one\n- two   \n"


def test_a_result_accounts_for_every_difference() -> None:
    done = llmopt.compress(TEXT)
    assert done.text == "# Rules\n\nBe brief.\nAnswer {question} from the list below.\n\n- one\n- two"
    assert applied(TEXT, done.changes) == done.text
    assert "".join(TEXT[r.start : r.end] for r in done.removals) == "".join(r.text for r in done.removals)
    assert [(r.first_line, r.last_line) for r in done.removals][:2] == [(1, 1), (3, 4)]
    assert done.tokens_before == llmopt.count_tokens(TEXT).tokens
    assert done.tokens_after == llmopt.count_tokens(done.text).tokens
    assert done.tokens_saved == done.tokens_before - done.tokens_after > 0
    assert done.saved_share == done.tokens_saved / done.tokens_before
    assert abs(sum(r.tokens for r in done.removals) - done.tokens_saved) <= 1
    assert repr(done) == f"Compressed({len(TEXT)} -> {len(done.text)} characters, {len(done.removals)} removals)"


def test_nothing_to_do() -> None:
    done = llmopt.compress("Hello.")
    assert (done.text, done.removals, done.tokens_saved, done.saved_share) == ("Hello.", (), 0, 0)
    assert llmopt.compress("").saved_share == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "max"}, "no level 'max'"),
        ({"json_form": "yaml"}, "no form of JSON 'yaml'"),
        ({"query": "x"}, "go together"),
        ({"budget": 10}, "go together"),
        ({"query": "x", "budget": 0}, "budget of 0"),
        ({"query": "x", "budget": -0.5}, "budget of -0.5"),
        ({"query": "x", "budget": True}, "budget of True"),
        ({"query": "x", "budget": 1.5}, "neither tokens nor a share"),
        ({"query": "x", "budget": float("nan")}, "budget of nan"),
        ({"keep": ["("]}, "no regular expression"),
        ({"keep": "[[:alpha:]]"}, "no regular expression: Possible nested set"),
        ({"stable_prefix": -1}, "stable prefix of -1"),
        ({"stable_prefix": ""}, "stable prefix of ''"),
        ({"stable_prefix": "END"}, "'END' does not occur"),
        ({"model": "gpt-4o", "tokenizer": tokenizer_for()}, "exclude each other"),
        ({"model": "no-such"}, "no tokenizer is known"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        llmopt.compress(TEXT, **options)


def test_keep_takes_one_pattern_or_several() -> None:
    for keep in ("brief.   $", re.compile("brief.   "), ["brief. +", "two +"]):
        assert "Be brief.   \n" in llmopt.compress(TEXT, keep=keep).text


def test_tokens_are_those_of_the_model_asked_for() -> None:
    done = llmopt.compress(TEXT, model="gpt-4")
    assert done.tokens_after == llmopt.count_tokens(done.text, model="gpt-4").tokens
    claude = llmopt.compress(TEXT, model="claude-opus-4-6", level="lossless")
    assert claude.count_after.low <= claude.tokens_after <= claude.count_after.high
    assert llmopt.compress(TEXT, tokenizer=tokenizer_for("gpt-4")).tokens_before == done.tokens_before


def test_a_share_above_one_counts_tokens() -> None:
    assert llmopt.compress(TEXT, query="brief", budget=800.0).text == llmopt.compress(TEXT).text
    assert llmopt.compress(TEXT, query="brief", budget=1.0).text == llmopt.compress(TEXT).text


def test_a_share_of_less_than_a_token_is_an_error() -> None:
    with pytest.raises(InputError, match=re.escape("0.10% of 11 tokens is less than one token")):
        llmopt.compress("The cat sat on the mat. The dog sat.", query="dog", budget=0.001)
    assert llmopt.compress("", query="dog", budget=0.001).text == ""


def test_a_result_survives_a_pickle() -> None:
    done = llmopt.compress(TEXT)
    again = pickle.loads(pickle.dumps((done.text, done.changes, done.removals)))
    assert again == (done.text, done.changes, done.removals)


@given(st.text("ab cd\n.,12", max_size=300), st.integers(0, 120), st.text("xy z\n", max_size=20))
def test_a_stable_prefix_falls_into_the_same_tokens_whatever_follows(text: str, tokens: int, tail: str) -> None:
    tokenizer = tokenizer_for()
    offset = stable_offset(text, tokens, tokenizer)
    held = tokenizer.count(text[:offset]).tokens
    assert held >= min(tokens, tokenizer.count(text).tokens)
    done = llmopt.compress(text + tail, stable_prefix=tokens, level="aggressive")
    assert done.text.startswith((text + tail)[: stable_offset(text + tail, tokens, tokenizer)])
