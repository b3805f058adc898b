"""Globs match names of objects as they match files."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.stores.patterns import as_walked, divided, is_hidden, literal_start, matches

NAMES = [
    "a.jsonl",
    "b/a.jsonl",
    "b/.hidden.jsonl",
    ".git/a.jsonl",
    "b/c/d/a.jsonl",
    "b/c/ab.json",
    "b/[x].json",
    "b/x.json",
    "b/ä #%.json",
    "bc/a.jsonl",
]
PARTS = st.sampled_from(["*", "**", "b", "b*", "?", "*.json*", "[ab]*", "[!a]*", "[[]x].json", ".*", "a.jsonl", "c"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("names")
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@given(st.lists(PARTS, min_size=1, max_size=4).map("/".join))
def test_as_on_a_disk(folder: Path, pattern: str) -> None:
    found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - as for paths that users give
    on_disk = {name for name in found if name in NAMES}  # `file/**` finds `file/` there
    assert {name for name in NAMES if matches(pattern.split("/"), name.split("/"))} == on_disk


def test_names_come_as_a_walk_finds_them(folder: Path) -> None:
    walked = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        walked += [(Path(place) / name).relative_to(folder).as_posix() for name in sorted(files)]
    assert sorted(NAMES, key=lambda name: as_walked(name.split("/"))) == walked


@pytest.mark.parametrize(
    ("url", "folder", "pattern"),
    [
        ("s3://b/logs/*.gz", "s3://b/logs/", "*.gz"),
        ("s3://b/logs/2026-*/x.gz", "s3://b/logs/", "2026-*/x.gz"),
        ("s3://b/**", "s3://b/", "**"),
        ("s3://b*/x", "s3://", "b*/x"),
        ("s3://b/l/x[1].gz", "s3://b/l/", "x[1].gz"),
        ("s3://b/l/x.gz", "s3://b/l/", "x.gz"),
    ],
)
def test_a_url_is_divided_before_its_first_wildcard(url: str, folder: str, pattern: str) -> None:
    assert divided(url) == (folder, pattern)


@pytest.mark.parametrize(("pattern", "start"), [("2026-*/x", "2026-"), ("a/b*", "a"), ("*", ""), ("ab", "ab")])
def test_what_all_matches_begin_with(pattern: str, start: str) -> None:
    assert literal_start(pattern) == start


def test_hidden() -> None:
    assert is_hidden(["a", ".b", "c"])
    assert not is_hidden(["a.b"])
