"""Made-up contexts of retrieval: numbered chunks of web pages, with the leftovers of the pages or without."""

from __future__ import annotations

from random import Random

from llmopt.prompts.evaluation.words import COMPANIES, TOPICS, sentences

_BEFORE = (
    "Skip to main content",
    "Home > Help center > {topic}",
    "Home | Products | Pricing | Blog | Contact us",
    "Sign in   Create account   Cart (0)",
    "Trang chủ > Hỗ trợ > {topic}",
    "Menu\nSearch\nLog in",
    "We use cookies to improve your experience. By continuing to browse this site you agree to our use of cookies.",
    "Trang web này sử dụng cookie để cải thiện trải nghiệm của bạn.",
    "Published in Support  ·  5 min read  ·  Share",
    "On this page",
)
_BEHIND = (
    "© 2024 {company}. All rights reserved.",
    "Copyright 2023 {company} Inc. Privacy Policy | Terms of Service | Cookie settings",
    "Was this article helpful? Yes No",
    "Share this article: Facebook Twitter LinkedIn",
    "Subscribe to our newsletter to get the latest news delivered to your inbox.",
    "Follow us on Facebook, Twitter and Instagram",
    "Bản quyền © 2024 {company}. Bảo lưu mọi quyền.",
    "Bài viết này có hữu ích không? Có Không",
    "Chia sẻ bài viết: Facebook Zalo",
    "Back to top",
    "Related articles",
    "Load more comments",
    "Last updated: 3 weeks ago",
)


def context(random: Random, *, boilerplate: bool = True) -> str:
    """Return 4 to 9 chunks of one site under source headers, then a question."""
    company = random.choice(COMPANIES)
    before, behind = random.sample(_BEFORE, random.randint(1, 3)), random.sample(_BEHIND, random.randint(2, 4))
    vietnamese = random.random() < 0.3
    header = random.choice(_HEADERS)
    chunks = []
    for number in range(1, random.randint(5, 10)):
        topic = random.choice(TOPICS)
        body = "\n\n".join(
            sentences(random, random.randint(2, 4), vietnamese=vietnamese) for _ in range(random.randint(1, 2))
        )
        parts = [header.format(number=number, topic=topic.capitalize()), body]
        if boilerplate:
            parts = [parts[0], *before, body, *behind]
        chunks.append("\n".join(parts).replace("{topic}", topic).replace("{company}", company))
    question = f"Question: what does {company} say about {random.choice(TOPICS)}? Do not guess."
    return "\n\n".join(["Answer from the sources below only, and cite them as [n].", *chunks, question])


def content(text: str) -> list[str]:
    """Return the lines of a context that are no leftovers: those that must stay."""
    leftovers = {
        line.format(topic=topic, company=company)
        for part in (*_BEFORE, *_BEHIND)
        for line in part.split("\n")
        for topic in TOPICS
        for company in COMPANIES
    }
    return [line for line in text.splitlines() if line and line not in leftovers]


_HEADERS = (
    "[{number}] {topic}",
    "Source {number}: https://help.example.com/articles/{number}",
    "Document {number} (Title: {topic})",
    "### Source {number}: {topic}",
)
