"""Quoted strings with their quotes, on one line unless they cannot be misread."""

from __future__ import annotations

import re

from llmopt.prompts.segments.found import Found

_STRAIGHT = re.compile(r'"(?<![\w"\\]")(?!"")(?:[^"\\\r\n]|\\[^\r\n]){0,500}+"(?![\w"])')
_NEXT = re.compile(r'"[^"\r\n]{1,500}+"')
_SINGLE = re.compile(r"'(?<![\w'\u2019\\)\]]')(?=[^\s'])(?:[^'\r\n\\]|\\[^\r\n]|'(?=\w)){0,160}(?<=[^\s'])'(?![\w'])")
_PADDED = re.compile(r"'(?<![^\s(\[{=,:]')(?:[ \t]{1,100}+[^'\r\n]{0,160}+|[^'\s][^'\r\n]{0,160}(?<=[ \t]))'(?![\w'])")
_PAIRED: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("“", re.compile(r"“(?:[^“”\r\n]|\r?\n(?![ \t]*+[\r\n])){1,500}+”")),  # over lines, for it cannot be misread
    ("\u2039", re.compile(r"\u2039[^\u2039\u203a\r\n]{1,500}+\u203a")),
    ("'''", re.compile(r"'''[^'\r\n]{1,500}+'''")),
    ("„", re.compile(r"„[^„“”\r\n]{1,500}+[“”]")),
    ("«", re.compile(r"«[^«»\r\n]{1,500}+»")),
    ("\u2018", re.compile(r"\u2018(?<!\w\u2018)(?:[^\u2018\u2019\r\n]|\u2019(?=\w)){1,200}+\u2019(?!\w)")),
    ("「", re.compile(r"「[^「」\r\n]{1,500}+」")),
    ("『", re.compile(r"『[^『』\r\n]{1,500}+』")),
    ("《", re.compile(r"《[^《》\r\n]{1,500}+》")),
)


def quotes(text: str) -> list[Found]:
    """Return quoted strings of at most 500 characters; an apostrophe quotes nothing.

    Args:
        text: with fences, JSON and code masked.
    """
    found: list[Found] = []
    if '"' in text:
        for pattern in (_STRAIGHT, _NEXT):  # by the characters beside them, and simply in pairs
            found += [(match.start(), match.end(), "quoted") for match in pattern.finditer(text)]
    if "'" in text:
        found += [(match.start(), match.end(), "quoted") for match in _SINGLE.finditer(text)]
        found += [(match.start(), match.end(), "quoted") for match in _PADDED.finditer(text)]
    for opening, pattern in _PAIRED:
        if opening in text:
            found += [(match.start(), match.end(), "quoted") for match in pattern.finditer(text)]
    return found
