"""Inputs are read from every form of file, bad rows are told with their line, and halves do not share a text."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.models.quality import data
from llmopt.models.quality.data import Sample, halves, read_samples

Found = list[tuple[int, str, str | None]]


def read(path: Path) -> Found:
    return [(sample.line, sample.text, sample.label) for sample in read_samples(str(path))]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


LINES: list[tuple[str, str, Found]] = [
    ("a.txt", "one\n\n two \r\nthree", [(1, "one", None), (3, " two ", None), (4, "three", None)]),
    ("bom.txt", "\ufeffone\n", [(1, "one", None)]),
    ("brace.txt", '{"text": "as it is"}\n', [(1, '{"text": "as it is"}', None)]),
    ("plain", "[Note] two\n{not json}\n", [(1, "[Note] two", None), (2, "{not json}", None)]),
    ("comma", "Dear text, or prompt\nb, c\n", [(1, "Dear text, or prompt", None), (2, "b, c", None)]),
]
JSON: list[tuple[str, str, Found]] = [
    ("a.jsonl", '\n{"text": "x", "label": "pos"}\n"bare"\n', [(2, "x", "pos"), (3, "bare", None)]),
    ("unnamed", '{"prompt": "x"}\n', [(1, "x", None)]),
    ("a.json", '[\n{"question": "x"},\n\n "y"]', [(2, "x", None), (4, "y", None)]),
    ("lines.json", '{"input": "x"}\n{"input": "y"}', [(1, "x", None), (2, "y", None)]),
    ("list", '[\n  {"sentence": "x", "label": 1}\n]', [(2, "x", "1")]),
    (
        "chats",
        '[{"role": "user", "content": "a"}]\n[{"role": "user", "content": "b"}]',
        [(1, "a", None), (2, "b", None)],
    ),
    ("numbers.jsonl", '{"text": "x", "label": 2.0}\n{"text": "y", "label": 2.5}', [(1, "x", "2"), (2, "y", "2.5")]),
    ("none.jsonl", '{"text": "x", "label": null}\n{"text": "y", "label": NaN}', [(1, "x", None), (2, "y", None)]),
    ("blank.jsonl", '{"text": "x", "label": " "}\n{"text": "y", "class": true}', [(1, "x", None), (2, "y", "true")]),
    ("many.jsonl", '{"text": "x", "labels": ["a", "b"]}', [(1, "x", '["a", "b"]')]),
    ("second.jsonl", '{"text": null, "prompt": "p"}', [(1, "p", None)]),
    ("comma.json", '["x", ]', [(1, "x", None)]),
]
TABLES: list[tuple[str, str, Found]] = [
    ("a.csv", 'id,text,label\n1,"two\nlines",a\n\n2,"b ""q""",\n', [(2, "two\nlines", "a"), (5, 'b "q"', None)]),
    ("a.tsv", "Label\t Text \n1.0\tx, y\n", [(2, "x, y", "1")]),
    ("semicolon.csv", "text;label\nx, y;0\n", [(2, "x, y", "0")]),
    ("one.csv", "text\nx\n", [(2, "x", None)]),
    ("unnamed", "prompt,id\nx,1\n", [(2, "x", None)]),
    ("priority.csv", "context,question\nlong,short\n", [(2, "short", None)]),
]


@pytest.mark.parametrize(("name", "content", "found"), [*LINES, *JSON, *TABLES])
def test_each_form(tmp_path: Path, name: str, content: str, found: Found) -> None:
    assert read(written(tmp_path, name, content)) == found


def test_chat_requests_are_their_messages(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    ]
    rows = [{"messages": messages}, {"body": {"messages": messages}}, {"contents": [{"parts": [{"text": "Hi"}]}]}]
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert [sample.text for sample in read_samples(str(path))] == ["Be kind.\nHi", "Be kind.\nHi", "Hi"]


def test_packed_files_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = b'{"text": "x", "label": "a"}\n'
    assert read(written(tmp_path, "a.jsonl.gz", gzip.compress(row))) == [(1, "x", "a")]

    class Piped:
        buffer = io.BytesIO(row)

    monkeypatch.setattr("sys.stdin", Piped())
    (sample,) = read_samples("-")
    assert (sample.text, sample.label, sample.where) == ("x", "a", "<stdin>:1")


