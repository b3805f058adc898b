"""What a server keeps of an entry."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.frame import Head, framed, head, head_size, unframed

TIMES = st.floats(0, 4e9)
ENTRIES = st.builds(Entry, st.binary(max_size=300), st.text(), st.text(), TIMES, TIMES, st.sampled_from(["", "0.01"]))
KEYS = st.text(min_size=1)


@given(KEYS, ENTRIES)
def test_what_was_framed_comes_back_to_its_own_key_only(key: str, entry: Entry) -> None:
    data = framed(key, entry)
    assert unframed(key, data) == entry
    assert unframed(key + "x", data) is None
    assert unframed(key[:-1], data) is None


@given(KEYS, ENTRIES)
def test_the_head_tells_what_it_is(key: str, entry: Entry) -> None:
    data = framed(key, entry)
    begin = data[: head_size(data)]
    assert head(begin) == Head(
        entry.tenant, entry.model, entry.stored_at_s, entry.expires_at_s, entry.usd, len(entry.body)
    )
    assert head(begin[:-1]) is None


@given(ENTRIES, st.data())
def test_damage_is_no_entry(entry: Entry, data: st.DataObject) -> None:
    whole = framed("key", entry)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    assert unframed("key", whole[:at]) is None
    assert unframed("key", changed) in (None, entry)  # a changed head is none of the entry's


@given(st.binary(max_size=64))
@example(b"")
@example(b"\xff\xff\xff\xff[]")
@example(b"\x00\x00\x00\x02[]")
@example(b"\x00\x00\x00\x091234567.0")
def test_what_is_no_frame_is_nothing(data: bytes) -> None:
    assert unframed("key", data) is None
    assert head(data) is None
    assert head_size(data) >= 0
