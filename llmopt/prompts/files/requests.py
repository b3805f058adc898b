"""Compress the texts of the chat requests in a JSON or JSON-lines file; every other byte of it stays."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from llmopt.errors import InputError, UsageError
from llmopt.files import unpacked_name
from llmopt.prompts.chat import CompressedChat, compressed_chat
from llmopt.prompts.contents import CACHE_CONTROL, Path, contents
from llmopt.prompts.context import LEVELS
from llmopt.prompts.edits import Edit
from llmopt.prompts.files.held import held_in
from llmopt.prompts.files.positions import as_token, string_positions
from llmopt.prompts.files.reading import NotText, Source
from llmopt.prompts.files.values import FilePart, FileResult, Held
from llmopt.prompts.options import Options
from llmopt.prompts.texts import Part
from llmopt.tokens.chat.requests import is_request, several
from llmopt.tokens.counting.values import Skipped

ENDINGS = (".json", ".jsonl", ".ndjson")
"""Endings of files that may hold chat requests."""
NO_REQUEST = "not a chat request: no messages, prompt, input or contents"
TOO_DEEP = "nested too deeply"
NO_TEXT = "a request without a text that could be compressed"
_LONGEST_NUMBER = 18
_TRIED = 100


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON document of a file."""

    start: int
    """Offset of its text in the text of the file."""
    end: int
    line: int
    """Line of the file at which it starts, from 1."""
    body: object
    """Decoded; None where it could not be."""
    wrong: str = ""
    """Why it is no chat request."""


def holds_requests(source: Source) -> bool:
    """Return whether a file is named like JSON and most of its first records with text are chat requests."""
    if not unpacked_name(source.shown).endswith(ENDINGS) or not source.text.strip():
        return False
    try:
        found = [record.wrong for record in islice(records(source.text), _TRIED) if record.wrong != NO_TEXT]
    except NotText:
        return False
    return 2 * found.count("") > len(found)


def compress_requests(source: Source, options: Options, *, asked: bool = True) -> FileResult:
    """Return a file of chat requests with the texts of each made shorter.

    What is no chat request or has no text stays as it is, and is named in `skipped`; so does one whose texts cannot be
    brought under the budget, which holds for each request, or that lacks the marker of the stable prefix.

    Args:
        source: the file.
        options: how.
        asked: the user says that it holds requests, so that another record is an error.

    Raises:
        NotText: it holds no JSON at all.
    """
    breaks = [found.start() for found in re.finditer("\n", source.text)]
    edits: list[Edit] = []
    parts: list[FilePart] = []
    skipped: list[Skipped] = []
    held: list[Held] = []
    for number, record in enumerate(records(source.text)):
        where = f"{source.shown}:{record.line}"
        try:
            chat = _compressed(record, options)
            if options.stable_prefix is not None:
                held.append(_held(record, chat, options))
        except (InputError, UsageError) as error:
            other = record.wrong == NO_TEXT or (record.wrong == NO_REQUEST and not asked)
            skipped.append(Skipped(where, error.message, asked=not other))
            continue
        places = string_positions(source.text[record.start : record.end], [part.path for part in chat.parts])
        for part in chat.parts:
            start, end = (record.start + offset for offset in places[part.path])
            parts.append(FilePart(_label(part.path), bisect_left(breaks, start) + 1, number, part.result))
            if part.result.text != part.result.original:
                token = as_token(part.result.text, source.text[start:end])
                edits.append(Edit(start, end, token, "text"))
    edits.sort(key=lambda edit: edit.start)
    total = Held(sum(one.tokens for one in held), sum(one.forgone_tokens for one in held)) if held else None
    name = options.context.tokenizer.name
    return FileResult(source, tuple(edits), tuple(parts), skipped=tuple(skipped), held=total, tokenizer=name)


def records(text: str) -> Iterator[Record]:
    """Yield the documents of a JSON text, or of JSON lines.

    Raises:
        NotText: it is neither.
    """
    lines = list(_lines(text))
    if not lines:
        raise NotText("empty")
    first = _record(text, *lines[0])
    if len(lines) > 1 and first.body is not None:
        yield first
        yield from (_record(text, *line) for line in lines[1:])
        return
    whole = _record(text, lines[0][0], len(text), lines[0][2])
    if whole.body is not None:
        yield whole
        return
    if len(lines) == 1 or all(_record(text, *line).body is None for line in lines[:_TRIED]):
        raise NotText(whole.wrong)
    yield from (_record(text, *line) for line in lines)


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and number of every line that is not blank; only a line feed ends a line."""
    start, number = 0, 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        number += 1
        if not text[start:end].isspace():
            yield start, end, number
        start = end


def _record(text: str, start: int, end: int, line: int) -> Record:
    body, wrong = _decode(text[start:end])
    return Record(start, end, line, body, wrong or _complaint(body))


def _complaint(body: object) -> str:
    """Return why a decoded record holds nothing to compress; empty where it does."""
    try:
        if not is_request(body) and not several(body):
            return NO_REQUEST
        return "" if contents(body) else NO_TEXT
    except RecursionError:
        return TOO_DEEP


def _decode(text: str) -> tuple[object, str]:
    try:
        return json.loads(text, parse_int=_number, parse_float=float), ""
    except RecursionError:
        return None, TOO_DEEP
    except json.JSONDecodeError as error:
        return None, f"not JSON: {error.msg} at column {error.colno:,}"


def _number(digits: str) -> int:
    """Return a whole number; of one that is too long to be of use here, 0."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else 0


def _compressed(record: Record, options: Options) -> CompressedChat:
    if record.wrong:
        raise InputError(record.wrong)
    try:
        return compressed_chat(record.body, options)
    except RecursionError as error:
        raise InputError(TOO_DEEP) from error


def _held(record: Record, chat: CompressedChat, options: Options) -> Held:
    cached = {content.path: content.cached for content in contents(record.body)}
    marked = options.stable_prefix == CACHE_CONTROL
    levels = {content.path: content.highest_level for content in contents(record.body)}
    parts = [
        Part(
            part.result.original,
            min(options.level, levels[part.path], key=LEVELS.index),
            cached=marked and cached[part.path],
        )
        for part in chat.parts
    ]
    plain = replace(options, stable_prefix=None) if marked else options
    return held_in(parts, [part.result for part in chat.parts], plain)


def _label(path: Path) -> str:
    """Return a path as `messages[1].content`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
