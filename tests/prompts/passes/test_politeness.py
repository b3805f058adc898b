"""Courtesies and filler: cut where a text instructs, kept where they are its matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.passes.politeness import politeness
from tests.prompts.passes.prose import UNTOUCHED, shortened


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Please analyze the text.", "Analyze the text."),
        ("Kindly list the names, please.", "List the names."),
        ("If it is empty, please return null.", "If it is empty, return null."),
        ("Please do not use slang.", "Do not use slang."),
        ("Could you please summarize the text?", "Summarize the text."),
        ("I would like you to please help me write a poem.", "Write a poem."),
        ("I would like you to help me learn French.", "Help me learn French."),
        ("Hello! Translate it.", "Translate it."),
        ("Translate it. Thank you in advance for your help!", "Translate it."),
        ("Translate it.\n\nThanks!\n", "Translate it.\n\n"),
        ("Basically, list the names.", "List the names."),
        ("List it. If empty, as you know, return null.", "List it. If empty, return null."),
        ("List it. You are a very important helper.", "List it. You are an important helper."),
        ("- Please cite sources\n- Kindly avoid lists", "- Cite sources\n- Avoid lists"),
        (
            "List it. Give a very useful tip, not a very honest one.",
            "List it. Give a very useful tip, not a very honest one.",
        ),
        ("Use it. You are an extremely careful editor.", "Use it. You are a careful editor."),
        ("Please `run` it. Please, list it.", "Please `run` it. Please, list it."),
        ("Could you list it? Can you list them", "List it. List them"),
        ("Summarize this for me.", "Summarize this."),
        ("Vui lòng phân tích đoạn văn sau.", "Phân tích đoạn văn sau."),
        ("Hãy tóm tắt văn bản giúp tôi nhé.", "Tóm tắt văn bản."),
        ("Xin hãy viết cho tôi một bài thơ ạ. Xin cảm ơn!", "Viết một bài thơ."),
        ("Tôi muốn bạn dịch câu này.", "Dịch câu này."),
        ("Nếu trống, vui lòng trả về null.", "Nếu trống, trả về null."),
        ("Bạn có thể giúp tôi viết một bài thơ được không ạ?", "Viết một bài thơ."),
        ("Tôi cần bạn giúp tôi chuẩn bị bài.", "Giúp tôi chuẩn bị bài."),
        ("Xin chào, tôi cần một bài thơ. Hãy viết nó.", "Tôi cần một bài thơ. Viết nó."),
        ("Viết một bài thơ. Mình cảm ơn bạn rất nhiều ạ!", "Viết một bài thơ."),
        ("I have a text and I would like you to translate it.", "I have a text; translate it."),
        ("I need you to remove it, and to list the rest.", "Remove it, and list the rest."),
        ("It would also be really helpful if you could list them.", "Also list them."),
        ("Please don't use slang.", "Don't use slang."),
    ],
)
def test_what_is_cut(before: str, after: str) -> None:
    assert shortened(politeness, before) == after


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_polite_stays(text: str) -> None:
    assert shortened(politeness, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Classify it.\n\nReview:\nPlease give me my money back. I really hate it. Thank you!",
        "Classify it.\n<email>Please return my call. Thanks!</email>",
        'Classify it.\n"""\nPlease return my call. Thanks!\n"""',
        "Write an answer.\n\nDear Ms Lee,\nplease send the form. Please return it signed.\n\nBest regards,\nTom",
        "Translate the following text: Hello there, please write back.",
        'Reply with "Please wait" and `please wait`.',
        "The store is open. So, in a strict sense, it sells.",
        "Sum up. If you like it, (please do!), tell others.",
        "State schools are free. So, many go there.",
        "This is VERY IMPORTANT: list it.",
        "Hello, World is what to print. List it.",
        "Summarize it.\nA: Could you please help me?\nB: Of course, please sit down. Thank you!",
        "Translate this sentence: Could you please help me?",
        "Translate these sentences: Could you please help me? Thank you!",
        "Answer this mail.\n> Please write the list down in full.",
        "Bạn có thể viết tên. Câu này đúng không?",
        "Luôn kết thúc câu bằng từ ạ.",
    ],
)
def test_what_the_prompt_is_about_stays(text: str) -> None:
    assert shortened(politeness, text) == text


@given(
    st.lists(
        st.sampled_from(
            [
                "Please",
                "please",
                "list",
                "use",
                "it",
                "{x}",
                "not",
                "5",
                ",",
                ".",
                "\n",
                "Thanks!",
                "- ",
                "very",
                "important",
            ]
        ),
        max_size=25,
    )
)
def test_it_ends_and_only_courtesies_go(words: list[str]) -> None:
    after = shortened(politeness, " ".join(words)).lower()
    for word in ("list", "use", "it", "{x}", "not", "5", "important"):
        assert after.split().count(word) <= words.count(word)
        assert after.count(word) == " ".join(words).lower().count(word)
