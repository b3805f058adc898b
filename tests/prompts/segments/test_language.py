"""The language of blocks."""

from __future__ import annotations

import unicodedata

import pytest

from llmopt.prompts.segments.parse import parse

VIETNAMESE = "H\u00e3y tr\u1ea3 l\u1eddi c\u00e2u h\u1ecfi sau \u0111\u00e2y m\u1ed9t c\u00e1ch ng\u1eafn g\u1ecdn."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Please answer the question below.", "en"),
        ("Summarise:", "en"),
        (VIETNAMESE, "vi"),
        (unicodedata.normalize("NFD", VIETNAMESE), "vi"),
        ("The name of the author is Nguy\u1ec5n V\u0103n An, and he lives in the old town by the river.", "en"),
        ("Le chat est dans la maison avec les enfants.", "other"),
        ("Das ist nicht das Haus, und die T\u00fcr ist zu.", "other"),
        ("\u8bf7\u56de\u7b54\u4e0b\u9762\u7684\u95ee\u9898\u3002", "other"),
        (
            "\u041e\u0442\u0432\u0435\u0442\u044c\u0442\u0435 \u043d\u0430 \u0432\u043e\u043f\u0440\u043e\u0441.",
            "other",
        ),
    ],
)
def test_the_language_of_a_sentence(text: str, language: str) -> None:
    assert parse(text).blocks[0].language == language


def test_a_block_that_does_not_tell_has_the_language_around_it() -> None:
    assert {block.language for block in parse(f"{VIETNAMESE}\n\n- Email\n- Web\n").blocks if block.kind != "blank"} == {
        "vi"
    }
    assert parse(f"# Web\n\n{VIETNAMESE}").blocks[0].language == "vi"


def test_code_and_data_have_none() -> None:
    assert {block.language for block in parse("```\nthe of and\n```\n\na,b,c\n1,2,3\n4,5,6\n").blocks} == {"other"}
