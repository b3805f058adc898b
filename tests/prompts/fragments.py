"""Hypothesis strategies for prompts: fragments of every kind, put together in any order, with loose layout between."""

from __future__ import annotations

import json
from random import Random

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from llmopt.prompts.evaluation import hostile, layouts, logs, prompts, rag

HOLES = (
    "{name}",
    "{review_text}",
    "{0}",
    "{x!r:>8}",
    "{{ user.name }}",
    "{{x|trim}}",
    "${HOME}",
    "$PATH",
    "%s",
    "%(n)d",
    "<DATE>",
)
NUMBERS = ("3", "12", "1,000", "3.14", "50%", "2024-05-01", "10:30", "v1.2.3", "0", "1/2", "007", "5-10")
LITERALS = (
    '"do not touch this"',
    '"Please  note"',
    "'in order to'",
    "`please be   so kind`",
    "https://example.com/in-order-to?please=1&n=2.",
    "please@example.com",
    "<b>very  bold</b>",
    "<keep>please   do  this</keep>",
    '"he said \\"please\\" twice"',
    "\u201cplease, in order to\u201d",
    "[link text](https://example.com/a_(b))",
    "**very important**",
)
_VERBS = (
    "summarise",
    "translate",
    "list",
    "provide an analysis of",
    "make sure to mention",
    "give an explanation of",
    "take into account",
)
_OBJECTS = (
    "the text",
    "each of the reviews",
    "all the items",
    "the customer's order",
    "any names",
    "only the first line",
    "every row",
)
_BEFORE = (
    "",
    "",
    "Please ",
    "In order to help, ",
    "It is very important that you ",
    "I would like you to ",
    "Could you please ",
    "Please note that you must ",
    "You should always ",
    "Make sure that you ",
    "Due to the fact that it matters, ",
    "Basically, just ",
    "If at all possible, kindly ",
    "At this point in time ",
    "Do not forget to ",
    "Under no circumstances ",
)
_NOT = (
    "",
    "",
    "",
    "do not ",
    "never ",
    "don't ",
    "not ",
    "please do not ever ",
    "really do not ",
    "by no means ",
    "neither skip nor ",
    "no longer ",
)
_BEHIND = (
    "",
    "",
    " at all times",
    " in {n} sentences",
    ", no more and no less than {n}",
    " if and only if it is not empty",
    " without exception",
    ", thank you very much",
    " for {n} of the {n} cases",
    ", unless I say otherwise",
    " as soon as possible",
    " in a clear and concise manner",
    ", except for {n}",
    " not more than {n} times",
    " in each and every case",
    ", not only now but also later",
)
_VIETNAMESE = (
    "Xin vui lòng {not}tóm tắt {thing} trong {n} câu",
    "Bạn hãy giúp tôi {not}dịch {thing} sang tiếng Anh nhé",
    "Điều quan trọng là bạn {not}được bỏ qua {thing}",
    "Tất cả {thing} đều phải dưới {n} từ, trừ khi khách yêu cầu",
    "Trong trường hợp {not}có {thing} thì chỉ trả lời {n}",
    "Bạn làm ơn {not}nhắc đến {thing}, cảm ơn bạn rất nhiều",
    "Có phải {thing} {not}còn hiệu lực sau {n} ngày không",
)
_NOT_VI = ("", "", "không ", "đừng ", "chưa ", "không bao giờ ", "chẳng ")
_ENDS = (".", ".", ".", "!", "?", ":", "", "...", " .", ";")
_MARKERS = ("- ", "* ", "1. ", "2) ", "  - ", "> ", "### ", "\u2022 ", "a) ", "")
_GAPS = ("\n", "\n", "\n\n", "\n\n\n", " ", "  ", "\r\n", "\n \t\n", "\t", "\n---\n", "")

things = st.one_of(
    st.sampled_from(HOLES), st.sampled_from(LITERALS), st.sampled_from(NUMBERS), st.sampled_from(_OBJECTS)
)


@st.composite
def english(draw: st.DrawFn) -> str:
    """Return a sentence with filler around what matters."""
    number = draw(st.sampled_from(NUMBERS))
    parts = (draw(st.sampled_from(some)) for some in (_BEFORE, _NOT, _VERBS))
    text = "".join(parts) + " " + draw(things)
    if draw(st.booleans()):
        text += draw(st.sampled_from((" and ", " but not ", ", ", " or ", " (", " with "))) + draw(things)
    text += draw(st.sampled_from(_BEHIND)).replace("{n}", number) + draw(st.sampled_from(_ENDS))
    return text if draw(st.booleans()) else text.capitalize()


@st.composite
def vietnamese(draw: st.DrawFn) -> str:
    """Return the same in Vietnamese."""
    text = draw(st.sampled_from(_VIETNAMESE)).replace("{not}", draw(st.sampled_from(_NOT_VI)))
    text = text.replace("{thing}", draw(things)).replace("{n}", draw(st.sampled_from(NUMBERS)))
    return text + draw(st.sampled_from(_ENDS))


sentences = st.one_of(english(), english(), vietnamese())
paragraphs = st.lists(sentences, min_size=1, max_size=4).map(" ".join)


@st.composite
def lists(draw: st.DrawFn) -> str:
    """Return items, perhaps with code between, and perhaps one of them twice."""
    marker = draw(st.sampled_from(_MARKERS))
    items = [marker + item for item in draw(st.lists(sentences, min_size=2, max_size=5))]
    if draw(st.booleans()):
        items.append(items[0])
    if draw(st.booleans()):
        items.insert(1, "  ```\n  please   keep  {this}\n  ```")
    return "\n".join(items)


@st.composite
def values(draw: st.DrawFn) -> str:
    """Return JSON, laid out in some way."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, width=32), sentences, st.text(max_size=8)
    )
    keys = st.one_of(st.text(max_size=4), st.sampled_from(("id", "name", "please note", "a b")))
    inner = st.recursive(
        leaves,
        lambda some: st.one_of(st.lists(some, max_size=4), st.dictionaries(keys, some, max_size=4)),
        max_leaves=12,
    )
    value = draw(st.one_of(st.dictionaries(keys, inner, max_size=4), st.lists(inner, max_size=4)))
    indent = draw(st.sampled_from((None, 0, 2, 4, "\t")))
    return json.dumps(value, indent=indent, ensure_ascii=draw(st.booleans()))


def made(make: object) -> SearchStrategy[str]:
    """Return what a generator of the evaluation makes of any seed."""
    assert callable(make)
    return st.integers(0, 1 << 32).map(lambda seed: str(make(Random(seed))))


blocks = st.one_of(
    paragraphs,
    paragraphs,
    lists(),
    values(),
    sentences,
    made(layouts.table),
    made(layouts.code),
    made(layouts.few_shot),
    made(layouts.xml),
    made(lambda random: logs.log(random, random.randint(3, 12))),
    made(prompts.system),
    made(prompts.template),
    made(prompts.wordy),
    made(prompts.wordy_vi),
    made(hostile.hostile),
    made(rag.context),
    st.sampled_from(
        ("```", "~~~", "{", "}", "{{", "<keep>", "</keep>", "`", '"', "{%", "[", "]]", "<a", "Example:", "Q:", "A: no")
    ),
    st.text(max_size=12),
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return a prompt of a few blocks; some come twice."""
    parts = draw(st.lists(blocks, min_size=1, max_size=5))
    if draw(st.booleans()):
        parts.append(draw(st.sampled_from(parts)))
    gaps = [draw(st.sampled_from(_GAPS)) for _ in parts[1:]]
    return "".join(gap + part for gap, part in zip(["", *gaps], parts, strict=True))
