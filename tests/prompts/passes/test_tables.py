from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.passes.tables import table_padding
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import Block, Segments
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for(encoding="o200k_base"))


def short(text: str) -> str:
    return applied(text, table_padding(parse(text), CONTEXT))


def as_table(text: str) -> str:
    """Return the text shortened as one table without spans, whatever the parser thinks of it."""
    return applied(text, table_padding(Segments(text, (Block(0, len(text), "table"),), ()), CONTEXT))


def test_padding_goes_and_alignment_stays() -> None:
    text = "| Name       | Price   |  Note |\n|------------|:-------:|------:|\n| Green tea  | 12.50   |       |\n"
    assert short(text) in (
        "|Name|Price|Note|\n|---|:-:|--:|\n|Green tea|12.50| |\n",
        "| Name | Price | Note |\n| --- | :-: | --: |\n| Green tea | 12.50 | |\n",
    )


def test_the_form_with_fewer_tokens_wins() -> None:
    text = "| alpha   | beta    |\n| ------- | ------- |\n" + "| one     | two     |\n" * 20
    spaced = re.sub(r" +", " ", text).replace("-------", "---")
    counts = {form: CONTEXT.tokens(form) for form in (spaced, spaced.replace(" ", ""))}
    assert CONTEXT.tokens(short(text)) == min(counts.values())


def test_escaped_bars_and_code_are_no_borders() -> None:
    text = "| Expression      | Meaning   |\n| --------------- | --------- |\n| a \\|  b         | or        |\n"
    assert "a \\|  b" in short(text)
    text = "| Expression      | Meaning   |\n| --------------- | --------- |\n| `a  |  b`       | or        |\n"
    assert "`a  |  b`" in short(text)


def test_dashes_below_the_second_row_are_data() -> None:
    text = "| a    | b     |\n| ---- | ----- |\n| ---- | ----- |\n"
    assert short(text).count("----") == 2


def test_a_row_of_cells_without_outer_bars() -> None:
    text = "Name    | Age\n------- | ------\nAnna    | 30\n"
    assert as_table(text) == "Name|Age\n---|---\nAnna|30\n"


def test_line_breaks_of_windows_stay() -> None:
    text = "| a     | b     |\r\n| ----- | ----- |\r\n| 1     | 2     |\r\n"
    assert short(text).count("\r\n") == 3


@pytest.mark.parametrize("text", ["| no | rule |\n| 1    | 2    |\n", "|a|b|\n|-|-|\n|1|2|\n", "", "| alone    |\n"])
def test_left_alone(text: str) -> None:
    assert as_table(text) == text


def test_what_is_guarded_stays() -> None:
    text = "| Key        | Value            |\n| ---------- | ---------------- |\n| {name}     | `x`  {{ y }}     |\n"
    assert "{name}" in short(text)
    assert "`x`  {{ y }}" in short(text)


@pytest.mark.untraced
def test_linear_in_bars_and_blanks() -> None:
    for unit in ("|", " |", "| ", "\\|", "a "):
        as_table(f"| a | b |\n|---|---|\n{unit * 20_000}\n")


CELL = st.text(alphabet=st.sampled_from("ab0 -:\\`*é.,{}<>\t"), max_size=8)
ROWS = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=5))


def cells(row: str) -> list[str]:
    return [cell.strip(" \t") for cell in re.split(r"(?<!\\)(?:\\\\)*\|", row)]


@given(ROWS, st.integers(1, 6))
def test_cells_stay_and_nothing_is_longer(rows: list[list[str]], width: int) -> None:
    lines = ["| " + " | ".join(cell.ljust(width) for cell in row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for _ in rows[0]) + " |")
    text = "\n".join(lines) + "\n"
    for result in (short(text), as_table(text)):
        assert len(result) <= len(text)
        assert CONTEXT.tokens(result) <= CONTEXT.tokens(text)
        for number, (before, after) in enumerate(zip(text.split("\n"), result.split("\n"), strict=True)):
            assert len(cells(before)) == len(cells(after))
            if number != 1:
                assert cells(before) == cells(after)
    assert as_table(as_table(text)) == as_table(text)
    assert short(short(text)) == short(text)


def test_a_blank_keeps_the_bar_out_of_an_address() -> None:
    text = "| Page                | Mail    |\n|---------------------|---------|\n| https://x.example/a | a@b.org |\n"
    assert "https://x.example/a |" in short(text)
    assert " a@b.org |" in short(text)
