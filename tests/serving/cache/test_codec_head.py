"""The head of an encoded entry: what `purge` and `stats` of a server read instead of the whole."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from llmopt.serving.cache.codec import Head, encoded, head, head_size
from llmopt.serving.cache.entry import Entry

TIMES = st.floats(0, 1e11)
ENTRIES = st.builds(Entry, st.binary(max_size=50), st.text(), st.text(), TIMES, TIMES, st.sampled_from(["", "0.001"]))


@given(st.text(), ENTRIES)
@example("key", Entry(b"{}", "half a pair: \ud800", "m", 1.0, 2.0))
def test_the_head_tells_what_it_is(key: str, entry: Entry) -> None:
    data = encoded(entry, key)
    before = head_size(data)
    assert len(data) - before == len(entry.body)
    read = Head(entry.tenant, entry.model, entry.stored_at_s, entry.expires_at_s, entry.usd, before)
    assert head(data) == head(data[:before]) == read
    assert head(data[: before - 1]) is None


@given(st.binary(max_size=64))
@example(b"")
@example(b"LMA\x01")
@example(b"LMA\x01" + b"\xff" * 32)
@example(b"LMA\x02" + b"\x00" * 60)
@example(encoded(Entry(b"", "tenant", "", 1.0, 2.0)).replace(b"t", b"\xff"))
def test_what_is_no_entry_has_no_head(data: bytes) -> None:
    assert head(data) is None
    assert head_size(data) >= 0
