"""Count files as plain texts, many at once, on all cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmopt.errors import InputError
from llmopt.tokens.api import tokenizer_for
from llmopt.tokens.counting.reading import NotReadable, text_blocks
from llmopt.tokens.counting.values import FileCount, Job, Skipped, Target
from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.result import TokenCount
from llmopt.tokens.tokenizer import Tokenizer

BATCH_CHARACTERS = 8_000_000
"""Text that is held at once, to be counted on all cores."""


def count_texts(jobs: Iterable[Job], targets: Sequence[Target], skipped: list[Skipped]) -> Iterator[FileCount]:
    """Yield the counts of each file, by target; what is no text goes to `skipped`."""
    batch: list[tuple[Job, str]] = []
    done: list[Job] = []
    held = 0
    for job in jobs:
        job.sums = [TokenCount.exact(0, tokenizer_of(target).name) for target in targets]
        try:
            for text in _texts(job, targets):
                batch.append((job, text))
                held += len(text)
                if held >= BATCH_CHARACTERS:
                    _add(batch, targets)
                    batch, held = [], 0
        except NotReadable as error:
            batch = [item for item in batch if item[0] is not job]
            job.failed = str(error)
        done.append(job)
    _add(batch, targets)
    for job in done:
        if job.failed:
            skipped.append(Skipped(job.shown, job.failed, job.asked))
            continue
        for target, count in zip(targets, job.sums, strict=True):
            yield _text_file(job, target, count)


def _text_file(job: Job, target: Target, count: TokenCount) -> FileCount:
    """Return the count of a text; bytes that are no text could have been up to three tokens fewer."""
    wrong = job.replaced.count
    if wrong:
        count += TokenCount(0, -min(3 * wrong, count.low), 0, "estimated", count.tokenizer)
    inexact = count.tokens if count.estimated else 0
    return FileCount(job.shown, target.model, count, (count,), inexact, replaced=wrong)


def _texts(job: Job, targets: Sequence[Target]) -> Iterable[str]:
    """Return the text of a file: in blocks where all tokenizers add up over them, else in one."""
    blocks = text_blocks(job.path, job.replaced)
    if all(isinstance(target.tokenizer, ExactTokenizer | EstimatedTokenizer | None) for target in targets):
        return blocks
    return ("".join(blocks),)


def _add(batch: Sequence[tuple[Job, str]], targets: Sequence[Target]) -> None:
    for place, target in enumerate(targets):
        tokenizer = tokenizer_of(target)
        try:
            counts = tokenizer.count_many([text for _, text in batch])
        except InputError:
            _add_singly(batch, tokenizer, place)
            continue
        for (job, _), count in zip(batch, counts, strict=True):
            job.sums[place] += count


def _add_singly(batch: Sequence[tuple[Job, str]], tokenizer: Tokenizer, place: int) -> None:
    """Count the texts of a batch one by one, to find the one that a tokenizer file cannot encode."""
    for job, text in batch:
        try:
            job.sums[place] += tokenizer.count(text)
        except InputError as error:
            job.failed = error.message


def tokenizer_of(target: Target) -> Tokenizer:
    """Return the tokenizer of a target; the default one where each request is counted by its own model."""
    return target.tokenizer or tokenizer_for()
