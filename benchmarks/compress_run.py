"""What the compression benchmark measures: what survives, what is saved, how fast, and what query mode keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean, median
from time import perf_counter_ns
from typing import Any

from benchmarks.compress_data import PROBES
from llmopt.prompts.api import compress
from llmopt.prompts.context import LEVELS
from llmopt.prompts.evaluation import layouts, logs, prompts, rag
from llmopt.prompts.evaluation.checks import error_lines, faults
from llmopt.prompts.evaluation.documents import documents_of
from llmopt.prompts.evaluation.evaluate import all_faults
from llmopt.prompts.evaluation.generate import generated
from llmopt.prompts.evaluation.passages import Drawn, drawn, load
from llmopt.prompts.evaluation.savings import written
from llmopt.tokens.api import tokenizer_for

Figures = dict[str, Any]
BUDGETS = (0.5, 0.33, 0.25, 0.1)
REVIEW_MUST = (
    "{review}",
    *("sentiment", "positive", "negative", "neutral", "topics", "pain points", "improvement"),
    *("structured", "heading"),
)
"""What the tutorial's review prompt asks for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Texts of one kind, and the level at which llmopt is judged on them."""

    name: str
    texts: list[str]
    level: str
    goal: float | None = None
    """Least share of tokens saved, in per cent."""
    json_form: str = "minified"


def tokens(texts: Sequence[str]) -> int:
    """Count texts in o200k_base."""
    return sum(count.tokens for count in tokenizer_for().count_many(texts))


def kinds(each: int, seed: int, real: Sequence[str]) -> list[Kind]:
    """Return generated texts of every kind with a goal, and real prompts where some are given."""

    def made(make: Callable[[Random], str]) -> list[str]:
        return [make(Random(f"{seed} benchmark {make.__name__} {number}")) for number in range(each)]

    data = made(layouts.pretty_json)
    found = [
        Kind("JSON minified", data, "lossless", 33.0),
        Kind("JSON smallest form", data, "lossless", None, "smallest"),
        Kind("logs", made(logs.log), "safe", 30.0),
        Kind("RAG boilerplate", made(rag.context), "safe", 20.0),
        Kind("wordy en", made(prompts.wordy), "aggressive", 15.0),
        Kind("wordy vi", made(prompts.wordy_vi), "aggressive", 15.0),
        Kind("wordy en, written", written("wordy-en"), "aggressive", 15.0),
        Kind("wordy vi, written", written("wordy-vi"), "aggressive", 15.0),
        Kind("system prompts", written("system-en") + written("system-vi"), "aggressive"),
    ]
    if real:
        found += [Kind("real prompts, safe", list(real), "safe"), Kind("real prompts", list(real), "aggressive")]
    return found


def llmopt(kind: Kind) -> list[str | None]:
    """Compress the texts of a kind as llmopt does."""
    return [compress(text, level=kind.level, json_form=kind.json_form).text for text in kind.texts]


def judged(kind: Kind, after: Sequence[str | None]) -> Figures:
    """Return what a contender saved on a kind, and on how many texts something is lost; a failure saves nothing."""
    texts = [before if text is None else text for before, text in zip(kind.texts, after, strict=True)]
    before, left = tokens(kind.texts), tokens(texts)
    same_json = kind.json_form == "minified"
    level = "safe" if kind.level == "lossless" else kind.level
    lossy = sum(bool(faults(old, new, level, same_json=same_json)) for old, new in zip(kind.texts, texts, strict=True))
    figures: Figures = {"saved_percent": 100 * (before - left) / max(1, before), "texts": len(texts), "lossy": lossy}
    figures["failed"] = sum(text is None for text in after)
    if kind.name == "JSON minified":
        same = [
            documents_of(old).values == documents_of(new).values for old, new in zip(kind.texts, texts, strict=True)
        ]
        figures["values_changed"] = len(same) - sum(same)
    if kind.name.startswith("RAG"):
        content = [(rag.content(old), new) for old, new in zip(kind.texts, texts, strict=True)]
        figures["content_lines"] = sum(len(lines) for lines, _ in content)
        figures["content_lines_lost"] = sum(line not in new for lines, new in content for line in lines)
    if kind.name == "logs":
        lines = [(error_lines(old), error_lines(new)) for old, new in zip(kind.texts, texts, strict=True)]
        figures["error_lines"] = sum(len(old) for old, _ in lines)
        figures["error_lines_lost"] = sum(line not in new for old, new in lines for line in old)
    return figures


