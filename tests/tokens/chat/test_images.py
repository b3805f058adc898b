"""Images: the published examples of each maker, sizes from headers, and intervals where the size is not known."""

from __future__ import annotations

import base64
import math
import struct
import tracemalloc
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmopt.tokens.chat.images import image_tokens
from llmopt.tokens.chat.pixels import size_of
from llmopt.tokens.chat.requests import count_request
from llmopt.tokens.chat.tally import Span
from llmopt.tokens.families import Maker
from llmopt.tokens.result import TokenCount

MAKERS: tuple[Maker, ...] = ("openai", "anthropic", "google", "other")
MODELS = ("gpt-4o", "gpt-5-mini", "gpt-5.6", "claude-opus-4-5", "claude-opus-4-8", "gemini-2.5-pro", "gemini-3-pro", "")


class Letters:
    """One token a letter."""

    name = "letters"

    def count(self, text: str) -> TokenCount:
        return TokenCount.exact(len(text), self.name)

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        return [self.count(text) for text in texts]


def png(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3)


def jpeg(width: int, height: int, before: int = 16, marker: int = 0xC0) -> bytes:
    segments = b"\xff\xe1" + struct.pack(">H", before + 2) + bytes(before) + b"\xff\xff\xdb\x00\x03\x00"
    frame = b"\xff" + bytes([marker]) + struct.pack(">HBHH", 11, 8, height, width) + bytes(4)
    return b"\xff\xd8" + segments + frame


def webp(width: int, height: int, kind: bytes) -> bytes:
    start = b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4)
    if kind == b"VP8X":
        return start + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + bytes(8)
    if kind == b"VP8L":
        return start + b"\x2f" + (width - 1 | (height - 1) << 14).to_bytes(4, "little") + bytes(8)
    return start + b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(8)


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sized(width: int, height: int) -> str:
    return encode(png(width, height))


@pytest.mark.parametrize(
    "data",
    [
        png(640, 480),
        gif(640, 480),
        jpeg(640, 480),
        jpeg(640, 480, before=60_000, marker=0xC2),
        webp(640, 480, b"VP8X"),
        webp(640, 480, b"VP8L"),
        webp(640, 480, b"VP8 "),
    ],
)
def test_sizes_are_read_from_headers(data: bytes) -> None:
    encoded = encode(data)
    assert size_of(encoded) == (640, 480)
    assert size_of(f"data:image/any;base64,{encoded}") == (640, 480)
    assert size_of(encoded.replace("+", "-").replace("/", "_")) == (640, 480)
    assert size_of("\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))) == (640, 480)


@given(st.binary(max_size=80) | st.text(max_size=80))
@example(png(0, 5))
@example(png(3, 5)[:20])
@example(b"\xff\xd8")
@example(b"\xff\xd8" + b"\xff\xe0\x00\x00" * 30)
@example("data:image/png;base64,é")
@example("data:,")
def test_garbage_has_no_size_and_never_raises(data: bytes | str) -> None:
    size = size_of(data if isinstance(data, str) else encode(data))
    assert size is None or min(size) > 0


def test_only_the_header_of_a_large_image_is_decoded() -> None:
    encoded = encode(png(4000, 3000)) + "A" * 28_000_000
    tracemalloc.start()
    try:
        assert size_of(encoded) == (4000, 3000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2**20


@pytest.mark.parametrize(
    ("model", "size", "detail", "tokens"),
    [
        ("gpt-4o", (1024, 1024), "high", 765),
        ("gpt-4o", (2048, 4096), "high", 1105),
        ("gpt-4o", (4096, 8192), "low", 85),
        ("gpt-4.1", (512, 512), "high", 255),
        ("gpt-4.1", (2049, 513), "high", 1445),
        ("gpt-4.1", (2050, 513), "high", 765),
        ("gpt-4o-mini", (1024, 1024), "high", 2833 + 4 * 5667),
        ("gpt-4o-mini", (128, 64), "low", 2833),
        ("o1", (1024, 1024), "high", 75 + 4 * 150),
        ("o3-2025-04-16", (128, 64), "high", 225),
        ("computer-use-preview", (1024, 1024), "high", 65 + 4 * 129),
    ],
)
def test_tiles_of_openai_are_exact(model: str, size: tuple[int, int], detail: str, tokens: int) -> None:
    assert image_tokens(sized(*size), "openai", model, detail) == (Span(tokens, tokens, tokens), True)


@pytest.mark.parametrize(
    ("model", "size", "tokens", "inside"),
    [
        ("gpt-4.1-mini", (1024, 1024), math.ceil(1024 * 1.62), 1024),
        ("gpt-4.1-mini", (1800, 2400), math.ceil(1452 * 1.62), 2352),
        ("o4-mini", (1024, 1024), math.ceil(1024 * 1.72), 1762),
        ("gpt-4.1-nano", (128, 64), 20, 20),
        ("gpt-5-mini", (1600, 1600), 1826, 1834),
        ("gpt-5-nano", (1600, 1600), 2282, 2290),
        ("gpt-5.4", (1600, 1600), 3000, 3000),
        ("gpt-5.6", (6400, 1440), 10_800, 10_800),
    ],
)
def test_patches_of_openai_hold_the_published_and_the_billed(
    model: str, size: tuple[int, int], tokens: int, inside: int
) -> None:
    span, exact = image_tokens(sized(*size), "openai", model, "high" if model != "gpt-5.6" else "original")
    assert (span.tokens, exact) == (tokens, False)
    assert span.low <= tokens <= span.high
    assert inside < tokens or span.low <= inside <= span.high


def test_the_level_of_detail_decides_and_is_unknown_unless_stated() -> None:
    unstated, exact = image_tokens(sized(1024, 1024), "openai", "gpt-4o")
    assert (unstated, exact) == (Span(765, 85, 765), False)
    assert image_tokens(None, "openai", "gpt-4o", "low") == (Span(85, 85, 85), True)
    assert image_tokens(None, "openai", "gpt-4o", "high") == (Span(765, 255, 1445), False)


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("claude-sonnet-4-5", (200, 200), 64),
        ("claude-sonnet-4-5", (1000, 1000), 1296),
        ("claude-sonnet-4-5", (1092, 1092), 1521),
        ("claude-opus-4-7", (1932, 1932), 4761),
        ("claude-opus-4-7", (200, 200), 64),
    ],
)
def test_claude_counts_patches_and_holds_the_older_formula(model: str, size: tuple[int, int], tokens: int) -> None:
    span, exact = image_tokens(sized(*size), "anthropic", model)
    assert (span.tokens, exact) == (tokens, False)
    assert span.low <= size[0] * size[1] / 750 <= span.high
    assert span.low < tokens < span.high


