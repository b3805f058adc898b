"""Headers of safetensors files: what they say, and all the ways in which they lie."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.models.stored.dtypes import DTYPES
from llmopt.models.stored.header import LONGEST_HEADER_BYTES, read_header
from tests.models.stored.makers import TINY, entries_of, write_file, write_raw

safetensors = pytest.importorskip("safetensors")
GOOD = entries_of(TINY)
SIZE = 104


def told(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_what_a_header_says(tmp_path: Path) -> None:
    header = read_header(write_file(tmp_path / "a.safetensors", metadata={"format": "pt"}))
    assert [(one.name, one.dtype, one.shape, one.size_bytes) for one in header.tensors] == [
        ("model.embed_tokens.weight", "BF16", (8, 4), 64),
        ("model.layers.0.mlp.up_proj.weight", "BF16", (4, 4), 32),
        ("model.norm.weight", "BF16", (4,), 8),
    ]
    assert header.metadata == {"format": "pt"}
    assert header.file_bytes == header.data_start + SIZE
    assert header.tensors[1].offset == header.data_start + 64
    assert [one.parameters for one in header.tensors] == [32, 16, 4]


def test_order_is_that_of_the_bytes(tmp_path: Path) -> None:
    header = {"b": told("U8", [2], 1, 3), "a": told("U8", [1], 0, 1), "none": told("F32", [0, 3], 1, 1)}
    found = read_header(write_raw(tmp_path / "a.safetensors", header, b"123"))
    assert [one.name for one in found.tensors] == ["a", "none", "b"]


def test_single_numbers_nothing_and_packed_types(tmp_path: Path) -> None:
    shapes = {"scalar": ("F32", ()), "empty": ("F16", (0,)), "nibbles": ("F4", (3, 2)), "six": ("F6_E2M3", (4,))}
    found = read_header(write_file(tmp_path / "a.safetensors", shapes))
    assert {one.name: (one.parameters, one.size_bytes) for one in found.tensors} == {
        "scalar": (1, 4),
        "empty": (0, 0),
        "nibbles": (6, 3),
        "six": (4, 3),
    }
    assert {one.bits for one in found.tensors} == {32, 16, 4, 6}


def test_no_tensors_and_padding(tmp_path: Path) -> None:
    assert read_header(write_raw(tmp_path / "a.safetensors", "{}      ")).tensors == ()


HOSTILE: dict[str, tuple[Any, bytes, str]] = {
    "not json": (b"{nonsense}", b"", "no JSON"),
    "not utf-8": (b'{"\xff\xfe": 1}', b"", "JSON"),
    "a list": (b"[1, 2, 3, 4]", b"", "not a safetensors file"),
    "deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", "JSON"),
    "a number for a tensor": ({"a": 3}, b"", "'a' in its header"),
    "no type": ({"a": {"shape": [1], "data_offsets": [0, 1]}}, b"1", "dtype"),
    "an unknown type": ({"a": told("F7", [1], 0, 1)}, b"1", "unknown type 'F7'"),
    "a very long type": ({"a": told("F" * 10_000, [1], 0, 1)}, b"1", r"\(10,000 characters\)"),
    "a negative side": ({"a": told("U8", [-1, -1], 0, 1)}, b"1", ">= 0"),
    "half a side": ({"a": told("U8", [1.5], 0, 1)}, b"1", "int"),
    "a side that is true": ({"a": told("U8", [True], 0, 1)}, b"1", "int"),
    "offsets backwards": ({"a": told("U8", [1], 1, 0)}, b"1", "-1 bytes"),
    "three offsets": ({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1, 2]}}, b"1", "length"),
    "shape and offsets differ": ({"a": told("F32", [2, 2], 0, 15)}, b"1" * 15, "has 15 bytes"),
    "a huge shape": ({"a": told("F32", [2**62, 2**62, 16], 0, 4)}, b"1234", "has 4 bytes"),
    "sides that overflow to a fit": ({"a": told("U8", [2**32, 2**32], 0, 0)}, b"", "has 0 bytes"),
    "a side beyond 64 bits": ({"a": told("U8", [2**64], 0, 1)}, b"1", "a"),
    "very many sides": ({"a": told("U8", [1] * 65, 0, 1)}, b"1", "65 dimensions"),
    "half a byte": ({"a": told("F4", [3], 0, 1)}, b"1", "has 1 bytes"),
    "an overlap": ({"a": told("U8", [2], 0, 2), "b": told("U8", [2], 1, 3)}, b"123", "'b' overlaps"),
    "the same bytes twice": ({"a": told("U8", [2], 0, 2), "b": told("U8", [2], 0, 2)}, b"12", "'b' overlaps"),
    "a gap": ({"a": told("U8", [1], 0, 1), "b": told("U8", [1], 2, 3)}, b"123", "'b' leaves a gap"),
    "a late start": ({"a": told("U8", [1], 1, 2)}, b"12", "leaves a gap"),
    "cut short": (GOOD, b"1" * (SIZE - 1), "cut short"),
    "beyond the end of all files": ({"a": told("U8", [2**62], 0, 2**62)}, b"", "cut short"),
    "too long": (GOOD, b"1" * (SIZE + 1), "longer than its header says"),
    "a name twice": (
        '{"a": %s, "a": %s}' % ((json.dumps(told("U8", [1], 0, 1)),) * 2),
        b"1",
        "'a' stands in its header twice",
    ),
    "a name twice, one empty": (
        f'{{"a": {json.dumps(told("U8", [0], 0, 0))}, "a": {json.dumps(told("U8", [1], 0, 1))}}}',
        b"1",
        "twice",
    ),
    "a name twice, once in other letters": (
        '{"a": %s, "\\u0061": %s}' % ((json.dumps(told("U8", [1], 0, 1)),) * 2),
        b"1",
        "twice",
    ),
    "a field twice": (
        '{"a": {"dtype": "U8", "dtype": "I8", "shape": [1], "dat\\u0061_offsets": [0, 1]}}',
        b"1",
        "twice",
    ),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, b"", "__metadata__"),
    "metadata twice": ('{"__metadata__": {}, "__metadata__": {"a\\n": "b"}}', b"", "twice"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(tmp_path: Path, name: str) -> None:
    header, data, message = HOSTILE[name]
    path = write_raw(tmp_path / "a.safetensors", header, data)
    with pytest.raises(InputError, match=message) as caught:
        read_header(path)
    assert str(path) in caught.value.message
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes are no safetensors file"),
        (b"\x02\0\0\0\0\0\0\0", "8 bytes are no"),
        ((10**9).to_bytes(8, "little") + b"{}", "1,000,000,000 bytes by its length, the file only 10"),
        ((2**64 - 1).to_bytes(8, "little") + b"{}", "the file only 10"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git-lfs"),
        (b"GGUF\x03\0\0\0" + b"\0" * 20, "GGUF"),
        (b"PK\x03\x04" + b"\0" * 20, "zip"),
        (b"\x80\x02}q\0." + b"\0" * 20, "pickle"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\xf2\xa7u\x19\x88\xd9\xff\x7fhello, world", "not a safetensors file"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_header(path)
    assert caught.value.hint


def test_a_header_longer_than_allowed(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.safetensors", "{", length=LONGEST_HEADER_BYTES + 1)
    os.truncate(path, LONGEST_HEADER_BYTES + 100)  # sparse
    with pytest.raises(InputError, match="a header of 100,000,001 bytes"):
        read_header(path)


def test_no_file_a_folder_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name, message in (
        ("none", "No such file"),
        ("", "not a regular file"),
        ("pipe.safetensors", "not a regular file"),
    ):
        with pytest.raises(InputError, match=message):
            read_header(tmp_path / name)
    with pytest.raises(InputError, match="null"):
        read_header(Path("a\0b"))


SHAPES = st.lists(st.integers(0, 5), max_size=3).map(tuple)


@given(st.dictionaries(st.text(max_size=8), st.tuples(st.sampled_from(sorted(DTYPES)), SHAPES), max_size=5))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, Any]) -> None:
    whole = {
        name: (dtype, shape + (8,) * (DTYPES[dtype].bits < 8))
        for name, (dtype, shape) in shapes.items()
        if name != "__metadata__"
    }
    try:
        path = write_file(tmp_path_factory.mktemp("w") / "a.safetensors", whole)
    except UnicodeEncodeError:
        return
    found = read_header(path)
    assert {one.name: (one.dtype, one.shape) for one in found.tensors} == whole
    with safetensors.safe_open(path, "np") as other:
        assert set(other.keys()) == set(whole)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_told_and_never_worse(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = write_file(tmp_path_factory.mktemp("d") / "a.safetensors")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        found = read_header(path)
    except InputError:
        return
    assert all(one.offset + one.size_bytes <= found.file_bytes for one in found.tensors)
    with safetensors.safe_open(path, "np") as other:  # what is accepted here is accepted there
        assert set(other.keys()) == {one.name for one in found.tensors}
