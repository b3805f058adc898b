"""Requests and answers that were logged apart, and answers that were logged with and without their usage.

The text of an answer does not count beside the usage of the same answer. The input and the output file of a batch tell
each request twice, by its `custom_id` (https://platform.openai.com/docs/guides/batch); others log the request and the
answer as two lines with one id. A request counts no more where a record of its answer has the usage, and where that has
none either, the two texts are one request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmopt.cost.plan import Plan
from llmopt.cost.spec.row import Outcome, Row

CUSTOM_ID = "custom_id"
"""What batch APIs name a request by, in the lines of the input and of the output."""


@dataclass(slots=True)
class Kept:
    """The best record so far of one response."""

    row: Row
    file: str
    first: int | None
    """Earliest timestamp of all its records, in microseconds."""
    custom_id: str | None = None
    is_text: bool = False
    """Has it no usage, and an id that records with usage may have?"""
    asks: bool = False
    """Has it a prompt, and neither usage nor an answer?"""
    copies: int = 0
    """Other records of the same response."""
    repeated: bool = False
    """Is it told by a record of another response?"""

    @property
    def lacks_prompt(self) -> bool:
        """Was an answer counted that a prompt can be put to?"""
        return self.row.counted is not None and self.row.counted.requests_without_input > 0


@dataclass(slots=True)
class Answer:
    """A record of an answer, as a request may look for it."""

    spec: str
    request_id: str | None
    custom_id: str | None
    model: str | None
    text: Kept | None = None
    """Where only its text is known; None: it has usage, or failed and is free."""
    taken: bool = False
    """Has its request been found?"""
    row: Row | None = None
    """The record itself, where it is at hand."""


def absorb(row: Row, other: Row) -> None:
    """Let a record that counts tell what only another one of the same call says."""
    if row.told is not None and other.told is not None:
        row.told.absorb(other.told)


def custom_id_of(record: dict[str, Any]) -> str | None:
    """Return what a batch API names the request of this record by."""
    name = record.get(CUSTOM_ID)
    return str(name) if isinstance(name, (str, int)) else None


def joined(key: tuple[str | None, ...]) -> str:
    """Return a key as the query writes it; empty where a part is missing."""
    return "\x1f".join(part or "" for part in key) if all(key) else ""


def is_within(micros: int | None, plan: Plan) -> bool:
    """Is an instant in the period that is asked for?"""
    if plan.since_us is None and plan.until_us is None:
        return True
    if micros is None:
        return False
    return (plan.since_us is None or micros >= plan.since_us) and (plan.until_us is None or micros < plan.until_us)


def wanted(kept: Iterable[Kept]) -> set[str]:
    """Return the ids of the texts, whose usage other records may have."""
    return {item.row.request_id for item in kept if item.is_text and item.row.request_id is not None}


def billed(kept: Iterable[Kept], within: Callable[[int | None], bool]) -> Iterator[Answer]:
    """Yield the records with usage that a text may repeat."""
    for item in kept:
        if item.row.outcome == Outcome.OK and not item.row.key and within(item.first):
            yield Answer(item.row.spec, item.row.request_id, item.custom_id, item.row.model, row=item.row)


def pair(kept: Iterable[Kept], answers: Sequence[Answer], within: Callable[[int | None], bool]) -> None:
    """Mark the texts that other records tell, and put requests to their answers.

    Args:
        kept: the records that were read one by one; changed in place.
        answers: records of any reader that have usage, or that failed.
        within: is an instant in the period that is asked for?
    """
    texts = [item for item in kept if item.is_text]
    known = {(answer.spec, answer.request_id): answer.row for answer in answers}
    for item in texts:
        name = (item.row.spec, item.row.request_id)
        item.repeated = name in known
        if item.repeated and (row := known[name]) is not None:
            absorb(row, item.row)
    open_texts = [item for item in texts if not item.repeated]
    asks = sorted((item for item in open_texts if item.asks), key=_place)
    others = (item for item in open_texts if not item.asks and item.row.counted and within(item.first))
    told = [
        Answer(item.row.spec, item.row.request_id, item.custom_id, item.row.model, item)
        for item in sorted(others, key=_place)
    ]
    found = _by_name([*sorted(answers, key=_names), *told], wanted(asks))
    for ask in asks:
        answer = _answer_to(ask, found.get(ask.row.request_id or "", {}))
        if answer is not None:
            answer.taken = ask.repeated = True
            row = answer.row if answer.text is None else answer.text.row
            if row is not None:
                absorb(row, ask.row)
            if answer.text is not None and answer.text.lacks_prompt:
                _join(answer.text, ask)


_Groups = dict[tuple[bool, int, str], list[Answer]]


def _by_name(answers: Sequence[Answer], names: set[str]) -> dict[str, _Groups]:
    """Return name of a request -> its answers, by (named by its id alone?, what it lacks, model), the next one last."""
    found: dict[str, _Groups] = {}
    for answer in reversed(answers):
        for name in {answer.request_id, answer.custom_id} - {None}:
            if name in names:
                lacking = 0 if answer.text is None else 1 if answer.text.lacks_prompt else 2
                group = (name != answer.custom_id, lacking, answer.model or "")
                found.setdefault(name, {}).setdefault(group, []).append(answer)
    return found


def _answer_to(ask: Kept, groups: _Groups) -> Answer | None:
    """Return the answer to a request: one of its model, and one with usage rather than text.

    A batch's name of a request is enough; an `id` alone may be any number, so the models must be alike.
    """
    model = ask.row.model or ""
    ranked = sorted((not _alike(model, group[2]), group) for group in groups)
    for other, group in ranked:
        by_id = group[0]
        while not (other and by_id) and groups[group]:
            answer = groups[group].pop()
            if not answer.taken:
                return answer
    return None


def _alike(one: str, other: str) -> bool:
    """Do two names mean one model? The answer's often has a date behind it."""
    return one.startswith(other) or other.startswith(one)


def _names(answer: Answer) -> tuple[str, str, str]:
    return answer.custom_id or "", answer.request_id or "", answer.model or ""


def _place(kept: Kept) -> tuple[str, int, str, str, int, int]:
    """An order that does not depend on who read the records."""
    row = kept.row
    return (
        kept.file,
        kept.first or 0,
        row.request_id or "",
        row.model or "",
        row.usage.input_tokens,
        row.usage.output_tokens,
    )


def _join(answer: Kept, ask: Kept) -> None:
    """Make one request of both."""
    row, asked = answer.row, ask.row.counted
    if row.counted is None or asked is None:
        return
    both = row.counted + asked
    counted = replace(
        both,
        requests=1,
        estimated_requests=min(1, both.estimated_requests),
        requests_without_input=0,
        requests_without_output=0,
        requests_with_uncounted=min(1, both.requests_with_uncounted),
    )
    answer.row = replace(row, model=row.model or ask.row.model, usage=row.usage + ask.row.usage, counted=counted)
    answer.first = ask.first if answer.first is None else answer.first
