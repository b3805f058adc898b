"""Which tokenizer a model uses, by its name.

OpenAI's vocabularies are public (tiktoken 0.14, `tiktoken/model.py`), so their counts are exact. The others are
estimated, each by an estimator of its own where one was fitted (`estimate/data/`), else by the pooled one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Maker = Literal["openai", "anthropic", "google", "other"]


@dataclass(frozen=True, slots=True)
class Family:
    """How the tokens of a model are counted."""

    maker: Maker
    """Whose chat format and picture rules apply."""
    encoding: str | None = None
    """Public vocabulary; None where there is none."""
    estimator: str | None = None
    """Estimator to use where there is no vocabulary."""
    version: str = ""
    """Of a Claude model, such as `4.5`; empty for others."""


_OPENAI = (
    ("o200k_harmony", r"gpt-oss"),
    ("o200k_base", r"(?:chatgpt-)?gpt-?4o|chatgpt-4o|gpt-?4[.]?(?:1|5)(?!\d)|gpt-5|o[134](?:-|$|@|:)|codex-mini"),
    ("o200k_base", r"gpt-(?:audio|realtime|image)|computer-use-preview"),
    ("p50k_base", r"text-davinci-00[23]|code-(?:davinci|cushman)|(?:davinci|cushman)-codex"),
    ("r50k_base", r"text-(?:davinci|curie|babbage|ada)-001|(?:davinci|curie|babbage|ada)$|gpt2|gpt-2"),
    ("cl100k_base", r"gpt-?4(?:-|$|:|@)|gpt-?3[.]?5|gpt-35|text-embedding-(?:ada-002|3)|(?:davinci|babbage)-002"),
)
_OTHERS: tuple[tuple[Maker, str, str], ...] = (
    ("google", "gemini", r"gemini|gemma"),
    ("other", "llama-3", r"deepseek-r1-distill-llama|(?:meta-)?llama-?(?:v|guard-|prompt-guard-)?[34]"),
    ("other", "qwen", r"qwen-?\d|deepseek-r1-distill-qwen"),
    ("other", "llama-2", r"llama|vicuna|codellama"),
    ("other", "mistral-tekken", r"mistral-(?:nemo|small|medium|large)|ministral|pixtral|magistral|devstral|codestral"),
    ("other", "llama-2", r"mistral|mixtral"),
    ("other", "qwen", r"qwen|qwq"),
    ("other", "deepseek", r"deepseek"),
    ("other", "command", r"command"),
    (
        "other",
        "other",
        r"gpt-|grok|nova|titan|phi|glm|kimi|moonshot|minimax|yi-|jamba|granite|sonar|olmo|nemotron|ernie|hunyuan"
        r"|doubao|solar|falcon|palm|bison|jurassic|embed|rerank|mai-|step-|lfm|mimo|seed-|o\d",
    ),
)
_CLAUDE = re.compile(r"claude(?:-instant)?(?:-[a-z]+)*?-?v?(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")
_START = r"(?:^|(?<=[/.:@_\-]))"


def family_of(model: str) -> Family | None:
    """Return how to count the tokens of a model; None for a name that says nothing.

    Args:
        model: as in a request or a price table, with or without the names of resellers and regions, such as
            `gpt-4o`, `azure/gpt-4o`, `us.anthropic.claude-sonnet-4-5-20250929-v1:0` or `ft:gpt-4o-mini:acme`.
    """
    name = _base(model)
    if re.search(f"{_START}claude", name):
        return _claude(name)
    for encoding, pattern in _OPENAI:
        if re.search(f"{_START}(?:{pattern})", name):
            return Family("openai", encoding=encoding)
    for maker, estimator, pattern in _OTHERS:
        if re.search(f"{_START}(?:{pattern})", name):
            return Family(maker, estimator=estimator)
    return None


def _base(model: str) -> str:
    """Return the name that tells the family: of `ft:BASE:owner:suffix:id` the base, and hyphens for underscores."""
    name = model.strip().lower().replace("_", "-")
    return name.split(":")[1] if re.match(r"ft:[^:]", name) else name


def _claude(name: str) -> Family:
    """Tell the generation of a Claude model from its version: the tokenizer changed with 3 and with 4.7."""
    found = _CLAUDE.search(name[name.index("claude") :])
    if not found:
        return Family("anthropic", estimator="claude-2" if "instant" in name else "claude-4.7")
    digits = found[1]
    major, minor = (int(digits[0]), int(digits[1])) if len(digits) == 2 else (int(digits), int(found[2] or 0))
    generation = "claude-2" if major < 3 else "claude-3" if (major, minor) < (4, 7) else "claude-4.7"
    return Family("anthropic", estimator=generation, version=f"{major}.{minor}")
