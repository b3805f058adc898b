"""How many tokens an image is, from its size, by the rules that the makers publish.

Sources (pages by name, as of 2026): OpenAI, "Images and vision", section "Calculating costs" (tiles, patches, limits
and multipliers); where bills were measured to differ from a multiplier (OpenAI community, "Introducing GPT-5.4 mini
and nano": 1.2 for gpt-5-mini, 1.5 for gpt-5-nano) the interval holds both. Anthropic, "Images and vision" (one token a
patch of 28 pixels; earlier editions: width x height / 750, "approximately"). Google, "Understand and count tokens" (258
a tile of 768 pixels), "Image understanding" (crop unit) and "Media resolution" (levels). Only OpenAI's tiles at a
stated level of detail are exact: bills that users measured agree with them, down to how a resized image is rounded.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from llmopt.tokens.chat.frames import claude_version
from llmopt.tokens.chat.pixels import size_of
from llmopt.tokens.chat.tally import Span
from llmopt.tokens.families import Maker

Size = tuple[int, int]
_TYPICAL: Size = (1024, 1024)
"""Stands for an image of unknown size, between the ends of its interval."""


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Tokens of an image, and of each tile of 512 pixels that covers it at high detail."""

    base: int
    tile: int
    certain: bool = True
    """Whether bills are known to follow the published rule."""


@dataclass(frozen=True, slots=True)
class _Patches:
    """Tokens of each patch of 32 pixels, and how many patches an image can have."""

    factor: float
    """Tokens a patch, as billed."""
    most: float
    """The largest figure there is: published where the bills are lower."""
    budget: int = 1536
    original: int = 1536
    """Budget at the level of detail `original`."""
    auto_is_original: bool = False


_TILES = (
    (r"gpt-4o-mini", _Tiles(2833, 5667)),
    (r"computer-use", _Tiles(65, 129)),
    (r"(?:^|[/:._-])o[13](?!\d)", _Tiles(75, 150)),
    (r"gpt-?4", _Tiles(85, 170)),
    (r"gpt-5", _Tiles(70, 140, certain=False)),
)
_PATCHES = (
    (r"gpt-4[.]1-mini", _Patches(1.62, 1.62)),
    (r"gpt-4[.]1-nano", _Patches(2.46, 2.46)),
    (r"o4-mini|codex-mini-latest", _Patches(1.72, 1.72)),
    (r"gpt-5-mini|gpt-5(?:[.]1)?-codex-mini", _Patches(1.2, 1.62)),
    (r"gpt-5-nano", _Patches(1.5, 2.46)),
    (r"gpt-5[.][23]", _Patches(1.2, 1.2)),
    (r"gpt-5[.]4-(?:mini|nano)", _Patches(1.2, 1.62, 2500, 2500)),
    (r"gpt-5[.]4", _Patches(1.2, 1.2, 2500, 10_000)),
    (r"gpt-5[.][5-9]|gpt-[6-9]", _Patches(1.2, 1.2, 2500, 30_000, auto_is_original=True)),
)
_PATCH, _LONGEST, _LONGEST_ORIGINAL = 32, 2048, 6000
_CLAUDE_PATCH = 28
_CLAUDE_TIERS = ((2576, 4784), (1568, 1568))
"""Longest side and most tokens: since Claude 4.7, and before."""
_CLAUDE_SPREAD = 0.03
_TILE, _TILE_TOKENS, _SMALL, _GEMINI_LONGEST = 768, 258, 384, 3072
_GEMINI_CROPS = 24
"""The most crops there are at the longest side."""
_LEVELS = (("ultra", 2240), ("high", 1120), ("medium", 560), ("low", 280))
"""Gemini 3: most tokens of an image by level of resolution; `high` unless stated."""
_GEMINI_LOW = 64
_GEMMA, _UNKNOWN = Span(256, 64, 1536), Span(1024, 1, 16_384)


def image_tokens(
    data: str | None, maker: Maker, model: str, detail: str = "", resolution: str = ""
) -> tuple[Span, bool]:
    """Return the tokens of an image with their interval, and whether they are exact.

    Args:
        data: base64 or a data URL of it; None, or text that is no image, stands for any size.
        maker: whose rules apply.
        model: its name in lower case.
        detail: of OpenAI: `low`, `high`, `original` or `auto`.
        resolution: of Gemini: a level such as `MEDIA_RESOLUTION_LOW`.
    """
    size = size_of(data) if data else None
    if maker == "openai":
        return _openai(size, model, detail)
    if maker == "anthropic":
        return _claude(size, model), False
    if maker == "google":
        return _google(size, model, resolution), False
    return _other(size), False


def _openai(size: Size | None, model: str, detail: str) -> tuple[Span, bool]:
    for pattern, patches in _PATCHES:
        if re.search(pattern, model):
            return _patch_span(size, patches, detail), False
    for pattern, tiles in _TILES:
        if re.search(pattern, model):
            return _tile_span(size, tiles, detail)
    span, _ = _tile_span(size, _Tiles(85, 170), detail)
    return Span(span.tokens, 1, 48_169), False


