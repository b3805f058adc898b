"""What says what a passage is about is kept with it, in documents, talks, questions, laws and settings."""

from __future__ import annotations

import re

import pytest

from llmopt.errors import InputError
from llmopt.prompts.api import compress
from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.select.select import selected
from llmopt.prompts.select.staying import staying
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for())


def shortened(text: str, query: str, share: float) -> str:
    budget = int(share * CONTEXT.tokens(text))
    result = applied(text, selected([parse(text)], query, budget, CONTEXT)[0])
    assert CONTEXT.tokens(result) <= budget
    return result


HANDBOOK = """# Handbook

Welcome to the yard.

## Boats

### Hire

Boats are hired by the hour. A deposit of 40 EUR is due.

- Rowing boats
  - small: 8 EUR an hour
  - large: 12 EUR an hour
- Sailing boats
  - only with a licence
  - 35 EUR an hour, wind permitting

### Repair

Repairs take two weeks. Bring the boat on a Monday.

## Food

| dish | price | vegan |
|---|---|---|
| soup | 6 EUR | yes |
| fish | 14 EUR | no |
"""


def test_the_chain_of_headings_and_items_comes_along() -> None:
    result = shortened(HANDBOOK, "Do I need a licence?", 0.35)
    assert re.search(
        r"# Handbook\n.*## Boats\n.*### Hire\n.*- Sailing boats\n  .*only with a licence", result, re.DOTALL
    )
    result = shortened(HANDBOOK, "When do I bring it for repairs?", 0.35)
    assert re.search(r"# Handbook\n.*## Boats\n.*### Repair\n\nRepairs take two weeks. Bring", result, re.DOTALL)
    assert "| dish | price | vegan |\n|---|---|---|" in shortened(HANDBOOK, "What is the fish?", 0.4)


def test_documents_in_tags_stay_balanced_and_keep_their_sources() -> None:
    parts = ("The harbour is nine metres deep.", "The oven burns beech wood.", "The pass is closed in winter.")
    documents = "".join(
        f'<document index="{number}">\n<source>file{number}.txt</source>\n<document_content>\n{part} Nobody came there '
        f"for years, and it rained.\n</document_content>\n</document>\n"
        for number, part in enumerate(parts, 1)
    )
    result = shortened(f"<documents>\n{documents}</documents>\n", "What does the oven burn?", 0.5)
    assert '<document index="2">\n<source>file2.txt</source>\n<document_content>\nThe oven burns beech wood.' in result
    for name in ("documents", "document", "source", "document_content"):
        assert len(re.findall(rf"<{name}[ >]", result)) == result.count(f"</{name}>")


@pytest.mark.parametrize(("question", "answer"), [("", ""), ("Q: ", "A: "), ("**Question:** ", "")])
def test_a_question_comes_with_its_answer(question: str, answer: str) -> None:
    pairs = (
        ("How do I reset my password?", "Open the settings and press the button. A mail comes at once."),
        ("Can I get a refund?", "Yes, within 30 days. After that nothing is paid back."),
        ("Do you ship abroad?", "We go to Laos and Cambodia, but not to Thailand."),
    )
    text = "\n\n".join(f"{question}{asked}\n{answer}{told}" for asked, told in pairs)
    assert f"Do you ship abroad?\n{answer}We go to Laos" in shortened(text, "Is Thailand served?", 0.5)
    assert f"Can I get a refund?\n{answer}Yes, within 30 days." in shortened(text, "refund", 0.5)


def test_what_is_said_keeps_the_name_of_the_speaker() -> None:
    text = (
        "Anna: Good morning, and welcome to all of you in this cold hall. Shall we start with the budget of the year?\n"
        "Ben: We spent 40,000 on the roof of the school, which is more than we had planned to spend in spring. The "
        "crane alone was 9,000. It came from Aldern by ship, and that took two weeks.\n"
        "Carla: And the bridge? Was it finished?\n"
        "Anna: Not yet. The steel came late, in May.\n"
    )
    result = shortened(text, "What did the crane cost?", 0.3)
    assert re.search(r"Ben:.{0,9}The crane alone was 9,000", result)
    assert "Carla: And the bridge? Was it finished?\nAnna: Not yet." in shortened(text, "Was the bridge finished?", 0.5)


