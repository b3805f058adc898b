from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.facts import facts
from llmopt.prompts.passes.boilerplate import boilerplate
from llmopt.prompts.passes.boilerplate_lines import is_boilerplate
from llmopt.prompts.segments.parse import parse
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for(encoding="o200k_base"))


def short(text: str) -> str:
    return applied(text, boilerplate(parse(text), CONTEXT))


SUBJECTS = ("The kiln", "The loading dock", "Our night train", "The greenhouse", "The ferry", "The tide mill")
FACTS = (
    "{} opens at {} in the morning and closes after the last visitor has left the building.",
    "{} was rebuilt in {} with timber from the valley, which is why the roof looks newer than the walls.",
    "Nobody may enter {} without the blue card, not even for less than {} minutes.",
    "A full round through {} takes about {} minutes at a slow walk, with two places to rest.",
    "Visitors of {} are asked to carry no more than {} kilograms, because the floor is old.",
    "The warden of {} answers calls until {} at night and writes each of them into the book.",
    "Snow closes {} on about {} days of a winter, mostly in the weeks after the new year.",
)
ENGLISH = (
    ["Skip to main content", "Home | Products | Pricing | Blog | Contact"],
    [
        "Was this page helpful? Yes No",
        "Share on Facebook | LinkedIn | Email",
        "Subscribe to our newsletter to get the latest updates.",
        "We use cookies to improve your experience. Accept all cookies",
        "Privacy Policy | Terms of Service | Contact",
        "© 2031 Valley Trust. All rights reserved.",
    ],
)
VIETNAMESE = (
    ["Chuyển đến nội dung chính", "Trang chủ | Giới thiệu | Tin tức | Liên hệ"],
    [
        "Bài viết này có hữu ích không? Có Không",
        "Chia sẻ lên Facebook | Zalo",
        "Đăng ký nhận bản tin của chúng tôi",
        "Trang web này sử dụng cookie để cải thiện trải nghiệm của bạn.",
        "© 2031 Công ty Thung Lũng. Bảo lưu mọi quyền.",
    ],
)
WRAPPERS: tuple[Callable[[int, str], str], ...] = (
    lambda number, body: f"[{number}] Page {number}\n{body}\n",
    lambda number, body: f'<document index="{number}">\n<source>p{number}.html</source>\n{body}\n</document>',
    lambda number, body: f"Document {number}:\n{body}\n",
    lambda number, body: f"Source: https://valley.example/p/{number}\n{body}\n\n---\n",
    lambda number, body: f"### Passage {number}\n\n{body}\n",
    lambda number, body: f"{body}\n\n---\n",
)


def contents(seed: int, count: int) -> list[list[str]]:
    """Return sentences for each of a number of chunks."""
    rng = random.Random(seed)
    chosen = rng.sample(SUBJECTS, count)
    return [[fact.format(name, rng.randint(5, 99)) for fact in rng.sample(FACTS, 5)] for name in chosen]


def context(seed: int, wrap: Callable[[int, str], str], around: tuple[list[str], list[str]], overlap: bool) -> str:
    chunks = contents(seed, 5)
    if overlap:
        chunks = [chunks[0], *([before[-1], *after] for before, after in pairwise(chunks))]
    head, foot = around
    bodies = ["\n".join([*head, "", " ".join(chunk), "", *foot]).strip() for chunk in chunks]
    wrapped = "\n".join(wrap(number, body) for number, body in enumerate(bodies, start=1))
    return f"Answer from the context.\n\n{wrapped}\nQuestion: When does the ferry leave?\n"


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("around", [ENGLISH, VIETNAMESE])
def test_a_fifth_goes_and_no_sentence_is_lost(
    wrap: Callable[[int, str], str], around: tuple[list[str], list[str]]
) -> None:
    shares = []
    for seed in range(4):
        text = context(seed, wrap, around, overlap=seed % 2 == 1)
        result = short(text)
        shares.append(1 - CONTEXT.tokens(result) / CONTEXT.tokens(text))
        for chunk in contents(seed, 5):
            assert all(result.count(sentence) == 1 for sentence in chunk)
        assert set(facts(text)) == set(facts(result))
        assert "Question: When does the ferry leave?" in result
        assert short(result) == result
    assert statistics.mean(shares) >= 0.20


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_without_boilerplate_nothing_goes(wrap: Callable[[int, str], str]) -> None:
    for seed in range(6):
        text = context(seed, wrap, ([], []), overlap=False)
        assert short(text) == text


