"""Entries as bytes."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.codec import MAGIC, decoded, encoded
from llmopt.serving.cache.entry import Entry

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
TIMES = st.floats(allow_nan=False)
ENTRIES = st.builds(Entry, st.binary(max_size=40), ANY_TEXT, ANY_TEXT, TIMES, TIMES, ANY_TEXT)
ENTRY = Entry(b'{"choices": []}', "acme", "gpt-4o", 1.5, 2.5, "0.001")
KEY = "ab" * 32


@given(ENTRIES, ANY_TEXT)
def test_an_entry_comes_back_as_it_was(entry: Entry, key: str) -> None:
    assert decoded(encoded(entry, key), key) == entry


@given(ENTRIES, ENTRIES)
def test_two_entries_have_two_spellings(one: Entry, other: Entry) -> None:
    # The sign of zero is kept, and Python does not see it.
    assert (encoded(one) == encoded(other)) is (repr(one) == repr(other))


@given(ENTRIES, st.data())
def test_a_changed_byte_is_no_entry(entry: Entry, data: st.DataObject) -> None:
    whole = bytearray(encoded(entry, KEY))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    assert decoded(bytes(whole), KEY) is None


def test_every_single_bit_counts() -> None:
    whole = encoded(ENTRY, KEY)
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        assert decoded(bytes(flipped), KEY) is None


def test_a_cut_or_lengthened_entry_is_none() -> None:
    whole = encoded(ENTRY, KEY)
    assert all(decoded(whole[:end], KEY) is None for end in range(len(whole)))
    assert decoded(whole + b"\0", KEY) is None
    assert decoded(whole[1:], KEY) is None


def test_an_entry_under_another_key_is_none() -> None:
    whole = encoded(ENTRY, KEY)
    assert decoded(whole, KEY[::-1]) is None
    assert decoded(whole) is None
    assert decoded(encoded(ENTRY), "") == ENTRY


@given(st.binary(max_size=80))
def test_bytes_of_somebody_else_are_none(data: bytes) -> None:
    assert decoded(data) is None


@pytest.mark.parametrize("data", [None, "text", 7, 1.5, bytearray(encoded(ENTRY))])
def test_what_is_no_bytes_is_none(data: object) -> None:
    assert decoded(data) is None, "a database gives back what somebody else put there"


def test_another_version_is_none() -> None:
    rest = encoded(ENTRY)[8:]
    assert decoded(MAGIC + crc32(rest, crc32(b"")).to_bytes(4, "little") + rest) == ENTRY
    assert decoded(b"LMA\x02" + crc32(rest, crc32(b"")).to_bytes(4, "little") + rest) is None


@pytest.mark.parametrize("at", [16, 28], ids=["length", "text"])
def test_what_has_the_right_checksum_and_makes_no_sense_is_none(at: int) -> None:
    rest = bytearray(encoded(ENTRY)[8:])
    rest[at] = 255
    assert decoded(MAGIC + crc32(rest, crc32(b"")).to_bytes(4, "little") + rest) is None
