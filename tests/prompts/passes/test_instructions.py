"""Instructions: shorter by rules, with what is asked for and its form kept."""

from __future__ import annotations

import pytest

from llmopt.prompts.engine import Guards
from llmopt.prompts.engine import shortened as compressed
from llmopt.prompts.passes.idioms import idle_facts
from llmopt.prompts.passes.instructions import instructions
from llmopt.prompts.passes.registry import PASSES
from tests.prompts.passes.prose import CONTEXT, UNTOUCHED, shortened

TICKET = """Please evaluate the following support ticket and provide:
1. Overall tone (calm, annoyed, furious)
2. Main problems described
3. Specific requests if any
4. Ideas for prevention
Support ticket:
{ticket}
Please provide your evaluation in a structured format with clear headings for each section."""
TICKET_SHORT = """Evaluate:
1. tone (calm, annoyed, furious)
2. problems
3. requests
4. prevention ideas
Support ticket:
{ticket}
Structured, headings"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Your task is to write a poem.", "Write a poem."),
        ("You should always make sure to cite sources.", "Always cite sources."),
        ("You should never use slang.", "Never use slang."),
        ("You should not use slang.", "Do not use slang."),
        ("Make sure that you include dates.", "Include dates."),
        ("It is important that you keep the order.", "Keep the order."),
        ("If it is empty, you should return null.", "If it is empty, return null."),
        ("You should be polite.", "Be polite."),
        ("Nhiệm vụ của bạn là viết một bài thơ.", "Viết một bài thơ."),
        ("Provide your answer in JSON.", "Answer in JSON."),
        ("Your response should be in French.", "Answer in French."),
        (
            "Present your findings in a clear and structured way, using bullet points.",
            "Clear, structured, bullet points",
        ),
        ("Your answer should be structured with clear headings for each section.", "Structured, headings"),
        ("Provide the following information:\n- The names", "Provide:\n- names"),
        ("List:\n- Key topics mentioned\n- Overall mood (good, bad)", "List:\n- topics\n- mood (good, bad)"),
        ("The letter should include:\n- An apology\n- The date", "The letter should include:\n- apology\n- date"),
        ("Give:\n1. Recommendations for improvement", "Give:\n1. improvement recommendations"),
        ("Translate the following text:\n{text}", "Translate this text:\n{text}"),
        ("Provide your answer in a structured format\nwith clear headings for each section.", "Structured, headings"),
        ("Here is the article that you need to summarize:\n{article}", "Article:\n{article}"),
        ("Customer review:\n{review}", "Review:\n{review}"),
        ("Phân tích đánh giá của khách hàng sau đây và cung cấp:\nĐánh giá:\n{x}", "Phân tích:\nĐánh giá:\n{x}"),
        (
            "Trình bày phân tích theo định dạng có cấu trúc với các tiêu đề rõ ràng cho từng phần.",
            "Có cấu trúc, tiêu đề",
        ),
    ],
)
def test_an_instruction_is_shorter(before: str, after: str) -> None:
    assert shortened(instructions, before) == after


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_no_instruction_stays(text: str) -> None:
    assert shortened(instructions, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "List:\n- Overall cost\n- Overall cost of repair",
        "Give:\n1. Key player\n2. Main character",
        "Give:\n- The user must log in.\n- Any names",
        "Provide your answer in order of importance.",
        "Input text:\n{a}\nOutput text:\n{b}",
        "Analyze the following review and provide:\n- mood",
        "You should have received it.",
        "The goal is to be as close as possible.",
        "Translate it.\n\nText:\nYou should always make sure to lock the door. Your task is to write.",
        "You need to be tall.",
        "- Overall cost\n- Key topics mentioned",
    ],
)
def test_what_would_lose_something_stays(text: str) -> None:
    kept = {"Analyze the following review and provide:\n- mood": "Analyze this review and provide:\n- mood"}
    assert shortened(instructions, text) == kept.get(text, text)


def test_a_prompt_of_questions_keeps_each_of_them_and_the_form_of_the_answer() -> None:
    after = compressed(TICKET, PASSES, CONTEXT, Guards()).segments.text
    assert after == TICKET_SHORT
    assert CONTEXT.tokens(after) <= 0.6 * CONTEXT.tokens(TICKET)
    assert compressed(after, PASSES, CONTEXT, Guards()).segments.text == after


def test_idle_facts_are_those_of_idioms_only() -> None:
    assert idle_facts("pain points if any") == ["any"]
    assert idle_facts("with headings for each section") == ["each"]
    assert idle_facts("each section must have any of all headings") == []
    assert idle_facts("not only but also") == []