def test_headers_of_sources_stay() -> None:
    text = context(1, WRAPPERS[3], ENGLISH, overlap=False)
    assert all(f"Source: https://valley.example/p/{number}\n" in short(text) for number in range(1, 6))


def test_sentences_that_overlap_stay_once_where_they_end_a_chunk() -> None:
    text = (
        "[1] Dock\nThe gate is green. The dock opens at six in the morning.\n\n"
        "[2] Dock\nThe dock opens at six in the morning. It closes at nine.\n"
    )
    assert short(text) == (
        "[1] Dock\nThe gate is green. The dock opens at six in the morning.\n\n[2] Dock\nIt closes at nine.\n"
    )
    assert [edit.rule for edit in boilerplate(parse(text), CONTEXT)] == ["chunk-overlap"]


def test_an_overlap_may_end_within_the_first_line_or_with_it() -> None:
    shared = "The dock opens at six in the morning."
    for between in (" ", "\n", "\n\n"):
        text = f"[1] Dock\nThe gate is green. {shared}\n\n[2] Dock\n{shared}{between}It closes at nine.\n"
        assert short(text).endswith("[2] Dock\nIt closes at nine.\n")


def test_a_notice_that_most_chunks_end_with_stays_once() -> None:
    notice = "The figures on this sheet are given without any warranty."
    chunks = [f"[{n}] Sheet {n}\n{fact}\n{notice}\n" for n, fact in enumerate(("Up.", "Down.", "Left.", "Right."), 1)]
    assert short("\n".join(chunks)).count(notice) == 1
    assert short("\n".join(chunks)).startswith(chunks[0])


def test_half_a_sentence_that_overlaps_stays() -> None:
    text = (
        "[1] Dock\nThe gate is green. The dock opens at six in\n\n"
        "[2] Dock\nThe dock opens at six in the morning. It closes.\n"
    )
    assert short(text) == text


def test_a_chunk_that_is_all_copy_stays() -> None:
    text = "[1] Dock\nThe dock opens at six in the morning.\n\n[2] Dock\nThe dock opens at six in the morning.\n"
    assert short(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Write a banner: Subscribe to our newsletter today.\nAccept all cookies\nShare this page\n",
        "# Task\n\nSubscribe to our newsletter\nShare on Facebook\n\n---\n\nShare on Facebook\n",
        "".join(f"[{n}] Terms\nPrice: 10 euros\nStatus: it is open to the public\n\n" for n in (1, 2)),
        "[1] Rights\nThe pass is valid on all days.\nIt costs 12 euros.\n\n[2] Rights\nAsk the warden.\n",
        "".join(
            f"## Section {n}\n\nDescribe fact {n}.\nReturn the answer as valid JSON only.\n\n" for n in range(1, 5)
        ),
        "".join(
            f"Article {n}:\nRight {n} is granted.\nIt may be claimed before any court here.\n\n" for n in range(1, 5)
        ),
        "[1] Menu\n## Search\nType a word.\n\n[2] Menu\n## Search\nType a number.\n",
    ],
)
def test_left_alone(text: str) -> None:
    assert short(text) == text


