"""From what a rewriter answers only dropped words are taken, and only where nothing that matters goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.engine import Guards, shortened
from llmopt.prompts.facts import facts
from llmopt.prompts.passes.registry import Pass, passes_of
from llmopt.prompts.rewriter import RULE, rewriting
from llmopt.prompts.segments.parse import parse
from llmopt.tokens.api import tokenizer_for
from tests.prompts.fragments import texts

CONTEXT = Context(tokenizer_for())
LITTLE = frozenset(re.findall(r"\w+", "the a of to is it that you this we have for and in with on very"))
MANUAL = (
    "The reviewer is to read the whole of the report that the team has written, and to send it to the editor. "
    "In the margin of the draft you have to put a mark for the passages that you find unclear."
)


class Telegraph:
    """Drops little words, and joins the rest with blanks, as models do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def rewrite(self, text: str) -> str:
        self.asked.append(text)
        return " ".join(word for word in re.findall(r"\w+", text) if word.lower() not in LITTLE)


class Answering:
    """Answers what it is told."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.rewrite = answer


def rewritten(text: str, answer: Callable[[str], str] | None = None) -> str:
    edits = rewriting(Answering(answer) if answer else Telegraph())(parse(text), CONTEXT)
    assert all(edit.rule == RULE and edit.text == "" and edit.start < edit.end for edit in edits)
    assert edits == sorted(edits, key=lambda edit: edit.start)
    return applied(text, edits)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def is_part(of: list[str], found: list[str]) -> bool:
    rest = iter(of)
    return all(word in rest for word in found)


def test_words_are_dropped_and_what_stays_is_the_authors() -> None:
    assert rewritten(MANUAL) == (
        "The reviewer read whole report team has written, send editor. margin draft put mark passages find unclear."
    )


@pytest.mark.parametrize(
    "answer",
    [
        lambda text: "",
        lambda text: " . , !",
        lambda text: " ".join(reversed(words(text))),
        lambda text: "reviewer read whole reportteam written send editor",  # fused
        lambda text: "reviewer read wh report team written send editor",  # a piece of a word
        lambda text: "reviewer read whole report team written send the boss",  # an invention
        lambda text: text,
        lambda text: text + " " + text,
        lambda text: "the of to is it that to in of to for the that",  # content goes, little words stay
    ],
)
def test_an_answer_that_is_no_list_of_words_to_keep_is_left_aside(answer: Callable[[str], str]) -> None:
    assert rewritten(MANUAL, answer) == MANUAL


def test_case_spacing_and_punctuation_of_an_answer_do_not_matter() -> None:
    plain = rewritten(MANUAL)
    assert plain != MANUAL
    assert rewritten(MANUAL, lambda text: Telegraph().rewrite(text).upper().replace(" ", " , ")) == plain


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("In the case of the blue form you have to not in any way sign the page of it.", "not in any way"),
        ("In the case of the blue form that you have for it, the page is don't care for it.", "don't care"),
        ("In the case of the blue form that you have for it, it is 3 of the pages for it.", "3 of the pages"),
        ("In the case of the blue form that you have, it is for every one of the pages.", "every one of the pages"),
        ("In the case of the blue form you have to give the JSON of it to the IT team.", "JSON"),
        ("In the case of the blue form, if you have to give it to a team or the page of it.", "form, if"),
        ("In the case of the blue form (the one of it) you have to give it to the team.", "(the one of it)"),
        ("Trong trường hợp của các mẫu đơn này thì bạn không được ký vào trang của nó.", "không được ký"),
    ],
)
def test_facts_stay_with_what_they_are_about(text: str, kept: str) -> None:
    content = {"case", "blue", "form", "page", "pages", "team", "sign", "one", "trường", "hợp", "mẫu", "đơn", "trang"}
    after = rewritten(text, lambda piece: " ".join(word for word in words(piece) if word.lower() in content))
    assert len(after) < len(text)
    assert kept in after
    assert facts(after) == facts(text)


def test_an_answer_without_the_facts_costs_no_fact() -> None:
    text = "You have to read it, and you have to never send the 12 reports of the team to all of the others in it."
    after = rewritten(
        text, lambda piece: " ".join(word for word in words(piece) if word in {"read", "reports", "team"})
    )
    assert len(after) < len(text)
    assert facts(after) == facts(text) == ["never", "12", "all"]


def test_what_is_no_prose_is_never_shown_to_the_rewriter() -> None:
    telegraph = Telegraph()
    text = (
        "# The title of the thing that you have to read for it\n\n"
        "- the first of the things that we have to do for it\n\n"
        "```\nthe code of the thing that we have to run for it\n```\n\n"
        "| the head of the one | that we have for it |\n|---|---|\n| the cell of it | the other of the two |\n\n"
        + MANUAL.replace("the team", '"the head of the team" of {company_of_the_year}')
        + "\n"
    )
    edits = rewriting(telegraph)(parse(text), CONTEXT)
    after = applied(text, edits)
    assert edits
    assert after.startswith(text[: text.index("The reviewer")])
    assert '"the head of the team"' in after
    assert "{company_of_the_year}" in after
    assert not any(
        part in asked for asked in telegraph.asked for part in ("title", "first", "code", "cell", "head", "{")
    )


def test_words_that_touch_a_span_stay_whole() -> None:
    text = (
        "Send the list of the things of {name}s and of the {one}the for the team in it to the boss of the firm, {x}a."
    )
    after = rewritten(text, lambda piece: " ".join(word for word in words(piece) if len(word) > 3))
    assert "{name}s" in after
    assert "{one}the" in after
    assert "{x}a." in after


def test_each_line_keeps_its_first_word_and_its_break() -> None:
    text = "   " + MANUAL.replace(" to ", "\nto ").replace(" that ", "  \r\nthat ") + "\n"
    after = rewritten(text)
    assert len(after) < len(text)
    assert [line.split()[0] for line in after.splitlines()] == [line.split()[0] for line in text.splitlines()]
    assert re.findall(r"[ ]*\r?\n *", after) == re.findall(r"[ ]*\r?\n *", text)


def test_a_sentence_that_loses_its_last_words_still_ends() -> None:
    text = (
        "The blue report is for the board of it. The green report is the draft for the team, for that of it! Read both."
    )
    content = {"blue", "report", "board", "green", "draft", "team"}
    after = rewritten(text, lambda piece: " ".join(word for word in words(piece) if word.lower() in content))
    assert after == "The blue report board. green report draft team! Read both."


def test_short_and_terse_pieces_are_not_asked_about() -> None:
    telegraph = Telegraph()
    terse = "Reviewer reads whole report, sends editor marked margin draft, unclear passages listed."
    for text in ("", "the of the to", "Read the text of it.", terse, "{a} of the {b} in the {c} for it {d} to the {e}"):
        assert rewriting(telegraph)(parse(text), CONTEXT) == []
    assert telegraph.asked == []


def test_the_second_time_nothing_changes_and_a_piece_is_asked_about_once() -> None:
    telegraph = Telegraph()
    item = Pass(rewriting(telegraph), "aggressive", "every")
    draft = shortened(MANUAL * 2, [*passes_of("aggressive"), item], CONTEXT, Guards())
    once = draft.segments.text
    assert RULE in {rule for change in draft.changes for rule in change.rules}
    assert len(telegraph.asked) == len(set(telegraph.asked))
    assert shortened(once, [*passes_of("aggressive"), item], CONTEXT, Guards()).segments.text == once


@given(texts(), st.integers(0, 2**32), st.sampled_from([0.2, 0.5, 0.8]))
def test_whatever_is_answered_words_stay_whole_and_in_order(text: str, seed: int, share: float) -> None:
    def some(piece: str) -> str:
        return " ".join(
            word
            for word in words(piece)
            if word.lower() not in LITTLE or crc32(f"{word}{seed}".encode()) % 10 > share * 10
        )

    after = rewritten(text, some)
    assert is_part(words(text), words(after))
    assert facts(after) == facts(text)
    assert after == text or len(after) < len(text)
    assert rewritten(after, some) == after


@pytest.mark.untraced
@pytest.mark.parametrize(
    "unit", ["the a ", "the ", "a", "-", "a-", "a.", "...", " ", "\n", "the\n", "{", "'", "\u00a0", "1 of "]
)
def test_a_long_text_takes_time_that_grows_with_its_length(unit: str) -> None:
    text = MANUAL + unit * (200_000 // len(unit))
    after = rewritten(text)
    assert is_part(words(text), words(after))
