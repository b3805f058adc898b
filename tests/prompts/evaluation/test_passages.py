"""Paragraphs with questions: both shapes, bad rows told by line, contexts that are the same each time."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.prompts.evaluation.passages import Passage, built_in, drawn, load


def row(number: int, title: str = "T") -> dict[str, object]:
    return {"title": title, "context": f"Box {number} is red.", "qas": [{"question": "Which?", "answers": ["red"]}]}


def test_the_built_in_set_has_both_languages_and_answers_that_stand_in_it() -> None:
    passages = built_in().good
    assert len(passages) >= 30
    assert all(answer in one.text for one in passages for question in one.questions for answer in question.answers)
    assert all(len(one.questions) == 2 for one in passages)
    assert sum(max(one.text) >= "\u1ea1" for one in passages) >= 15


def test_json_lines_are_read_and_bad_rows_are_told(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    lines = [json.dumps(row(1)), "{no json", "", "[1]", '{"context": 5}', '{"context": "a"}']
    lines += [json.dumps({"context": "a b", "qas": [{"question": "?", "answers": ["c"]}]}), json.dumps(row(2))]
    path.write_bytes("\n".join(lines).encode() + b'\n{"context": "\xff", "qas": []}\n')
    found = load(path)
    assert [one.text for one in found.good] == ["Box 1 is red.", "Box 2 is red."]
    assert [told.removeprefix(f"{path}:") for told in found.bad] == [
        "2: no JSON: Expecting property name enclosed in double quotes at column 2",
        "4: a JSON list, not an object",
        '5: no text in "context"',
        '6: no list in "qas"',
        "7: no question whose answer stands in the context",
        "9: not UTF-8",
    ]


def test_squad_and_a_list_of_rows_are_read(tmp_path: Path) -> None:
    nested = tmp_path / "squad.json"
    paragraph = {
        "context": "It is red.",
        "qas": [{"question": "Which?", "answers": [{"text": "red", "answer_start": 6}]}],
    }
    nested.write_text(
        json.dumps({"version": 1, "data": [{"title": "A", "paragraphs": [paragraph, 3]}]}), encoding="utf-8"
    )
    found = load(nested)
    assert [(one.title, one.questions[0].answers) for one in found.good] == [("A", ("red",))]
    assert found.bad == (f"{nested}: article 1, paragraph 2: a JSON int, not an object",)
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([row(1), row(2)], indent=1), encoding="utf-8")
    assert len(load(rows).good) == 2
    single = tmp_path / "one.jsonl.gz"
    single.write_bytes(gzip.compress(json.dumps(row(1)).encode()))
    assert len(load(single).good) == 1


@pytest.mark.parametrize("text", ["", "\n", "plain words", "5", "[]", '{"data": []}', "[" * 100_000])
def test_without_a_good_row_it_says_what_a_row_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.jsonl") as caught:
        load(path)
    assert '"context"' in caught.value.hint


def test_a_missing_or_damaged_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load(tmp_path / "none.jsonl")
    damaged = tmp_path / "cut.gz"
    damaged.write_bytes(gzip.compress(b"x" * 9_000)[:20])
    with pytest.raises(InputError, match="cannot be read"):
        load(damaged)


def test_contexts_hold_the_answer_and_distractors_of_the_same_title_and_of_others() -> None:
    passages = built_in().good
    asked = drawn(passages, seed=3)
    assert len(asked) == sum(len(one.questions) for one in passages)
    titles = {one.text: one.title for one in passages}
    for one in asked:
        parts = one.context.split("\n\n")
        assert len(parts) == len(set(parts)) == 10
        assert one.own in parts
        assert len({titles[part] for part in parts}) > 1
    assert (
        sum(any(titles[p] == titles[one.own] and p != one.own for p in one.context.split("\n\n")) for one in asked) > 50
    )
    assert len({one.context.split("\n\n").index(one.own) for one in asked}) == 10


def test_the_same_seed_draws_the_same_and_a_limit_only_cuts() -> None:
    passages = built_in().good
    assert drawn(passages, seed=1) == drawn(passages, seed=1) != drawn(passages, seed=2)
    assert drawn(passages, seed=1, limit=5) == drawn(passages, seed=1)[:5]


def test_fewer_paragraphs_than_a_context_holds_are_all_taken() -> None:
    few = built_in().good[:3]
    assert {len(one.context.split("\n\n")) for one in drawn(few, seed=0)} == {3}
    assert drawn([Passage("t", "alone", ())], seed=0) == []
