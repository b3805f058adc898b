"""Count files as the chat requests they hold, by the model asked for or the one that each request names."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from llmopt.errors import ConfigError, InputError
from llmopt.tokens.api import DEFAULT_ENCODING, estimated_tokenizer, tokenizer_for
from llmopt.tokens.chat.requests import ChatCount, count_request, model_named
from llmopt.tokens.counting.ahead import count_ahead
from llmopt.tokens.counting.reading import NotReadable, requests_of
from llmopt.tokens.counting.values import FileCount, Job, Skipped, Target
from llmopt.tokens.families import Maker, family_of
from llmopt.tokens.result import total
from llmopt.tokens.tokenizer import Tokenizer

_BATCH_REQUESTS = 2000


def count_requests(
    jobs: Iterable[Job], targets: Sequence[Target], skipped: list[Skipped], notes: Counter[str]
) -> Iterator[FileCount]:
    """Yield the counts of each file, by target; what is no request goes to `skipped`, what is assumed to `notes`."""
    for job in jobs:
        found: list[list[ChatCount]] = [[] for _ in targets]
        try:
            for batch in _batches(job, skipped):
                for counts, target in zip(found, targets, strict=True):
                    counts += _requests(batch, target, notes)
        except NotReadable as error:
            before = f"; the {len(found[0]):,} requests before that are counted" if found[0] else ""
            skipped.append(Skipped(job.shown, f"{error}{before}", job.asked))
        except InputError as error:  # a tokenizer file that cannot encode a text
            skipped.append(Skipped(job.shown, error.message, job.asked))
            continue
        if not found[0]:
            continue
        for target, counts in zip(targets, found, strict=True):
            yield _file(job, target, counts)


def _batches(job: Job, skipped: list[Skipped]) -> Iterator[list[object]]:
    """Yield the requests of a file, some thousand at a time; lines that are none are noted."""
    batch: list[object] = []
    damage: NotReadable | None = None
    try:
        for line, body, complaint in requests_of(job.path):
            if complaint:
                skipped.append(Skipped(f"{job.shown}:{line}", complaint, job.asked))
                continue
            batch.append(body)
            if len(batch) >= _BATCH_REQUESTS:
                yield batch
                batch = []
    except NotReadable as error:
        damage = error
    yield batch
    if damage is not None:
        raise damage


def _requests(batch: Sequence[object], target: Target, notes: Counter[str]) -> list[ChatCount]:
    asked = [_asked(body, target, notes) for body in batch]
    count_ahead((body, tokenizer) for body, (tokenizer, _, _) in zip(batch, asked, strict=True))
    return [count_request(body, *how) for body, how in zip(batch, asked, strict=True)]


def _asked(body: object, target: Target, notes: Counter[str]) -> tuple[Tokenizer, Maker, str]:
    """Return how to count one request: as asked for, else by the model that it names."""
    if target.tokenizer is not None:
        return target.tokenizer, target.maker, target.model or ""
    model = model_named(body)
    tokenizer, maker, note = _by_name(model)
    if note:
        notes[note] += 1
    return tokenizer, maker, model


@functools.lru_cache(maxsize=4096)
def _by_name(model: str) -> tuple[Tokenizer, Maker, str]:
    """Return how to count for the model that a request names, and what was assumed."""
    if not model:
        return tokenizer_for(), "openai", f"no model named: counted by {DEFAULT_ENCODING}, as for OpenAI"
    family = family_of(model)
    if family is None:
        return (
            estimated_tokenizer("other"),
            "other",
            f"no tokenizer is known for '{model}': estimated over all families",
        )
    tokenizer = tokenizer_for(model)
    try:
        tokenizer.count("")
    except ConfigError as error:
        return estimated_tokenizer("other"), family.maker, f"{model}: {error.message}: estimated over all families"
    return tokenizer, family.maker, ""


def _file(job: Job, target: Target, counts: Sequence[ChatCount]) -> FileCount:
    names = ", ".join(dict.fromkeys(item.count.tokenizer for item in counts))
    uncounted = dict.fromkeys(what for item in counts for what in item.uncounted)
    return FileCount(
        job.shown,
        target.model,
        total((item.count for item in counts), names),
        tuple(item.count for item in counts),
        sum(item.count.tokens for item in counts if item.count.estimated),
        sum(item.overhead_tokens for item in counts),
        sum(item.images for item in counts),
        tuple(uncounted),
    )
