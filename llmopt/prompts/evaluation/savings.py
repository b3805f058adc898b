"""How many tokens go, by kind of text, and whether what mattered in it is left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from random import Random
from time import perf_counter_ns

from llmopt.prompts.api import compress
from llmopt.prompts.evaluation import layouts, logs, prompts, rag
from llmopt.prompts.evaluation.checks import error_lines
from llmopt.prompts.evaluation.documents import documents_of
from llmopt.prompts.evaluation.metrics import Metric, at_least, share
from llmopt.tokens.tokenizer import Tokenizer

JSON_GOAL, FORM_GOAL, LOG_GOAL, RAG_GOAL, WORDY_GOAL, SPEED_GOAL = 33.0, 40.0, 30.0, 20.0, 15.0, 15.0


@dataclass(frozen=True, slots=True)
class Saved:
    """What compressing a list of texts came to."""

    before: list[str]
    after: list[str]
    tokens_before: list[int]
    tokens_after: list[int]

    @property
    def share(self) -> float | None:
        """Share of the tokens that went, in per cent; None of nothing."""
        return share(sum(self.tokens_before) - sum(self.tokens_after), sum(self.tokens_before))


def saved(texts: Sequence[str], tokenizer: Tokenizer, *, level: str, json_form: str = "minified") -> Saved:
    """Compress each text by itself."""
    after = [compress(text, level=level, json_form=json_form, tokenizer=tokenizer).text for text in texts]
    counts = [[count.tokens for count in tokenizer.count_many(some)] for some in (texts, after)]
    return Saved(list(texts), after, counts[0], counts[1])


def savings(tokenizer: Tokenizer, *, seed: int, each: int, timed: bool) -> Iterator[Metric]:
    """Yield the figures of savings.

    Args:
        tokenizer: counts.
        seed: of the texts.
        each: texts of a kind.
        timed: also measure the speed, which is another one each run.
    """
    yield from _json(tokenizer, seed, each, timed=timed)
    yield from _logs(tokenizer, seed, each)
    yield from _rag(tokenizer, seed, each)
    for language, make in (("en", prompts.wordy), ("vi", prompts.wordy_vi)):
        made = [make(Random(f"{seed} wordy {language} {number}")) for number in range(each)]
        for detail, texts in (("generated", made), ("written", written(f"wordy-{language}"))):
            found = saved(texts, tokenizer, level="aggressive").share
            name = f"wordy prompts, {language}, {detail}"
            yield at_least(name, found, WORDY_GOAL, len(texts), "aggressive")
    real = [*written("system-en"), *written("system-vi")]
    for level in ("safe", "aggressive"):
        found = saved(real, tokenizer, level=level).share
        yield at_least(f"system prompts, {level}", found, None, len(real), "written, already concise")


def written(kind: str) -> list[str]:
    """Return the prompts of a kind that were written by hand: `system-en`, `system-vi`, `wordy-en`, `wordy-vi`."""
    lines = resources.files(__package__).joinpath("written.jsonl").read_text(encoding="utf-8").splitlines()
    return [row["text"] for row in map(json.loads, lines) if row["kind"] == kind]


def _json(tokenizer: Tokenizer, seed: int, each: int, *, timed: bool) -> Iterator[Metric]:
    texts = [layouts.pretty_json(Random(f"{seed} json {number}")) for number in range(each)]
    began = perf_counter_ns()
    for text in texts if timed else ():
        compress(text, level="lossless", tokenizer=tokenizer)
    took_s = (perf_counter_ns() - began) / 1e9
    small = saved(texts, tokenizer, level="lossless")
    yield at_least("JSON, minified", small.share, JSON_GOAL, each, "lossless, pretty-printed")
    equal = sum(documents_of(a).values == documents_of(b).values for a, b in zip(texts, small.after, strict=True))
    yield at_least("JSON values unchanged", share(equal, each), 100.0, each, "read by another parser")
    best = saved(texts, tokenizer, level="lossless", json_form="smallest")
    yield at_least("JSON, smallest form", best.share, None, each, "lossless, TOON or CSV where smaller")
    other = [number for number in range(each) if best.tokens_after[number] < small.tokens_after[number]]
    before, after = (sum(counts[number] for number in other) for counts in (best.tokens_before, best.tokens_after))
    detail = "lossless, of those that TOON or CSV makes smaller"
    yield at_least("JSON, TOON or CSV", share(before - after, before), FORM_GOAL, len(other), detail)
    if timed:
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        yield at_least("JSON speed", megabytes / max(took_s, 1e-9), SPEED_GOAL, each, "lossless, small texts", "MB/s")


def _logs(tokenizer: Tokenizer, seed: int, each: int) -> Iterator[Metric]:
    texts = [logs.log(Random(f"{seed} log {number}")) for number in range(each)]
    found = saved(texts, tokenizer, level="safe")
    yield at_least("logs", found.share, LOG_GOAL, each, "safe, seven formats")
    wanted = [error_lines(text) for text in texts]
    kept = sum(_count_kept(lines, error_lines(text)) for lines, text in zip(wanted, found.after, strict=True))
    count = sum(map(len, wanted))
    yield at_least("error lines kept", share(kept, count), 100.0, count, "WARN, ERROR and stack traces")


def _count_kept(wanted: Sequence[str], left: Sequence[str]) -> int:
    rest = list(left)
    kept = 0
    for line in wanted:
        if line in rest:
            rest.remove(line)
            kept += 1
    return kept


def _rag(tokenizer: Tokenizer, seed: int, each: int) -> Iterator[Metric]:
    texts = [rag.context(Random(f"{seed} rag {number}")) for number in range(each)]
    found = saved(texts, tokenizer, level="safe")
    yield at_least("RAG chunks, boilerplate", found.share, RAG_GOAL, each, "safe, leftovers of web pages")
    wanted = [rag.content(text) for text in texts]
    kept = sum(line in text for lines, text in zip(wanted, found.after, strict=True) for line in lines)
    count = sum(map(len, wanted))
    yield at_least("RAG content kept", share(kept, count), 100.0, count, "paragraphs, headers and the question")
