"""Pairs of questions from files; what is wrong is said with the file and the line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.serving.cache.semantic.pairs import Pair, read_pairs

EXPECTED = (("Is it?", "It is?", False), ("a", "b", True))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("p.jsonl", '{"a":"Is it?","b":"It is?","same":false}\n\n{"a":"a","b":"b","same":true,"kind":"x"}\n', (1, 3)),
        ("p.json", '[{"a":"Is it?","b":"It is?","same":0},\n{"a":"a","b":"b","same":"yes"}]', (1, 2)),
        ("p.csv", "\ufeffA,b,same\nIs it?,It is?,no\na,b,TRUE\n", (2, 3)),
        ("p.tsv", "same\ta\tb\n0\tIs it?\tIt is?\n1\ta\tb\n", (2, 3)),
        ("p.csv", "id,question1,question2,is_duplicate\n1,Is it?,It is?,0\n2,a,b,1\n", (2, 3)),
        ("p.csv", 'a,b,same\n"Is it?",It is?,different\na,b,same', (2, 3)),
    ],
)
def test_each_form_is_read(tmp_path: Path, name: str, text: str, lines: tuple[int, int]) -> None:
    path = written(tmp_path, name, text)
    assert read_pairs([path]) == tuple(
        Pair(*pair, f"{path}:{line}") for pair, line in zip(EXPECTED, lines, strict=True)
    )


def test_folders_and_packed_files_are_read(tmp_path: Path) -> None:
    written(tmp_path, "one.jsonl", '{"a":"a","b":"b","same":true}')
    (tmp_path / "two.csv.gz").write_bytes(gzip.compress(b"a,b,same\nc,d,false\n"))
    written(tmp_path, "notes.md", "nothing")
    assert [(pair.a, pair.same) for pair in read_pairs([str(tmp_path)])] == [("a", True), ("c", False)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":"a","b":"b","same":true}\n{"a":"a"\n', "p:2: not JSON"),
        ('{"a":"a","b":"b","same":true}\n7\n', "p:2: not an object"),
        ('{"a":"a","b":"b"}', "p:1: no 'same'"),
        ('{"a":"a","same":true}', "p:1: no 'b'"),
        ('{"a":"a","b":5,"same":true}', "p:1: a and b are no texts"),
        ('{"a":"a","b":"b","same":"maybe"}', "p:1: same is 'maybe'"),
        ('{"a":"a","b":"b","same":null}', "p:1: no 'same'"),
        ("a,b\n1,2\n", "p:1: no column 'same'"),
        ("a,b,same\n1,2\n", "p:2: no 'same'"),
        ('a,b,same\n"1,2,3\n', "p:2: not a CSV"),
        ("[" * 100_000, "p:1: not JSON|p: not JSON"),
        ("[1]", "p:1: not an object"),
        ("a,b,same\n", "no pairs"),
        ("", "no pairs"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, "p", text)
    with pytest.raises(InputError, match=message) as raised:
        read_pairs([path])
    assert '"same": true' in raised.value.hint


def test_unreadable_files_are_said(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"a,b,same\n\xe9,b,1\n")
    with pytest.raises(InputError, match=r"latin\.csv:2: not UTF-8"):
        read_pairs([tmp_path / "latin.csv"])
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a,b,same\n" * 100)[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs([tmp_path / "cut.gz"])
    with pytest.raises(InputError, match="no such file"):
        read_pairs([tmp_path / "absent"])
