"""What the compression benchmark compresses beside the generated prompts: probes with what must survive, large JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from llmopt.prompts.evaluation import layouts


@dataclass(frozen=True, slots=True)
class Probe:
    """A short prompt that a rule could harm."""

    name: str
    text: str
    must: tuple[str, ...]
    """Strings that must be in what comes of it."""


PROBES = (
    Probe(
        "f-string placeholders",
        "Please translate {source_text} from {src!r} into {dst:>8}. In order to be clear, use {n} examples.",
        ("{source_text}", "{src!r}", "{dst:>8}", "{n}"),
    ),
    Probe(
        "jinja",
        "{% for doc in documents %}\n  [{{ loop.index }}]  {{ doc.text | trim }}\n{% endfor %}\nPlease use the above.",
        ("{% for doc in documents %}", "{{ loop.index }}", "{{ doc.text | trim }}", "{% endfor %}"),
    ),
    Probe(
        "percent and shell",
        "Replace %s and %(user)s in the text, keep ${HOME} and $PATH, and stay below 50% of the length please.",
        ("%s", "%(user)s", "${HOME}", "$PATH", "50%"),
    ),
    Probe(
        "negations",
        "You should not mention the price. Never apologise. Do not use lists unless asked. Answer without jargon.",
        ("not mention", "Never", "unless", "without"),
    ),
    Probe(
        "negations beside filler",
        "Please do not, under any circumstances, actually share the key. It is really not allowed, and none is exempt.",
        ("not", "share the key", "not allowed", "none"),
    ),
    Probe(
        "numbers",
        "Write exactly 3 bullets of at most 12 words, cite 2 sources from 2019-2023, and stay under $1,250.50 or 7.5%.",
        ("exactly 3", "at most 12", "2 sources", "2019-2023", "1,250.50", "7.5%"),
    ),
    Probe(
        "quantifiers",
        "Check all of the invoices, but report only those that are late. Each report needs at least two signatures.",
        ("all", "only", "Each", "at least two"),
    ),
    Probe(
        "fenced code",
        "Please review this:\n\n```python\nx  =  1   # please do not change\n\n\nprint(f'{x:>4}')\n```\n\nBe concise.",
        ("```python\nx  =  1   # please do not change\n\n\nprint(f'{x:>4}')\n```",),
    ),
    Probe(
        "inline code and flags",
        "Basically, just run `pip  install -U pkg` and then `cmd --no-verify --in-order-to x`; do not pass `-f`.",
        ("`pip  install -U pkg`", "`cmd --no-verify --in-order-to x`", "not pass", "`-f`"),
    ),
    Probe(
        "json schema",
        'Please answer in JSON: {"sentiment": "positive|negative|neutral", "score": 0.50, "tags": []}. No other text.',
        ('"sentiment"', "positive|negative|neutral", "0.50", "No other text"),
    ),
    Probe(
        "urls and mail",
        "See https://example.com/a/very/long?please=1&in_order=to#the-end or write to please.note@example.org, thanks.",
        ("https://example.com/a/very/long?please=1&in_order=to#the-end", "please.note@example.org"),
    ),
    Probe(
        "quotations",
        'If asked, answer "I am very sorry, I really cannot do that in order to help." and then say “please wait”.',
        ('"I am very sorry, I really cannot do that in order to help."', "“please wait”"),
    ),
    Probe(
        "xml tags",
        '<instructions>\nPlease be brief.\n</instructions>\n<doc id="1">The very first one.</doc>\n'
        '<doc id="2">Not it.</doc>',
        ("<instructions>", "</instructions>", '<doc id="1">', '<doc id="2">', "Not it", "</doc>"),
    ),
    Probe(
        "few-shot examples",
        "Q: Is it ok?\nA: no\n\nQ: Is it really ok?\nA: yes\n\nQ: Is it ok, please?\nA: no\n\nQ: {question}\nA:",
        ("Q: Is it ok?\nA: no", "Q: Is it really ok?\nA: yes", "Q: Is it ok, please?\nA: no", "{question}"),
    ),
    Probe(
        "log with errors",
        "2024-05-01 10:00:01 INFO ok 1\n2024-05-01 10:00:02 ERROR disk /dev/sda1 full (98%)\n"
        "2024-05-01 10:00:03 INFO ok 2\n2024-05-01 10:00:04 WARN retry 3 of 5\n2024-05-01 10:00:05 INFO ok 3",
        ("2024-05-01 10:00:02 ERROR disk /dev/sda1 full (98%)", "2024-05-01 10:00:04 WARN retry 3 of 5"),
    ),
    Probe(
        "vietnamese",
        "Xin vui lòng không bao giờ tiết lộ {mã_khách}. Chỉ trả lời tối đa 3 câu, đừng nhắc đến giá, "
        "trừ khi khách hỏi.",
        ("hông bao giờ", "{mã_khách}", "Chỉ", "3", "đừng", "trừ khi"),
    ),
    Probe(
        "table rows",
        "| sku   | qty |\n|-------|-----|\n| A-100 | 7   |\n| A-101 | 0   |\n| A-102 | 12  |\n\n"
        "Which are not in stock?",
        ("A-100", "A-101", "A-102", "12", "not in stock"),
    ),
    Probe(
        "kept region and odd braces",
        "<keep>please   keep  this</keep> and { this one, too }} with {{ user. Do not fix the braces in order to help.",
        ("<keep>please   keep  this</keep>", "{ this one, too }}", "{{ user", "not fix"),
    ),
)


def large_json(size: int, seed: int = 0) -> list[str]:
    """Return pretty-printed JSON of every shape, `size` characters each or a little more."""
    texts = []
    for shape in dict.fromkeys(layouts.SHAPES):
        random, values, length = Random(f"{seed} {shape.__name__}"), [], 0
        while length < size:
            values.append(shape(random, 40))
            length += len(json.dumps(values[-1], indent=2))
        texts.append(json.dumps(values, indent=random.choice((2, 4)), ensure_ascii=False))
    return texts
