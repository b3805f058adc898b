"""Which parts of a prompt instruct, and which are what it is about."""

from __future__ import annotations

import pytest

from llmopt.prompts.rewriting.scope import is_legal, names_material, scope_of
from llmopt.prompts.segments.parse import parse


def material(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in scope_of(parse(text)).material]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sum it up.\n\nReview:\nIt broke. Please help.", ["It broke. Please help."]),
        ("Sum it up.\n\nReview:\nIt broke.\n\nPlease give your answer in JSON.", ["It broke."]),
        ("Review:\n{review}\nPlease be brief.", ["{review}"]),
        ("Sum it up.\n<doc>It broke.</doc>\nBe brief.", ["It broke."]),
        ("<rules>Be brief.</rules>", []),
        ('Sum it up.\n"""\nIt broke.\n"""\nBe brief.', ['"""\nIt broke.']),
        ("Write back.\n\nDear Ms Lee,\nit broke.\n\nBest regards,\nTom", ["Dear Ms Lee,\nit broke.\n\nBest regards,"]),
        ("Translate the following text: It broke.\n\nPlease be brief.", ["It broke."]),
        ("Tóm tắt.\n\nVăn bản:\nNó hỏng rồi.", ["Nó hỏng rồi."]),
        ("Review:\nIt broke.\n## Instructions\nBe brief.", ["It broke."]),
        ("Be brief. Cite sources.", []),
    ],
)
def test_material_is_told_from_instructions(text: str, expected: list[str]) -> None:
    assert material(text) == expected


def test_offsets_are_in_scope_or_not() -> None:
    text = "Sum it up.\n\nReview:\nIt broke."
    scope = scope_of(parse(text))
    assert scope.instructs(0)
    assert not scope.instructs(text.index("broke"))
    assert scope.instructs(len(text))


def test_labels_and_laws_are_known_by_their_words() -> None:
    assert names_material("Customer review")
    assert names_material("Đánh giá của khách hàng")
    assert not names_material("Output format")
    assert is_legal("The parties hereby agree.")
    assert is_legal("Căn cứ luật này, bên A chịu phí.")
    assert not is_legal("Be brief.")
