"""The style sheet and the script of a page, and the policy that lets nothing else run or load."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path

from llmopt.report.drawing.style import DARK, FONT, LIGHT, RULES, variables

_HERE = Path(__file__).parent


@cache
def style() -> str:
    """Return the style sheet of a page: light, dark and printed, with its charts."""
    sheet = (_HERE / "page.css").read_text(encoding="utf-8")
    sheet = sheet.replace("FONT", FONT).replace("LIGHT", variables(LIGHT))
    dark = f"@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"
    return f"\n:root{{color-scheme:light dark;{variables(LIGHT)}}}\n{dark}\n{RULES}\n{sheet}"


@cache
def script() -> str:
    """Return what sorts tables, and opens what is folded before it is printed."""
    return f"\n{(_HERE / 'page.js').read_text(encoding='utf-8')}"


@cache
def policy() -> str:
    """Return the content security policy: this style and this script, and nothing from anywhere."""
    allowed = f"style-src '{_hash(style())}'; script-src '{_hash(script())}'; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
