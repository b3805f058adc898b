"""Quoted strings on one line."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import spans


@pytest.mark.parametrize(
    "quote",
    [
        '"two  words"',
        '"he said \\"please\\" twice"',
        "\u201ca  b\u201d",
        "\u00aba  b\u00bb",
        "\u201ea  b\u201c",
        "\u2018a don\u2019t b\u2019",
        "'a  b'",
        "'don't stop'",
        "'  '",
        "'    print(x)'",
        "'x  '",
        "'''a  b'''",
        "\u2039a  b\u203a",
        "\u201ca  b\nc  d\u201d",
        "\u300ca\u300d",
        '""',
        '"x"',
    ],
)
@pytest.mark.parametrize("frame", ["{}", "say {}.", "({})", "a: {}, b"])
def test_a_quotation_is_one_span_with_its_quotes(quote: str, frame: str) -> None:
    assert spans(frame.replace("{}", quote), "quoted") == [quote]


@pytest.mark.parametrize(
    "text",
    [
        "don't and won't",
        "the dogs' and cats' bowls",
        "it\u2019s Tom\u2019s",
        "rock'n'roll",
        "a \u201c open",
        'an " open one',
    ],
)
def test_apostrophes_and_single_marks_quote_nothing(text: str) -> None:
    assert spans(text, "quoted") == []


def test_a_quotation_ends_with_its_line_and_is_not_endless() -> None:
    assert spans('"a\nb"', "quoted") == []
    assert spans(f'"{"x " * 400}"', "quoted") == []


def test_three_quotes_delimit_text_and_quote_nothing() -> None:
    assert spans('"""\nThe  text\n"""', "quoted") == []


def test_the_simple_pair_and_the_pair_by_neighbours_are_both_kept() -> None:
    assert "".join(spans('a 5" pipe and "foo  bar" b', "quoted")).count('"foo  bar"') == 1
