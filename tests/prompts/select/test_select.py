"""A query keeps what it needs, the budget is never exceeded, and what must stay stays."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.select.select import selected
from llmopt.tokens.api import estimated_tokenizer, tokenizer_for

O200K = Context(tokenizer_for())
CONTEXTS = (O200K, Context(tokenizer_for(encoding="cl100k_base")), Context(estimated_tokenizer("claude-4.7")))

HARBOUR = (
    "The harbour of Varnholm was dug in 1874 by prisoners of the eastern forts. Its first crane, which came from "
    "Aldern, could lift nine tonnes. Fishing boats left before dawn and came back with the tide. The lighthouse "
    "keeper, Marta Ilves, wrote down the weather every day for thirty years."
)
BAKERY = (
    "Bread in the valley was baked once a week in a common oven. Each family brought its own dough, marked with a "
    "sign of its own. The oven was fired with beech wood, because pine spoils the crust. Nobody paid for the baking."
)
RAILWAY = (
    "The narrow railway over the Skarn pass was closed after the flood of 1951. Engineers had warned of the soft "
    "ground for years; the directors, who were short of money, did not listen. Today a path for walkers follows it."
)
LIBRARY = (
    "Thư viện của làng mở cửa vào năm 1962. Người thủ thư đầu tiên là bà Trần Thị Sen, một cô giáo về hưu. Sách được "
    "mang đến bằng thuyền vì con đường qua núi chưa có. Trẻ em đọc sách dưới gốc đa mỗi buổi chiều."
)
PARAGRAPHS = (HARBOUR, BAKERY, RAILWAY, LIBRARY)
CONTEXT_TEXT = "\n\n".join(PARAGRAPHS)


def shortened(text: str, query: str, share: float, context: Context = O200K) -> str:
    budget = int(share * context.tokens(text))
    result = applied(text, selected([parse(text)], query, budget, context)[0])
    assert context.tokens(result) <= budget
    return result


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("When was the harbour of Varnholm dug?", "1874"),
        ("Who wrote down the weather?", "Marta Ilves"),
        ("Why was the oven fired with beech?", "pine spoils the crust"),
        ("Which flood closed the railway?", "the flood of 1951"),
        ("Ai là người thủ thư đầu tiên?", "Trần Thị Sen"),
        ("Thư viện mở cửa năm nào?", "1962"),
        ("thu vien mo cua nam nao", "1962"),  # typed without accents
        ("Closing of railways", "closed after the flood"),  # other forms of the words
    ],
)
@pytest.mark.parametrize("share", [0.2, 0.3, 0.5])
def test_the_answer_is_kept(query: str, answer: str, share: float) -> None:
    assert answer in shortened(CONTEXT_TEXT, query, share)


def test_a_long_sentence_is_cut_around_what_is_asked() -> None:
    clauses = [f"station {name} sold tickets to {count} walkers" for count, name in enumerate("abcdefghijkl", 100)]
    text = "In the last summer " + ", ".join(clauses) + ", and the clerk Osvald Brandt counted them all, as he said."
    result = shortened(text, "Which clerk counted them?", 0.25)
    assert "Osvald Brandt" in result
    assert result.startswith("…")


def test_enough_budget_changes_nothing() -> None:
    tokens = O200K.tokens(CONTEXT_TEXT)
    assert selected([parse(CONTEXT_TEXT)], "harbour", tokens, O200K) == [[]]
    assert selected([parse(CONTEXT_TEXT)], "harbour", tokens - 1, O200K) != [[]]


def test_the_result_is_not_selected_from_again() -> None:
    result = shortened(CONTEXT_TEXT, "the flood", 0.4)
    assert selected([parse(result)], "the flood", int(0.4 * O200K.tokens(CONTEXT_TEXT)), O200K) == [[]]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.tokenizer.name)
@pytest.mark.parametrize(
    "query", ["harbour", "Sách được mang đến bằng gì?", "", "zzz", CONTEXT_TEXT, "%$\ud800 🇻🇳 你好"]
)
def test_the_budget_is_used_to_the_last_percent(context: Context, query: str) -> None:
    whole = context.tokens(CONTEXT_TEXT)
    for budget in range(100, whole, 37):
        edits = selected([parse(CONTEXT_TEXT)], query, budget, context)[0]
        assert 0.99 * budget - 1 <= context.tokens(applied(CONTEXT_TEXT, edits)) <= budget


def test_kept_text_is_in_order_with_a_marker_in_each_gap() -> None:
    result = shortened(CONTEXT_TEXT, "Who wrote down the weather every day, and who fired the oven?", 0.4)
    at = 0
    for part in re.split(r"\s*…\s*", result):
        found = CONTEXT_TEXT.find(part, at)
        assert found >= 0
        at = found + len(part)
    assert "…" in result
    assert "……" not in re.sub(r"\s", "", result)


def test_a_paragraph_that_is_left_out_leaves_a_line_with_a_marker() -> None:
    text = "Cats purr.\n\nStones are grey, and old, and heavy, and hard to lift.\n\nCats sleep."
    expected = "Cats purr.\n\n…\n\nCats sleep."
    assert applied(text, selected([parse(text)], "cats", O200K.tokens(expected), O200K)[0]) == expected


@pytest.mark.parametrize("query", ["", "   ", "zzz qqq", "?!", "\ud800", "🇻🇳", "的"])
def test_without_known_words_the_beginnings_and_what_is_central_stay(query: str) -> None:
    result = shortened(CONTEXT_TEXT, query, 0.3)
    assert len(result) > 100


@pytest.mark.parametrize(
    ("sentences", "query"),
    [
        ("今天的天气很好。我们去了博物馆。馆长是王小明先生。晚上下了大雨。" * 2, "馆长是谁"),
        ("วันนี้อากาศดีมาก เราไปพิพิธภัณฑ์ ผู้อำนวยการคือคุณสมชาย ตอนเย็นฝนตกหนัก", "ผู้อำนวยการ"),
        ("الطقس جميل اليوم. ذهبنا إلى المتحف. مدير المتحف هو كريم. أمطرت السماء في المساء.", "مدير"),
    ],
)
def test_other_scripts(sentences: str, query: str) -> None:
    assert query[:3] in shortened(sentences, query, 0.5)


def test_a_heading_comes_with_what_is_under_it() -> None:
    text = f"[1] Harbours\n{HARBOUR}\n\n[2] Ovens\n{BAKERY}\n\n[3] Railways\n{RAILWAY}\n"
    result = shortened(text, "What did the engineers warn of?", 0.3)
    assert "[3] Railways\n" in result
    assert "[2] Ovens" not in result


def test_the_columns_of_a_table_come_with_a_row() -> None:
    rows = "".join(f"| part {number} | {number * 7} |\n" for number in range(40))
    text = f"| name | stock |\n|---|---|\n{rows}"
    result = shortened(text, "stock of part 23", 0.2)
    assert result.startswith("| name | stock |\n|---|---|\n")
    assert "| part 23 | 161 |\n" in result


def test_log_lines_and_list_items_stay_whole() -> None:
    log = "".join(f"2024-05-01 10:00:{n:02} INFO worker {n} done\n" for n in range(50))
    log += "2024-05-01 10:01:00 ERROR disk full on worker 7\n"
    result = shortened(log, "full disk error", 0.2)
    assert "ERROR disk full on worker 7\n" in result
    assert all(line in log.splitlines() for line in result.splitlines() if line != "…")


def test_tags_stay_with_what_they_enclose() -> None:
    text = (
        f"<docs>\n<doc id='1'>\n{HARBOUR}\n</doc>\n<doc id='2'>\n{BAKERY}\n</doc>\n"
        f"<doc id='3'>\n{RAILWAY}\n</doc>\n</docs>\nAnswer in <b>one</b> word."
    )
    result = shortened(text, "Which flood closed the railway over the pass?", 0.35)
    assert "<doc id='3'>" in result
    assert result.count("<doc ") == result.count("</doc>")
    assert (result.count("<docs>"), result.count("</docs>")) == (1, 1)


MUST = ("Fill in {name} here.", "```\nx = 1\n```", "<keep>never drop this</keep>")


def test_what_must_stay_stays() -> None:
    text = f"{HARBOUR}\n\n{MUST[0]} {BAKERY}\n\n{MUST[1]}\n\n{RAILWAY}\n\n{MUST[2]}\n"
    for share in (0.3, 0.4, 0.8):
        result = shortened(text, "Who dug the harbour?", share)
        assert all(part in result for part in MUST)


def test_pinned_and_prefix_stay() -> None:
    text = f"{HARBOUR}\n\n{BAKERY}\n\n{RAILWAY}\n"
    segments = parse(text, keep=[re.compile("soft\\s+ground"), re.compile(r"\n\nThe narrow")], prefix=25)
    budget = int(0.5 * O200K.tokens(text))
    result = applied(text, selected([segments], "oven", budget, O200K)[0])
    assert result.startswith(text[:25])
    assert "soft ground" in result
    assert "\n\nThe narrow" in result


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.tokenizer.name)
def test_a_budget_below_what_must_stay_names_the_least(context: Context) -> None:
    text = f"{HARBOUR}\n\nFill in {{name}} here.\n\n{BAKERY}\n\n```\nx = 1\n```\n\n{RAILWAY}\n"
    with pytest.raises(InputError, match="must stay needs at least") as raised:
        selected([parse(text)], "harbour", 1, context)
    found = re.fullmatch(r"--budget (\d+) or more", raised.value.hint)
    assert found
    least = int(found[1])
    result = applied(text, selected([parse(text)], "harbour", least, context)[0])
    assert context.tokens(result) <= least
    assert "{name}" in result
    assert "x = 1" in result
    with pytest.raises(InputError):
        selected([parse(text)], "harbour", least - 1, context)


def test_nothing_to_keep_needs_no_tokens() -> None:
    assert applied(HARBOUR, selected([parse(HARBOUR)], "harbour", 0, O200K)[0]) == ""
    assert applied(" \n" * 50, selected([parse(" \n" * 50)], "harbour", 0, O200K)[0]) == ""


def test_several_texts_share_the_budget() -> None:
    documents = [parse(text) for text in (BAKERY, HARBOUR, "", RAILWAY)]
    edits = selected(documents, "Who dug the harbour of Varnholm?", 40, O200K)
    results = [applied(document.text, part) for document, part in zip(documents, edits, strict=True)]
    assert sum(map(O200K.tokens, results)) <= 40
    assert "prisoners" in results[1]
    assert results[2] == ""


class Opposite:
    """A scorer that likes what speaks of bread."""

    def score(self, query: str, passages: Sequence[str]) -> Sequence[float]:
        assert query == "harbour"
        return [float("oven" in passage or "dough" in passage) for passage in passages]


def test_another_opinion_counts() -> None:
    text = CONTEXT_TEXT
    budget = int(0.35 * O200K.tokens(text))
    with_it = applied(text, selected([parse(text)], "harbour", budget, O200K, Opposite())[0])
    assert "common oven" in with_it
    assert "harbour" in with_it


PIECES = (
    "# Head\n", "\n\n", "\n", "<doc>", "</doc>", "{name}", "```py\nx\n```\n", "```\n", "`a`", "|a|b|\n|-|-|\n|1|2|\n",
    "[1] Title\n", "- item. two\n", '{"a":[1,2]}', "2024-01-01 10:00:00 ERROR boom\n", "  at x.y\n", "你好。世界。",
    "สวัสดี ", "👩🏽\u200d💻 ", "\ud800", "   ", "\t", "Mr. X said. ", "a, b; c: d ", "<keep>k</keep>", "\u2028", "\r\n",
    "\x00", "…", " … ", "İ", "1.5 m. ", *[sentence + " " for sentence in HARBOUR.split(". ")], LIBRARY, "\n\n" + BAKERY,
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=3),
    st.sampled_from(["", "harbour", "Ai là người thủ thư?", "boom {name}", "你好"]),
    st.floats(0, 1),
    st.sampled_from(CONTEXTS),
    st.sampled_from([(), (re.compile(r"\s+\w+\s*"),), (re.compile("the"),)]),
)
def test_any_text(
    texts: list[str], query: str, share: float, context: Context, keep: tuple[re.Pattern[str], ...]
) -> None:
    documents = [parse(text, keep=keep) for text in texts]
    budget = int(share * sum(map(context.tokens, texts)))
    try:
        found = selected(documents, query, budget, context)
    except InputError as error:
        budget = int(error.hint.split()[1])
        with pytest.raises(InputError):
            selected(documents, query, budget - 1, context)
        found = selected(documents, query, budget, context)
    results = [applied(text, edits) for text, edits in zip(texts, found, strict=True)]
    assert sum(map(context.tokens, results)) <= budget
    for document, edits in zip(documents, found, strict=True):
        at = 0
        for edit in edits:
            assert at <= edit.start < edit.end <= len(document.text)
            assert len(edit.text) < edit.end - edit.start
            assert edit.text.strip().rstrip(",") in {"", "…", '"…"', '"…":"…"'}
            at = edit.end
            touched = {span.kind for span in document.overlapping(edit.start, edit.end)}
            assert not touched & {"keep", "pinned", "prefix", "placeholder", "fence"}


@pytest.mark.parametrize(
    "piece",
    [
        "{",
        "`",
        "<",
        '"',
        " ",
        "a ",
        "|",
        "[1] ",
        "<a>",
        "a. ",
        ". ",
        "a:\n",
        "中",
        "。",
        "(",
        "# ",
        "[",
        "- a\n",
        "a?\n",
        "not ",
        "A ",
    ],
)
def test_long_monotony_is_no_trouble(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    budget = O200K.tokens(text) // 10
    try:
        result = applied(text, selected([parse(text)], "What is a?", budget, O200K)[0])
    except InputError:
        assert parse(text).spans  # what is broken stays
    else:
        assert O200K.tokens(result) <= budget


def test_processes_agree() -> None:
    code = (
        "from llmopt.prompts.segments.parse import parse\n"
        "from llmopt.prompts.select.select import selected\n"
        "from llmopt.prompts.context import Context\n"
        "from llmopt.tokens.api import tokenizer_for\n"
        f"print(selected([parse({CONTEXT_TEXT!a})], 'Who fired the oven of Varnholm in 1951?', 90, "
        "Context(tokenizer_for())))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_json_that_is_too_long_goes_line_by_line() -> None:
    rows = ",\n".join(f'  {{"id": {n}, "name": "user{n}", "role": "reader"}}' for n in range(40))
    result = shortened(f"[\n{rows}\n]\n", "role of user23", 0.2)
    assert '  {"id": 23, "name": "user23", "role": "reader"},\n' in result
    small = f'{{"id": 7,\n"name": "the miller"}}\n\n{BAKERY}\n\n{RAILWAY}\n'
    assert '{"id": 7,\n"name": "the miller"}\n' in shortened(small, "miller", 0.6)


def test_the_least_budget_does_not_depend_on_the_budget() -> None:
    text = f"2024-05-01 10:00:00 ERROR x\n  at one.two(three)\n  at four.five(six)\n{HARBOUR}\n"
    segments = parse(text, keep=[re.compile("four")])
    least = set()
    for budget in range(4):
        with pytest.raises(InputError) as raised:
            selected([segments], "harbour", budget, O200K)
        least.add(raised.value.hint)
    assert len(least) == 1
