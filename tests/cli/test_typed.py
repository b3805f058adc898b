"""The command below a page can be run again, and tells no secret."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cli.typed import command

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], ""),
        (["cost", "a log.jsonl", "--by", "model,day"], "llmopt cost 'a log.jsonl' --by model,day"),
        (["cost", "x", "--max-cost", "5", "--map", "n=output_text"], "llmopt cost x --max-cost 5 --map n=output_text"),
        (["cost", "x", "--map", "n_tokens=input"], "llmopt cost x --map n_tokens=input"),
        (["serve", "--max-tokens", "500"], "llmopt serve --max-tokens 500"),
        (["cache", "stats", f"redis://ada:{SECRET}@host/0"], "llmopt cache stats 'redis://ada:***@host/0'"),
        (["cache", "stats", f"redis://:{SECRET}@host"], "llmopt cache stats 'redis://:***@host'"),
        (["cost", "--db", f"postgresql://u:{SECRET}@h/d"], "llmopt cost --db 'postgresql://u:***@h/d'"),
        (["cost", "--db", f"host=h password={SECRET} user=u"], "llmopt cost --db 'host=h password=*** user=u'"),
        (["bench-batch", "--api-key", SECRET, "--slo", "1s"], "llmopt bench-batch --api-key *** --slo 1s"),
        (["bench-batch", f"--api-key={SECRET}"], "llmopt bench-batch '--api-key=***'"),
        (["bench-batch", "--header", f"X: {SECRET}", "m"], "llmopt bench-batch --header *** m"),
        (["cost", f"https://h/a?sig={SECRET}&x=1"], "llmopt cost 'https://h/a?sig=***&x=1'"),
        (["cost", f"https://h/a?X-Amz-Signature={SECRET}"], "llmopt cost 'https://h/a?X-Amz-Signature=***'"),
        (["x", f"Authorization: Bearer {SECRET}"], "llmopt x 'Authorization: ***'"),
        (["x", "sk-proj-0123456789abcdef0123"], "llmopt x ***"),
    ],
)
def test_commands(arguments: list[str], said: str) -> None:
    assert command(arguments) == said
    assert SECRET not in command(arguments)


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8), min_size=1, max_size=5))
def test_what_is_no_secret_is_as_it_was_typed(arguments: list[str]) -> None:
    assert shlex.split(command(arguments)) == ["llmopt", *arguments]