@pytest.mark.parametrize(("model", "most"), [("claude-sonnet-4-6", 1568), ("claude-opus-4-8", 4784)])
@pytest.mark.parametrize("size", [(8000, 8000), (8000, 100), (3000, 2000), (1, 8000), (2576, 1449)])
def test_claude_shrinks_large_images(model: str, most: int, size: tuple[int, int]) -> None:
    span, _ = image_tokens(sized(*size), "anthropic", model)
    assert span.tokens <= most
    if size == (8000, 8000):
        assert span.tokens > most * 0.95


@pytest.mark.parametrize(
    ("model", "size", "resolution", "span"),
    [
        ("gemini-2.0-flash", (384, 384), "", Span(258, 258, 258)),
        ("gemini-2.0-flash", (960, 540), "", Span(516, 258, 1548)),
        ("gemini-2.5-pro", (1536, 768), "", Span(516, 258, 1548)),
        ("gemini-3-pro-preview", (1000, 1000), "", Span(1120, 280, 1122)),
        ("gemini-3-pro-preview", (1000, 1000), "MEDIA_RESOLUTION_LOW", Span(280, 140, 282)),
    ],
)
def test_gemini_counts_tiles_or_levels(model: str, size: tuple[int, int], resolution: str, span: Span) -> None:
    assert image_tokens(sized(*size), "google", model, "", resolution) == (span, False)


@given(
    st.none() | st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1)),
    st.sampled_from(MAKERS),
    st.sampled_from(MODELS),
    st.sampled_from(["", "low", "high", "auto", "original"]),
)
def test_every_image_lies_within_the_interval_of_an_unknown_one(
    size: tuple[int, int] | None, maker: Maker, model: str, detail: str
) -> None:
    span, exact = image_tokens(sized(*size) if size else None, maker, model, detail)
    unknown, _ = image_tokens(None, maker, model, detail)
    assert 0 <= span.low <= span.tokens <= span.high
    assert not exact or span.low == span.high
    assert unknown.low <= span.tokens <= unknown.high


URL = f"data:image/png;base64,{sized(1024, 1024)}"
SHAPES: list[tuple[Maker, Any]] = [
    ("openai", {"type": "image_url", "image_url": {"url": URL, "detail": "high"}}),
    ("openai", {"type": "input_image", "image_url": URL, "detail": "high"}),
    ("anthropic", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": URL[22:]}}),
    ("google", {"inlineData": {"mimeType": "image/png", "data": URL[22:]}}),
    ("google", {"inline_data": {"mime_type": "image/png", "data": URL[22:]}}),
    ("anthropic", {"image": {"format": "png", "source": {"bytes": URL[22:]}}}),
]


@pytest.mark.parametrize(("maker", "part"), SHAPES)
def test_images_are_found_in_every_shape(maker: Maker, part: Any) -> None:
    model = {"openai": "gpt-4o", "anthropic": "claude-opus-4-5", "google": "gemini-2.0-flash"}[maker]
    counted = count_request([{"role": "user", "content": [part]}], Letters(), maker, model)
    span, exact = image_tokens(URL, maker, model, "high")
    assert counted.images == 1
    assert counted.count.tokens == span.tokens + counted.overhead_tokens
    assert (counted.count.method == "exact") is exact
    assert counted.uncounted == ()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}},
        {"type": "image_url", "image_url": 5},
        {"type": "image_url", "image_url": None},
        {"type": "input_image", "file_id": "file-1", "detail": float("nan")},
        {"type": "image", "source": {"type": "file", "file_id": "file-1"}},
        {"type": "image", "source": []},
    ],
)
def test_an_image_without_a_size_has_an_interval(part: Any) -> None:
    counted = count_request([{"role": "user", "content": [part]}], Letters(), "openai", "gpt-4o")
    assert counted.images == 1
    assert counted.count.method == "estimated"
    assert (counted.count.low, counted.count.high) == (85 + 10, 1445 + 10)


def test_text_and_a_tiled_image_are_exact_together() -> None:
    parts = [{"type": "text", "text": "What is this?"}, SHAPES[0][1]]
    counted = count_request([{"role": "user", "content": parts}], Letters(), "openai", "gpt-4o")
    assert counted.count == TokenCount.exact(13 + 765 + counted.overhead_tokens, "letters")
