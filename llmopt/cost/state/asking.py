"""Look in new files for the usage of requests and answers that were logged without it.

A batch's input and output, or a request and its answer, may lie in two files. What is open is looked for in the files
that a run reads; those of earlier runs are not read again for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmopt.cost.pairs import Answer
from llmopt.cost.partial import Partial, answers_in, unanswered
from llmopt.cost.read import Settings
from llmopt.cost.sources import Source


def found_answers(
    parts: Iterable[Partial], sources: Sequence[Source], settings: Settings
) -> Iterator[tuple[Source, list[Answer]]]:
    """Yield the files that answer what is open, and their answers.

    Args:
        parts: with the records that are open.
        sources: files that were just read.
        settings: those that they were read with.
    """
    ids = unanswered(parts)
    if ids and sources:
        yield from _halved(sources, settings, ids)


def _halved(sources: Sequence[Source], settings: Settings, ids: Sequence[str]) -> Iterator[tuple[Source, list[Answer]]]:
    """Look in all files at once, and only if there is anything in half of them, and so on."""
    found = answers_in(sources, settings, ids)
    if found and len(sources) == 1:
        yield sources[0], found
    elif found:
        middle = len(sources) // 2
        yield from _halved(sources[:middle], settings, ids)
        yield from _halved(sources[middle:], settings, ids)
