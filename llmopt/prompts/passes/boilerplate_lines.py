"""Tell lines that are nothing but a page's furniture: menus, cookie notices, share links, copyright.

What they look like is data: `phrases/boilerplate.toml`, in English and Vietnamese.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

_LONGEST = 240
"""Characters of such a line; longer ones have something to say."""
_AROUND = " \t*-•·#>|_←→↑↓»«\u2039\u203a[]()"
_EMOJI = re.compile(r"^[^\w©(\"'“]+|[^\w)\"'”?!.…]+$")
_BETWEEN = re.compile(r"\s*[|\u203a»>•·/\u2013—]\s*|\s{3,}|\s-\s")
_FEWEST_ENTRIES = 3
_DOTS = re.compile(r".{1,100}?\.{5,}\s*\d{1,4}")


@lru_cache(maxsize=1)
def _table() -> tuple[re.Pattern[str], frozenset[str]]:
    text = (files("llmopt.prompts") / "phrases" / "boilerplate.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    lines = "|".join(f"(?:{pattern})" for pattern in [*data["en"], *data["vi"]])
    return re.compile(lines), frozenset(data["menu"])


def is_boilerplate(line: str) -> bool:
    """Return whether a whole line is furniture."""
    text = line.strip()
    if not text or len(text) > _LONGEST:
        return False
    pattern, _ = _table()
    plain = _EMOJI.sub("", text.strip(_AROUND)).lower()
    for spelling in (plain, plain.rstrip(".!: ")):
        if spelling and pattern.fullmatch(spelling):
            return True
    return is_menu(text) or _DOTS.fullmatch(text) is not None


def is_menu(line: str) -> bool:
    """Return whether a line is a row of links, two thirds of which menus usually have."""
    _, menu = _table()
    entries = [entry.strip(" .[]").lower() for entry in _BETWEEN.split(line.strip(_AROUND)) if entry.strip(" .[]")]
    return len(entries) >= _FEWEST_ENTRIES and sum(entry in menu for entry in entries) * 3 >= 2 * len(entries)


def is_menu_entry(line: str) -> bool:
    """Return whether a line is one entry of a menu; by itself that says little."""
    _, menu = _table()
    return line.strip(_AROUND + ".").lower() in menu