def _tile_span(size: Size | None, rule: _Tiles, detail: str) -> tuple[Span, bool]:
    tokens = rule.base + rule.tile * _tiles(size or _TYPICAL)
    if detail == "low":
        return Span(rule.base, rule.base, rule.base if rule.certain else tokens), rule.certain
    if size and detail == "high":
        return Span(tokens, tokens, tokens), rule.certain
    low = rule.base + rule.tile if detail == "high" else rule.base
    return Span(tokens, low, tokens if size else rule.base + rule.tile * 8), False


def _tiles(size: Size) -> int:
    """Count tiles after the image fits 2048 x 2048 and its shortest side 768; images are never enlarged."""
    width, height = _within(size, max(size), 2048)
    width, height = _within((width, height), min(width, height), 768)
    return math.ceil(width / 512) * math.ceil(height / 512)


def _within(size: Size, side: int, limit: int) -> Size:
    """Shrink an image so that one of its sides keeps to a limit."""
    if side <= limit:
        return size
    return max(round(size[0] * limit / side), 1), max(round(size[1] * limit / side), 1)


def _patch_span(size: Size | None, rule: _Patches, detail: str) -> Span:
    large = detail == "original" or (rule.auto_is_original and detail != "high")
    budget, longest = (rule.original, _LONGEST_ORIGINAL) if large else (rule.budget, _LONGEST)
    if rule.auto_is_original and large:
        longest = 65_535
    count = _patches(size or _TYPICAL, budget, longest)
    least = count if size else 1
    if detail != "high" and not large:
        least = min(least, _patches(size or _TYPICAL, 256, 512))
    most = count if size else budget
    tokens = math.ceil((least if detail == "low" and size else count) * rule.factor)
    return Span(tokens, math.floor(least * rule.factor), max(math.ceil(most * rule.most) + 1, tokens))


def _patches(size: Size, budget: int, longest: int) -> int:
    """Count patches after the image fits the longest side and the budget, by the published steps."""
    width, height = _within(size, max(size), longest)
    if math.ceil(width / _PATCH) * math.ceil(height / _PATCH) > budget:
        shrink = math.sqrt(_PATCH**2 * budget / (width * height))
        across, down = width * shrink / _PATCH, height * shrink / _PATCH
        shrink *= min(max(math.floor(across), 1) / across, max(math.floor(down), 1) / down)
        width, height = max(int(width * shrink + 1e-6), 1), max(int(height * shrink + 1e-6), 1)
    return min(math.ceil(width / _PATCH) * math.ceil(height / _PATCH), budget)


def _claude(size: Size | None, model: str) -> Span:
    version = claude_version(model)
    newest, older = _CLAUDE_TIERS
    longest, most = newest if version and version >= (4, 7) else older
    if size is None:
        top = most if version else newest[1]
        return Span(_claude_grid(_TYPICAL), 1, round(top * (1 + _CLAUDE_SPREAD)))
    fitted = _claude_fit(size, longest, most)
    grid, area = _claude_grid(fitted), fitted[0] * fitted[1] / 750
    ends = [grid, area]
    if version is None:
        ends.append(_claude_grid(_claude_fit(size, *newest)))
    return Span(grid, int(min(ends) * (1 - _CLAUDE_SPREAD)), math.ceil(max(ends) * (1 + _CLAUDE_SPREAD)) + 4)


def _claude_grid(size: Size) -> int:
    return math.ceil(size[0] / _CLAUDE_PATCH) * math.ceil(size[1] / _CLAUDE_PATCH)


def _claude_fit(size: Size, longest: int, most: int) -> Size:
    """Return the largest size of the same shape that keeps to both limits."""
    long = max(size)
    scale = min(1.0, longest / long, math.sqrt(most * _CLAUDE_PATCH**2 / (size[0] * size[1])))
    side = max(int(long * scale), 1)
    while side > 1 and _claude_grid(_within(size, long, side)) > most:
        side -= 1
    return _within(size, long, side)


def _google(size: Size | None, model: str, resolution: str) -> Span:
    if "gemma" in model:
        return _GEMMA
    level = resolution.lower()
    generation = re.search(r"gemini-(\d+)", model)
    if generation and int(generation[1]) >= 3:
        most = next((tokens for name, tokens in _LEVELS if name in level), 1120)
        return Span(most, most // 2 if level else 280, most + 2)
    if "low" in level:
        return Span(_GEMINI_LOW, _GEMINI_LOW, _TILE_TOKENS)
    if size is None:
        return Span(_TILE_TOKENS, _TILE_TOKENS, _TILE_TOKENS * _GEMINI_CROPS)
    if max(size) <= _SMALL:
        return Span(_TILE_TOKENS, _TILE_TOKENS, _TILE_TOKENS)
    size = _within(size, max(size), _GEMINI_LONGEST)
    tiles = math.ceil(size[0] / _TILE) * math.ceil(size[1] / _TILE)
    unit = min(max(min(size) / 1.5, 256), _TILE)
    crops = math.ceil(size[0] / unit) * math.ceil(size[1] / unit)
    return Span(_TILE_TOKENS * tiles, _TILE_TOKENS, _TILE_TOKENS * max(tiles, crops))


def _other(size: Size | None) -> Span:
    """Count patches of 28 pixels, as Qwen's models do; others differ by a lot."""
    if size is None:
        return _UNKNOWN
    grid = min(_claude_grid(size), _UNKNOWN.high // 2)
    return Span(grid, 1, max(grid * 2, 2048))
