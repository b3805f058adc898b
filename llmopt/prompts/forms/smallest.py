"""Choose the form of a JSON value that has the fewest tokens, of those that give back exactly the same values."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llmopt.errors import InputError
from llmopt.prompts.context import Context
from llmopt.prompts.facts import kept_in_order
from llmopt.prompts.forms import csv_rows, toon
from llmopt.prompts.forms.json_values import exact_values
from llmopt.prompts.forms.numbers import Spelled

_BACKTICKS = re.compile("`+")
_INSIDE = r'(?:[^<>{}"\\\n]|\\.){0,200}'
_PLACEHOLDER = re.compile(
    rf"\{{\{{{_INSIDE}\}}\}}|\{{%{_INSIDE}%\}}|</?[A-Za-z]{_INSIDE}>"
    r"|\$\{[\w.!: \-]{1,80}\}|\{[\w.!: \-]{1,80}\}|\$[A-Za-z_]\w*+|%\(\w{1,80}\)[a-z]|%[sdfr]\b"
)
"""Whatever a program may fill in, and tags; TOON and CSV escape fewer characters than JSON, or others."""
_SAMPLED = 64 * 1024
"""Texts longer than this are compared by samples first, for counting is slower than writing."""
_SAMPLE = 4096
_SAMPLES = 4
_CLEARLY = 0.9
"""An estimate that is below this share of the other needs no exact count."""


def fenced(text: str, name: str) -> str:
    """Return a text in a fence that no line of it can close."""
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{name}\n{text}\n{fence}"


def other_form(text: str, plain: str, context: Context, newline: str = "\n") -> tuple[str, str] | None:
    """Return the form with fewer tokens than `plain`, in a fence, and its name; None if there is none.

    Args:
        text: JSON.
        plain: the same JSON, minified.
        context: says which forms are wanted, and counts tokens.
        newline: what ends lines where the form will stand.
    """
    wanted = ("toon", "csv") if context.json_form == "smallest" else (context.json_form,)
    try:
        value = exact_values(text)
    except InputError:
        return None
    texts = {form: _written(value, form) for form in wanted}
    if newline != "\n" and (texts.get("csv") or "").count("\n") > len(value):
        del texts["csv"]  # a line break within a cell is none of those that end lines
    ranked = [(fenced(written, form), form) for form, written in texts.items() if written]
    ranked = [item for item in ranked if _is_smaller(item[0], plain, context)]
    if len(ranked) > 1:
        ranked.sort(key=lambda item: _estimated(item[0], context))
    for short, form in ranked:
        marks = _PLACEHOLDER.findall(plain)
        if kept_in_order(marks, _PLACEHOLDER.findall(short)) and _gives_back(value, texts[form] or "", form):
            return short.replace("\n", newline), form
    return None


def _written(value: Any, form: str) -> str | None:
    """Return a value in a form, None if it does not fit."""
    try:
        return toon.encode(value) if form == "toon" else csv_rows.encode(value)
    except InputError:
        return None


def _gives_back(value: Any, text: str, form: str) -> bool:
    """Return whether reading a text gives exactly the value."""
    try:
        read = toon.decode(text, number=_number) if form == "toon" else csv_rows.decode(text, number=_number)
    except InputError:
        return False
    return _are_same(value, read)


def _number(text: str) -> int | Spelled:
    return Spelled(text) if "." in text or "e" in text or "E" in text else int(text)


def _are_same(first: Any, second: Any) -> bool:
    """Return whether values are equal, the order of keys and the types of numbers included."""
    return bool(first == second) and msgspec.json.encode(first) == msgspec.json.encode(second)


def _is_smaller(text: str, other: str, context: Context) -> bool:
    """Return whether a text has fewer tokens than the other."""
    if len(other) > _SAMPLED:
        if len(text) >= len(other):
            return False
        if _estimated(text, context) < _CLEARLY * _estimated(other, context):
            return True
    return context.tokens(text) < context.tokens(other)


def _estimated(text: str, context: Context) -> float:
    """Return how many tokens a text has; of a long one about how many, by samples spread over it."""
    if len(text) <= _SAMPLED:
        return context.tokens(text)
    step = (len(text) - _SAMPLE) // (_SAMPLES - 1)
    sample = sum(context.tokens(text[at : at + _SAMPLE]) for at in range(0, _SAMPLES * step, step))
    return sample * len(text) / (_SAMPLES * _SAMPLE)