def test_articles_of_a_law_come_with_their_headings() -> None:
    text = (
        "Điều 5. Thời hạn thuê\n1. Thời hạn thuê là 12 tháng.\n2. Bên thuê không được cho thuê lại.\n\n"
        "Điều 6. Giá thuê\n1. Giá thuê là 8.000.000 đồng một tháng.\n2. Giá không đổi trong sáu tháng đầu.\n\n"
        "Điều 7. Chấm dứt\n1. Hợp đồng hết khi hết hạn.\n2. Muốn chấm dứt phải báo trước 30 ngày.\n"
    )
    assert "Điều 6. Giá thuê\n1. Giá thuê là 8.000.000 đồng" in shortened(text, "Giá thuê là bao nhiêu?", 0.45)
    clauses = (
        "5. Term\n5.1 It begins on 1 May.\n5.2 It runs for two years.\n\n6. Liability\n6.1 There is none for lost "
        "profit.\n6.2 It is limited to USD 50,000, except for fraud.\n(a) Fraud by staff counts.\n\n7. Law\n7.1 One.\n"
    )
    result = shortened(clauses, "How far is it limited?", 0.5)
    assert re.search(
        r"6\. Liability\n(?:…\n)?(?:6\.1.*\n)?6\.2 It is limited to USD 50,000, except for fraud\.", result
    )


def test_indented_settings_keep_the_names_above_them() -> None:
    server = "server:\n  port: 8080\n  host: example.org\n  tls:\n    cert: x.pem\n"
    text = f"{server}database:\n  host: db.local\n  port: 5432\n"
    result = shortened(text, "database port", 0.5)
    assert re.search(r"database:\n(?:  .*\n)*  port: 5432", result)


def test_sets_are_no_placeholders() -> None:
    text = (
        "Use {name} and {0}. Take {0,1} or {1, 2, 3}. Or {x | x > 0} and {n ∈ N : n < 9}. But {x | upper} and {v:>10}."
    )
    segments = parse(text)
    assert [text[span.start : span.end] for span in staying(segments)] == ["{name}", "{0}", "{x | upper}", "{v:>10}"]


def test_what_is_kept_within_quotes_and_json_stays() -> None:
    text = 'The sign says "mind the gap" here. ' + "It rains in the valley all day long. " * 9 + "\n"
    segments = parse(text, keep=[re.compile("the gap")])
    result = applied(text, selected([segments], "rain", 40, CONTEXT)[0])
    assert "mind the gap" in result
    text = '{"a": "mind the gap", "b": [' + ", ".join(f'"it rains on day {n}"' for n in range(20)) + "]}"
    segments = parse(text, keep=[re.compile("the gap")])
    with pytest.raises(InputError):  # what is kept in it cannot be told from the rest
        selected([segments], "rain", 40, CONTEXT)


def test_an_element_that_begins_in_the_prefix_is_closed() -> None:
    text = "<doc>\n<source>f.txt</source>\nIt rains in the valley. Nobody comes.\n</doc>\nThe mill is old.\n" * 2
    budget = CONTEXT.tokens(text) // 2
    result = applied(text, selected([parse(text, prefix=7)], "mill", budget, CONTEXT)[0])
    assert result.startswith("<doc>\n")
    assert result.count("<doc>") == result.count("</doc>")


def test_a_very_deep_list_is_no_trouble() -> None:
    text = "\n".join(f"{' ' * number}- item {number} of it" for number in range(300))
    result = shortened(text, "item 250", 0.3)
    assert "- item 250 of it" in result


def test_a_part_that_is_no_longer_than_the_sign_stays() -> None:
    text = (
        "a: 1\nb: 2\n\nThe oven burns beech.\n\n5\n\nThe mill is old, and the miller too.\n\n7\n\nIt rains all day.\n"
    )
    result = shortened(text, "oven mill", 0.6)
    assert "…" in result
    assert re.sub(r"\s", "", result).count("……") == 0


def test_short_messages_and_blank_ones_stay() -> None:
    long = "The mill by the river grinds rye on Mondays, and wheat when the water is high enough for it. " * 12
    messages = [
        {"role": "user", "content": long},
        {"role": "assistant", "content": "Ready."},
        {"role": "user", "content": "  \n"},
        {"role": "assistant", "content": "Yes, I do not mind."},
        {"role": "user", "content": long.replace("rye", "oats")},
        {"role": "user", "content": "When does it grind rye?"},
    ]
    found = compress(messages, query="When does it grind rye?", budget=0.3)
    assert found.tokens_after <= 0.3 * found.tokens_before
    assert [found.body[at]["content"] for at in (1, 2, 3)] == ["Ready.", messages[2]["content"], "Yes, I do not mind."]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_the_result_has_no_blanks_at_its_ends_and_is_not_changed_again(share: float) -> None:
    text = "Cats purr. Stones are grey and old. The oven burns beech. It rained for a week, and nobody came.  "
    query = "What does the oven burn?"
    found = compress(text, query=query, budget=share)
    assert not found.text.endswith(" ")
    assert compress(found.text).text == found.text
    assert compress(found.text, query=query, budget=found.tokens_after).text == found.text
