"""The sentences of the machine's documentation are prose, each once, and in the same order each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import distill_data
from benchmarks.distill_data import drawn, prose, sentences

MODULE = '''"""Rivers run slowly down to the distant sea.

    >>> river.run() and this is not a sentence of words.

Parameters
----------
speed : float
    How fast the water of this river runs.

Boats go up the river again. See `boat`. Nobody knows why they do that!
"""
try:
    class Boat:
        """Carry many people over the wide river."""

        def row(self) -> str:
            """Rivers run slowly, down to the distant SEA."""
            return "This string is not a docstring at all."
except ImportError:
    pass
'''


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_sentences_of_docstrings_descriptions_and_questions(tmp_path: Path) -> None:
    written(tmp_path / "boats/deep/river.py", MODULE)
    written(tmp_path / "boats/tests/test_river.py", '"""Tests hold sentences that are not taken here."""')
    written(tmp_path / "site-packages/other/a.py", '"""Packages have a root of their own, not this one."""')
    written(tmp_path / "broken.py", "def (")
    written(tmp_path / "null.py", "\0")
    written(tmp_path / "alone.py", '"""A module may stand alone, without any package."""')
    written(tmp_path / "boats-1.dist-info/METADATA", "Name: boats\n\nThis package is all about boats and rivers.\n")
    row = {"context": "The river Thames flows through London.", "qas": [{"question": "Which river flows through it?"}]}
    written(tmp_path / "xquad-dev.en.jsonl", json.dumps(row) + "\n")
    found = list(sentences([tmp_path], tmp_path))
    assert [pair for pair in found if pair[0] != "topics"] == [
        ("alone", "A module may stand alone, without any package."),
        ("boats", "Rivers run slowly down to the distant sea."),
        ("boats", "Nobody knows why they do that!"),
        ("boats", "Carry many people over the wide river."),
        ("metadata", "This package is all about boats and rivers."),
        ("xquad", "The river Thames flows through London."),
    ]
    assert sum(source == "topics" for source, _ in found) > 500
    assert found == list(sentences([tmp_path], tmp_path))
    assert len(list(sentences([tmp_path], tmp_path / "none"))) == len(found) - 1


@pytest.mark.parametrize(
    "text",
    [
        "too few words here.",
        "it begins with a small letter, and so it is no sentence.",
        "This one has no end, so it may have been cut",
        "Call it as run(text) or as one of the others.",
        "Numbers 1234 5678 91011 are 1213 not 1415 words.",
        "- This is an item of a list, and no paragraph of it.",
        "name (str): The name of the thing that is to be made.",
        f"This one is {'very ' * 70}long.",
    ],
)
def test_what_is_no_prose_is_left_out(text: str) -> None:
    assert list(prose(text)) == []


def test_a_part_is_drawn_by_hashes() -> None:
    pairs = [("a", f"This is sentence number {word}.") for word in ("one", "two", "three", "four", "five", "six")]
    some = drawn(3, iter(pairs))
    assert len(some) == 3
    assert drawn(3, iter(pairs[::-1])) == some
    assert drawn(2, iter(pairs)) == some[:2]


def test_it_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(distill_data, "_folders", list[Path])
    monkeypatch.setattr(distill_data, "SHARED", tmp_path)
    monkeypatch.setattr("sys.argv", ["distill_data.py", str(tmp_path / "texts.txt"), "--most", "40"])
    distill_data.main()
    assert len((tmp_path / "texts.txt").read_text().splitlines()) == 40
    assert capsys.readouterr().out.startswith("40 sentences of ")
