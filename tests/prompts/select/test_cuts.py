"""A sentence is cut where what is left does not say something else."""

from __future__ import annotations

import re

import pytest

from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.select.cuts import is_clause_end, may_end, may_start
from llmopt.prompts.select.select import selected
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for())


def ends(text: str) -> list[str]:
    """Return what may be left of a sentence when it is cut behind a word."""
    segments = parse(text)
    return [text[: m.end()] for m in re.finditer(r"\S+", text) if may_end(segments, m.end(), len(text))]


def starts(text: str) -> list[str]:
    segments = parse(text)
    return [text[m.start() :] for m in re.finditer(r"\S+", text) if may_start(segments, 0, m.start())]


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("Deploys do not reach customers.", ["Deploys", "Deploys do", "Deploys do not"]),
        ("The mill grinds rye, but not wheat.", ["The mill grinds rye,", "The mill grinds rye, but not"]),
        ("Guests may stay 14 days, unless the warden objects.", ["Guests may stay 14", "Guests may stay 14 days,"]),
        ("It fell to 35 % in May 1951 there.", ["It fell to 35", "It fell to", "It fell to 35 % in May"]),
        ("He paid USD 500 to Anna Maria Lund of Hue.", ["He paid USD", "He paid USD 500 to Anna"]),
        ("Khách không được hút thuốc ở đây.", ["Khách", "Khách không"]),
        ("It costs less than nine crowns today.", ["It costs less", "It costs less than"]),
        ("He said: nothing helps here.", ["He said:"]),
        ("Born on March 4, 1951 in Hue.", ["Born on March", "Born on March 4,"]),
    ],
)
def test_no_end_parts_what_belongs_together(text: str, never: list[str]) -> None:
    found = ends(text)
    assert text in found
    assert not set(never) & set(found)


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("Guests must not smoke in the hall.", ["smoke in the hall.", "in the hall.", "not smoke in the hall.."]),
        ("It is false that the tower fell.", ["the tower fell.", "that the tower fell."]),
        ("Unless it rains, the boat leaves at nine.", ["the boat leaves at nine."]),
        ("Nếu trời mưa, thuyền nghỉ.", ["thuyền nghỉ."]),
        ("Khách không được hút thuốc.", ["hút thuốc.", "được hút thuốc."]),
        ("About 14 days passed.", ["days passed."]),
    ],
)
def test_no_start_leaves_behind_what_governs_it(text: str, never: list[str]) -> None:
    found = starts(text)
    assert text in found
    assert not set(never) & set(found)


def test_a_clause_may_start_and_end_where_another_does() -> None:
    text = "The oven, which burns beech, is old; it was built by monks."
    assert "The oven, which burns beech," in ends(text)
    assert "it was built by monks." in starts(text)
    assert is_clause_end(text, text.index("; ") + 1)
    assert not is_clause_end(text, text.index(" it")) or text[text.index(" it") - 1] == ";"


def test_no_cut_within_what_stays_whole() -> None:
    text = "See the page at https://example.org/a/b/c and the set {1, 2, 3} in it."
    segments = parse(text)
    for part in ("https://example.org/a/b/c", "{1, 2, 3}"):
        start = text.index(part)
        assert not any(may_end(segments, at, len(text)) for at in range(start + 1, start + len(part)))


@pytest.mark.parametrize("budget", range(6, 60))
def test_no_budget_turns_a_sentence_around(budget: int) -> None:
    text = (
        "Deploys go to the staging cluster first, and they do not reach customers before Friday. The mill does not "
        "grind rye. Guests may stay for 14 days, unless the warden objects. It is false that the tower fell in 1890. "
        "The pump moves 300 litres an hour. Professor Anna Maria Lund of Aldern College wrote it."
    )
    result = applied(text, selected([parse(text)], "tower warden pump mill", budget, CONTEXT)[0])
    assert CONTEXT.tokens(result) <= budget
    for part in re.split(r"\s*…\s*", result):
        for whole, needed in (("grind", "does not"), ("tower", "false that"), ("reach", "do not")):
            assert whole not in part or needed in part
        assert not re.search(r"(?:\b(?:does|do|not|false)|\d|Anna|Professor|Maria)$", part.strip())
    if "14 days" in result:
        assert "unless" in result
