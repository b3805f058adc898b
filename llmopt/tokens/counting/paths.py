"""Count the files behind some paths, each by several tokenizers: as texts, or as the chat requests they hold."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from llmopt.errors import InputError
from llmopt.files import expand, files_in
from llmopt.tokens.api import tokenizer_for
from llmopt.tokens.counting.requests import count_requests
from llmopt.tokens.counting.texts import count_texts, tokenizer_of
from llmopt.tokens.counting.values import Counted, FileCount, Job, Skipped, Target, TargetTotal
from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.families import Family, family_of
from llmopt.tokens.result import total


def count_paths(paths: Sequence[str], targets: Sequence[Target], *, messages: bool = False) -> Counted:
    """Count every file behind `paths`.

    Args:
        paths: files, directories (recursive), quoted globs, `-` for standard input; packed by gzip or Zstandard or not.
        targets: what to count for.
        messages: read each file as chat requests (JSON, or JSON lines) instead of as plain text.

    Raises:
        ConfigError: a vocabulary is not on this machine.
    """
    skipped: list[Skipped] = []
    notes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        jobs = jobs_of(paths, Path(folder), skipped)
        found = count_requests(jobs, targets, skipped, notes) if messages else count_texts(jobs, targets, skipped)
        files = list(found)
    assumed = (f"{text} ({number:,} request{'s'[: number > 1]})" for text, number in sorted(notes.items()))
    return Counted(tuple(files), tuple(_totals(files, targets)), tuple(skipped), tuple(assumed), *_memo(targets))


def targets_for(model: str, *, allow_download: bool = False) -> Target:
    """Return the target of a model by its name.

    Raises:
        UsageError: no tokenizer is known for it.
    """
    family = family_of(model) or Family("other")
    return Target(model, tokenizer_for(model, allow_download=allow_download), family.maker)


def jobs_of(paths: Sequence[str], spool: Path, skipped: list[Skipped]) -> list[Job]:
    """Return the files behind the paths, each once; what else a path names is noted.

    Args:
        paths: files, directories (recursive), quoted globs, `-` for standard input.
        spool: a directory for copies of what can be read only once.
        skipped: told of what is no file, or is one of the others.
    """
    jobs: dict[str, Job] = {}

    def unlisted(error: OSError) -> None:
        skipped.append(Skipped(str(error.filename), f"cannot be listed: {error.strerror}", asked=True))

    for path in paths:
        try:
            found = expand(path, spool, lambda directory: files_in(directory, lambda _: True, unlisted))
        except InputError as error:
            skipped.append(Skipped(path, error.message.removeprefix(f"{path}: "), asked=True))
            continue
        if not found:
            skipped.append(Skipped(path, "no file in this directory", asked=True))
        for file in found:
            asked = not Path(path).is_dir()
            real = os.path.realpath(file.path)
            job = jobs.setdefault(real, Job(file.path, file.shown, asked))
            job.asked |= asked
            if Path(job.shown) != Path(file.shown):
                skipped.append(Skipped(file.shown, f"the same file as {job.shown}", asked=False))
    return list(jobs.values())


def _totals(files: Sequence[FileCount], targets: Sequence[Target]) -> Iterator[TargetTotal]:
    for place, target in enumerate(targets):
        own = files[place :: len(targets)]
        counts = [file.count for file in own]
        found = (name for count in counts for name in count.tokenizer.split(", "))
        names = ", ".join(dict.fromkeys(found)) or tokenizer_of(target).name
        inexact = sum(file.estimated_tokens for file in own)
        yield TargetTotal(target.model, total(counts, names), inexact)


def _memo(targets: Sequence[Target]) -> tuple[int, int]:
    """Return how often a part of text was known, over all tokenizers that remember."""
    memos = []
    for target in targets:
        tokenizer = tokenizer_of(target)
        memos += [tokenizer.memo] if isinstance(tokenizer, ExactTokenizer | EstimatedTokenizer) else []
        memos += [tokenizer.base.memo] if isinstance(tokenizer, EstimatedTokenizer) else []
    unique = {id(memo): memo for memo in memos}.values()
    return sum(memo.hits for memo in unique), sum(memo.misses for memo in unique)
