"""Paragraphs with questions on them: read from JSON lines or SQuAD's JSON, drawn into contexts of several."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from random import Random

from llmopt.errors import InputError
from llmopt.files import DAMAGE, compression_of, open_unpacked

_SHAPE = '{"title": ..., "context": ..., "qas": [{"question": ..., "answers": [...]}]}'


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer stands in its paragraph."""

    question: str
    answers: tuple[str, ...]
    """Verbatim parts of the paragraph; one is enough."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One paragraph."""

    title: str
    """Of what it is from; paragraphs of one title are the harder distractors."""
    text: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Passages:
    """What a file held."""

    good: tuple[Passage, ...]
    bad: tuple[str, ...] = ()
    """A line each: where (`file:line`) and what is wrong; these count nowhere."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question with a context that holds its answer."""

    question: Question
    own: str
    """The paragraph that holds the answer."""
    context: str
    """That one and others, in any order, with a blank line between."""


def built_in() -> Passages:
    """Return 32 paragraphs written for this, 16 in English and 16 in Vietnamese."""
    text = resources.files(__package__).joinpath("passages.jsonl").read_text(encoding="utf-8")
    return Passages(tuple(_passage(json.loads(line)) for line in text.splitlines()))


def load(path: Path) -> Passages:
    """Read paragraphs with questions; rows that are wrong are told, and the good ones still count.

    Args:
        path: JSON lines, a JSON list of such rows, or SQuAD's nested JSON; may be packed (.gz, .zst).

    Raises:
        InputError: the file cannot be read, or not one row of it is good.
    """
    good, bad = [], []
    for where, row in _rows(path):
        try:
            good.append(_passage(json.loads(row) if isinstance(row, bytes) else row))
        except (ValueError, RecursionError) as error:
            bad.append(f"{where}: {_told(error)}")
    if not good:
        raise InputError(bad[0] if bad else f"{path}: no rows in it", f"a row a line, such as {_SHAPE}")
    return Passages(tuple(good), tuple(bad))


def drawn(passages: Sequence[Passage], *, seed: int, size: int = 10, limit: int | None = None) -> list[Drawn]:
    """Draw a context for each question, half of its distractors of the same title where there are so many.

    Args:
        passages: where distractors come from too.
        seed: the same seed, the same contexts.
        size: paragraphs of a context.
        limit: most questions; None: all.
    """
    asked = [(number, question) for number, passage in enumerate(passages) for question in passage.questions]
    Random(seed).shuffle(asked)
    found = []
    for order, (number, question) in enumerate(asked[:limit]):
        random, own = Random(f"{seed} {order}"), passages[number]
        others = [passage for passage in passages if passage.text != own.text]
        random.shuffle(others)
        near = [passage for passage in others if passage.title == own.title][: size // 2]
        far = [passage for passage in others if passage not in near]
        chosen = [own, *near, *far][:size]
        random.shuffle(chosen)
        found.append(Drawn(question, own.text, "\n\n".join(passage.text for passage in chosen)))
    return found


def _rows(path: Path) -> Iterator[tuple[str, object]]:
    """Yield where each row is, and the row: as bytes of JSON, or read already."""
    try:
        with open_unpacked(str(path), compression_of(str(path))) as file:
            data = file.read()
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be read: {error}", "name a file of JSON lines") from error
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        lines = enumerate(data.splitlines(), start=1)
        yield from ((f"{path}:{number}", line) for number, line in lines if line.strip())
    else:
        yield from _unnested(str(path), whole)


def _unnested(where: str, whole: object) -> Iterator[tuple[str, object]]:
    """Yield the rows of one JSON value: SQuAD's `data[].paragraphs[]`, a list, or a single row."""
    rows = whole.get("data", whole) if isinstance(whole, dict) else whole
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        if isinstance(row, dict) and isinstance(row.get("paragraphs"), list):
            for inner, paragraph in enumerate(row["paragraphs"], start=1):
                title = {"title": row.get("title", "")}
                yield (
                    f"{where}: article {number}, paragraph {inner}",
                    (title | paragraph if isinstance(paragraph, dict) else paragraph),
                )
        else:
            yield (f"{where}: row {number}" if isinstance(rows, list) else f"{where}:1"), row


def _passage(row: object) -> Passage:
    """Return the paragraph of a row; questions without an answer in it are left out.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(row, dict):
        raise ValueError(f"a JSON {type(row).__name__}, not an object")
    text, qas = row.get("context"), row.get("qas")
    if not isinstance(text, str) or not text.strip():
        raise ValueError('no text in "context"')
    if not isinstance(qas, list):
        raise ValueError('no list in "qas"')
    questions = [Question(str(qa.get("question", "")), _answers(qa, text)) for qa in qas if isinstance(qa, dict)]
    kept = tuple(question for question in questions if question.question.strip() and question.answers)
    if qas and not kept:
        raise ValueError("no question whose answer stands in the context")
    return Passage(str(row.get("title", "")), text, kept)


def _answers(qa: dict[str, object], text: str) -> tuple[str, ...]:
    given = qa.get("answers")
    words = [item.get("text") if isinstance(item, dict) else item for item in given] if isinstance(given, list) else []
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str) and word and word in text))


def _told(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error) if isinstance(error, ValueError) else "nested too deep"