def probed(after: Sequence[str | None]) -> Figures:
    """Return how many probes are intact, how many of their strings survive, and what is saved on them."""
    texts = [probe.text if text is None else text for probe, text in zip(PROBES, after, strict=True)]
    lost = [[must for must in probe.must if must not in text] for probe, text in zip(PROBES, texts, strict=True)]
    before = tokens([probe.text for probe in PROBES])
    return {
        "probes": len(PROBES),
        "intact": sum(not some for some in lost),
        "strings": sum(len(probe.must) for probe in PROBES),
        "strings_kept": sum(len(probe.must) for probe in PROBES) - sum(map(len, lost)),
        "saved_percent": 100 * (before - tokens(texts)) / before,
        "lost": {probe.name: some for probe, some in zip(PROBES, lost, strict=True) if some},
    }


def reviewed(text: str, after: str | None) -> Figures:
    """Return what is saved on the review prompt, and what of its contract is lost."""
    found = text if after is None else after
    lost = [must for must in REVIEW_MUST if must in text and must not in found.casefold()]
    return {
        "tokens": [tokens([text]), tokens([found])],
        "saved_percent": 100 * (1 - tokens([found]) / tokens([text])),
        "lost": lost,
        "text": found,
    }


def safety(count: int, seed: int) -> Figures:
    """Return the generated prompts that lose something, by level."""
    bad: dict[str, list[str]] = {level: [] for level in LEVELS}
    for number, prompt in enumerate(generated(count, seed)):
        for level in LEVELS:
            told = all_faults(prompt.text, level, tokenizer_for())
            if told:
                bad[level].append(f"{prompt.kind} {number}: {told[0]}")
    return {"prompts": count, "unsafe": {level: len(some) for level, some in bad.items()}, "first": bad}


def json_speed(texts: Sequence[str], rounds: int) -> Figures:
    """Time lossless compression of large JSON beside the standard library, in turn."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    ways: dict[str, Callable[[str], object]] = {
        "llmopt": lambda text: compress(text, level="lossless").text,
        "json.dumps": lambda text: json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False),
    }
    raw: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = perf_counter_ns()
            for text in texts:
                way(text)
            raw[name].append((perf_counter_ns() - began) / 1e9)
    return {"mb": size, "raw_s": raw, "mb_per_s": {name: size / median(some) for name, some in raw.items()}}


def asked_of(path: Path, seed: int, limit: int | None) -> list[Drawn]:
    """Return the questions of a file with contexts of 10 paragraphs."""
    return drawn(load(path).good, seed=seed, limit=limit)


Choose = Callable[[str, str, int], str]


def queried(asked: Sequence[Drawn], choose: Choose, *, single: bool = False) -> Figures:
    """Return the share of answers kept, the share of the budget used, and the time, at each budget."""
    found: Figures = {}
    for budget in (0.5,) if single else BUDGETS:
        kept, used, ms = 0, [], []
        for one in asked:
            context = one.own if single else one.context
            allowed = int(tokens([context]) * budget)
            began = perf_counter_ns()
            text = choose(one.question.question, context, allowed)
            ms.append((perf_counter_ns() - began) / 1e6)
            kept += any(answer in text for answer in one.question.answers)
            used.append(tokens([text]) / max(1, allowed))
        name = f"{budget:.0%}" + (" single" if single else "")
        figures = {"kept_percent": 100 * kept / len(asked), "mean_used": mean(used), "least_used": min(used)}
        found[name] = figures | {
            "over_budget": sum(one > 1 for one in used),
            "mean_ms": mean(ms),
            "median_ms": median(ms),
        }
    return found


def by_llmopt(question: str, context: str, allowed: int) -> str:
    """Choose as llmopt does."""
    return compress(context, query=question, budget=max(1, allowed)).text


def by_lead(_: str, context: str, allowed: int) -> str:
    """Choose the beginning."""
    low, high = 0, len(context)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokens([context[:middle]]) <= allowed else (low, middle - 1)
    return context[:low]


def by_rank(answers: Mapping[tuple[str, str], Mapping[str, Sequence[Any]]], unit: str) -> Choose:
    """Return a choice of the best-ranked units that fit, in their order, from what rank-bm25 answered."""

    def choose(question: str, context: str, allowed: int) -> str:
        parts, scores = answers[question, context][unit]
        join = "\n\n" if unit == "paragraphs" else " "
        chosen: list[int] = []
        for number in sorted(range(len(parts)), key=lambda number: -scores[number]):
            if tokens([join.join(parts[one] for one in sorted([*chosen, number]))]) <= allowed:
                chosen.append(number)
        return join.join(parts[one] for one in sorted(chosen))

    return choose