def test_other_encodings(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.txt", "größer\n".encode("utf-16"))) == [(1, "größer", None)]
    told: list[str] = []
    path = written(tmp_path, "b.csv", b"text,label\ngr\xf6\xdfer,a\nx,b\n")
    assert [sample.text for sample in read_samples(str(path), refused=told.append)] == ["x"]
    assert told == [f"{path}:2: not UTF-8"]


BAD = [
    ("a.jsonl", '{"text": "x"}\n{"text": \n{"id": 7}\n3\n{"text": " "}\n', [2, 3, 4, 5]),
    ("b.jsonl", b'"x"\n"\xff"\n', [2]),
    ("c.txt", b"x\n\xff\xfe\n", [2]),
    ("d.csv", "text,label\nx,1\ny\nz,1,2\n ,3\n", [3, 4, 5]),
    ("e.csv", 'text,label\nx,1\n"open,2\n', [3]),
    ("f.json", '["x",\n7,\n"y" "z"]', [2, 3]),
    ("g.json", '["x",\n{"text": ]', [2]),
    ("h.json", '["x"\n', [2]),
    ("i.jsonl", '"x"\n' + "[" * 100_000, [2]),
]


@pytest.mark.parametrize(("name", "content", "lines"), BAD)
def test_rows_that_cannot_be_used_are_told_and_good_ones_count(
    tmp_path: Path, name: str, content: str | bytes, lines: list[int]
) -> None:
    path = written(tmp_path, name, content)
    told: list[str] = []
    samples = read_samples(str(path), refused=told.append)
    assert samples[0].text == "x"
    assert [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in told[:3]] == lines[:3]
    if len(lines) > 3:
        assert told[3] == f"{path}: 1 more row cannot be used"
    with pytest.raises(InputError, match=f"{name}:{lines[0]}: ") as error:
        read_samples(str(path))
    assert "\n" not in error.value.message
    assert error.value.hint


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", "no text in it"),
        ("a.txt", " \n\n", "no text in it"),
        ("a.json", "[]", "no text in it"),
        ("a.jsonl", '{"id": 1}\n{"id": 2}', "a.jsonl:1: no text in it.*no other row can be used"),
        ("a.csv", "id,name\n1,2\n", "a.csv:1: no column of texts"),
        ("a.csv", "text,label\n", "no text in it"),
        ("a.parquet", b"PAR1\0\0\0", "not a file of text"),
        ("a.txt.gz", gzip.compress(b"x" * 1000, mtime=0)[:-9], "cannot be read"),
    ],
)
def test_files_without_a_text_are_refused(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(InputError, match=message):
        read_samples(str(path), refused=lambda told: None)


def test_folders_missing_and_endless_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="a folder"):
        read_samples(str(tmp_path))
    with pytest.raises(InputError, match="no such file"):
        read_samples(str(tmp_path / "none"))
    monkeypatch.setattr(data, "MOST_BYTES", 5)
    with pytest.raises(InputError, match="more than 5 bytes"):
        read_samples(str(written(tmp_path, "a.txt.gz", gzip.compress(b"x" * 6))))


def test_several_files_by_a_glob(tmp_path: Path) -> None:
    for name in "ab":
        written(tmp_path, f"{name}.txt", f"of {name}\n")
    assert [sample.text for sample in read_samples(str(tmp_path / "*.txt"))] == ["of a", "of b"]


@given(st.lists(st.text(min_size=1), max_size=60), st.randoms())
def test_halves_share_no_text_and_do_not_depend_on_order(texts: list[str], rng: object) -> None:
    samples = [Sample(text) for text in texts]
    choosing, held_out = halves(samples)
    assert sorted((*choosing, *held_out), key=repr) == sorted(samples, key=repr)
    assert not {one.text.casefold() for one in choosing} & {one.text.casefold() for one in held_out}
    sizes = [len({" ".join(one.text.casefold().split()) for one in half}) for half in (choosing, held_out)]
    assert 0 <= sizes[1] - sizes[0] <= 1
    again = halves(samples[::-1])
    assert set(again[0]) == set(choosing)
    assert set(again[1]) == set(held_out)


def test_halves_keep_labels_and_order() -> None:
    samples = [Sample(f"text {at}", str(at), at) for at in range(100)]
    choosing, held_out = halves(samples)
    assert [len(half) for half in (choosing, held_out)] == [50, 50]
    assert [one.line for one in choosing] == sorted(one.line for one in choosing)
    assert halves([Sample("A  b"), Sample("a b")]) == ((), (Sample("A  b"), Sample("a b")))


def test_a_text_says_where_it_is_from() -> None:
    assert Sample("x", line=3, path="a.txt").where == "a.txt:3"
    assert Sample("a long " * 20).where == "the text 'a long a long a long a long a long a lon'"