def test_the_last_copy_of_a_number_or_a_negation_stays() -> None:
    text = "[1] Tide\nThe mill turns.\nWas this helpful? Yes No\n© 2031 Valley Trust\n\n[2] Tide\nThe wheel rests.\n"
    assert "2031" in short(text)
    assert "No" in short(text)


def test_what_is_guarded_stays() -> None:
    text = (
        "[1] A\nOne is open.\nShare on {network}\nRead more\nBack to top\n\n[2] B\nTwo is shut.\nShare on {network}\n"
    )
    assert short(text).count("{network}") == 2


@pytest.mark.parametrize(
    "line",
    [
        "Skip to content",
        "* Back to top",
        "Share this article on X",
        "Page 3 of 10",
        "© 2031 Valley Trust. All rights reserved.",
        "Home > Docs > Pricing > Blog",
        "Introduction .......... 12",
        "Read more →",
        "Xem thêm",
        "Về đầu trang",
    ],
)
def test_furniture(line: str) -> None:
    assert is_boilerplate(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "The page was rebuilt in 2020.",
        "Share prices fell by 3 percent.",
        "Contact lenses are cleaned daily.",
        "We use cookies as bait for the raccoons",
        "Home > Kiln > Firing > Glazes",
        "Bản quyền phần mềm là gì",
        "Trang phục truyền thống",
        "Register the boiler with the council within a week",
        "Next of kin are told first",
        "Ads reached one in three readers",
    ],
)
def test_content(line: str) -> None:
    assert not is_boilerplate(line)


PARTS = st.sampled_from(
    [
        "[1] One",
        "[2] Two",
        "---",
        "<document>",
        "</document>",
        "## Passage 3",
        "",
        "Home",
        "Share on Facebook",
        "Read more",
        "Accept all cookies",
        "The dock opens at six. It shuts at nine in the evening.",
        "It shuts at nine in the evening.",
        "It shuts at nine in the evening. The boat waits.",
        "Nobody may enter {place} before noon.",
        "© 2031 Valley Trust. All rights reserved.",
        "- About",
        "Question: when?",
    ]
)


@given(st.lists(PARTS, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_facts_headers_and_guarded_stay_and_runs_end(parts: list[str], newline: str) -> None:
    text = newline.join(parts) + newline
    result = short(text)
    assert len(result) <= len(text)
    assert set(facts(result)) == set(facts(text))
    for part in (
        "[1] One",
        "[2] Two",
        "---",
        "<document>",
        "</document>",
        "## Passage 3",
        "{place}",
        "Question: when?",
    ):
        assert result.count(part) == text.count(part)
    for _ in range(10):
        text, result = result, short(result)
    assert result == text


@pytest.mark.untraced
def test_linear_in_nasty_text() -> None:
    for unit in ("{", "`", "<", '"', " ", "a ", "|", "[1] ", "[1] a\n", "---\n", "share on "):
        short(f"[1] a\n{unit * 20_000}\n[2] b\n{unit * 20_000}\n")


@pytest.mark.parametrize(
    "text",
    [
        "[1] Guide\nClick the menu.\nLog in\nCreate an account\nNext\nYou are done.\n\n[2] Lamp\nIt is red.\n",
        "[1] Screen\nThese buttons are there:\nHome\nSearch\nLog in\n\n[2] Lamp\nIt is red.\n",
        "[1] Buttons\nHome\nSearch\nLog in\n\n[2] Lamp\nIt is red.\n",
        "[1] Shop\nWe use cookies to remember you.\nIt opens at nine.\n\n[2] Lamp\nIt is red.\n\nAre cookies used?\n",
    ],
)
def test_what_the_text_is_about_is_no_furniture(text: str) -> None:
    assert short(text) == text


def test_what_stands_in_an_overlap_is_not_swallowed() -> None:
    sentence = "The dock opens at six. It shuts at nine in the evening."
    text = f"[1] One\n{sentence}\n[2] Two\n{sentence}\nRead more\nThe boat waits.\n"
    assert "Read more" in short(text)
