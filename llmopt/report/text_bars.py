"""Bars and sparklines made of characters: eighths of blocks on a terminal that has them, plain ASCII elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

WIDEST, NARROWEST = 16, 5
"""Terminal columns of a bar beside a number."""
_EIGHTHS = "▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_PLAIN_HEIGHTS = "_.-=+*%#"


def bar(value: Decimal, longest: Decimal, width: int, *, boxes: bool = True) -> str:
    """Return a bar as long as the share of `value` in `longest`, which takes `width` columns; empty for 0 and less.

    Anything above 0 is seen: it takes an eighth of a column at least, in ASCII a whole one.
    """
    if value <= 0 or longest <= 0:
        return ""
    parts = len(_EIGHTHS) if boxes else 1
    length = max(round(value * width * parts / longest), 1)
    if not boxes:
        return "#" * length
    whole, rest = divmod(length, parts)
    return _EIGHTHS[-1] * whole + (_EIGHTHS[rest - 1] if rest else "")


def sparkline(amounts: Sequence[Decimal], *, boxes: bool = True) -> str:
    """Return a bar for each amount, as high as its share of the highest; a blank where it is 0 or less."""
    heights = _HEIGHTS if boxes else _PLAIN_HEIGHTS
    highest = max(amounts, default=Decimal(0))
    return "".join(
        heights[min(int(amount * len(heights) / highest), len(heights) - 1)] if amount > 0 else " "
        for amount in amounts
    )
