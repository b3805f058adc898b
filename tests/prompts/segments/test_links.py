"""URLs, e-mail addresses, paths and identifiers."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import spans


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://a.b/c_(d)?e=f&g=%20h#i",
        "ftp://x.y/z",
        "s3://bucket/key.parquet",
        "postgresql://u:p@h:5432/db",
        "https://[::1]:8080/x",
        "www.example.com/x",
        "mailto:a@b.co",
        "first.last+tag@sub.example.co.uk",
        "/usr/local/bin",
        "~/notes.txt",
        "./run.sh",
        "../a/b.py",
        "src/llm/main.py",
        "C:\\Users\\me\\x.txt",
        "--dry-run",
        "--level=safe",
        "123e4567-e89b-12d3-a456-426614174000",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "see {}, then", "({})", "Is it {}?", "at {}. Next"])
def test_a_literal_name_is_one_span_without_the_punctuation(url: str, frame: str) -> None:
    assert spans(frame.replace("{}", url), "url") == [url]


@pytest.mark.parametrize(
    "text",
    [
        "and/or",
        "he/she",
        "w/o",
        "5/10",
        "km/h",
        "a @ b",
        "@name said",
        "a://",
        "1 -- 2",
        "well--known",
        "x: y",
        "TCP/IP",
    ],
)
def test_these_are_no_literal_names(text: str) -> None:
    assert spans(text, "url") == []


def test_markdown_links_and_angles_end_a_url() -> None:
    assert spans("[text](https://a.b/c_(d)) and <https://x.y>", "url") == ["https://a.b/c_(d)"]
    assert spans("「https://a.b/c」 “https://d.e”", "url", "quoted") == ["「https://a.b/c」", "“https://d.e”"]


def test_punctuation_alone_is_no_rest_of_a_url() -> None:
    assert spans("see ://... and x://)", "url") == []
    assert spans("g00d-1234-1234-1234-123456789012", "url") == []
