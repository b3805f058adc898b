"""Calls that are dealt and put together again are the same calls, whoever has them."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.call_columns import NO_TIME
from llmopt.savings.project.parts.slices import NO_KEY, Asked, Slice, joined, without_repeats
from tests.savings.project.small_columns import kind

Row = tuple[int, int, int, int, int, int]
"""at, request, kind, label, tokens, ident"""
KINDS = [kind("a"), kind("b"), kind("c")]
LABELS = [{"team": "x"}, {}, {"team": "y", "tag": "late"}]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([NO_TIME, 0, 5, 9]),
        st.integers(-1, 3),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 9),
        st.integers(0, 6),
    ),
    max_size=30,
)


def digest(number: int) -> bytes:
    return bytes([number + 1]) * 16


def sliced(rows: list[Row]) -> Slice:
    """Return a slice; the calls stand in the log as they stand here."""
    at, request, kinds, label, tokens, ident = ([row[n] for row in rows] for n in range(6))
    found = Slice(
        order=array("q", range(len(rows))),
        ident=array("Q", ident),
        at_us=array("q", at),
        took_us=array("q", bytes(8 * len(rows))),
        kind=array("i", kinds),
        request=array("i", request),
        label=array("i", label),
        flags=array("B", bytes(len(rows))),
        kinds=list(KINDS),
        labels=list(LABELS),
        asked=Asked(
            spelled=[digest(number) for number in range(4)],
            key=[digest(number // 2) if number else NO_KEY for number in range(4)],
            flags=array("B", range(4)),
            route=array("i", range(4)),
            stratum=[("a", 1), None, ("b", 2), ("a", 3)],
            tokens=array("q", range(4)),
            first=array("q", [request.index(number) if number in request else 0 for number in range(4)]),
        ),
    )
    for bucket, column in found.usage.items():
        column.extend(tokens if bucket == "output_text" else [0] * len(rows))
    return found.picked(range(len(rows)))


def told(part: Slice) -> Counter[tuple[object, ...]]:
    """Return what a slice says of its calls, without its own numbers."""
    found: Counter[tuple[object, ...]] = Counter()
    for row, request in enumerate(part.request):
        asked = part.asked
        what = None
        if request >= 0:
            known = (asked.flags[request], asked.route[request], asked.stratum[request], asked.tokens[request])
            what = (asked.spelled[request], asked.key[request], *known)
        label = tuple(sorted(part.labels[part.label[row]].items()))
        usage = tuple(part.usage[bucket][row] for bucket in sorted(part.usage))
        numbers = (part.order[row], part.ident[row], part.at_us[row], part.took_us[row])
        found[(*numbers, part.kinds[part.kind[row]].model, label, usage, what)] += 1
    return found


@given(ROWS, st.integers(1, 5))
def test_what_is_dealt_is_all_there_is(rows: list[Row], buckets: int) -> None:
    whole = sliced(rows)
    for dealt in (whole.by_ident(buckets), whole.by_question(buckets)):
        assert told(joined(dealt.values())) == told(whole)
        assert all(bucket < buckets for bucket in dealt)


@given(ROWS, st.integers(1, 5))
def test_what_belongs_together_is_in_one_bucket(rows: list[Row], buckets: int) -> None:
    whole = sliced(rows)
    buckets_of: defaultdict[object, set[int]] = defaultdict(set)
    for bucket, part in whole.by_question(buckets).items():
        for request in part.request:
            if request >= 0:
                key, spelled = part.asked.key[request], part.asked.spelled[request]
                buckets_of[spelled if key == NO_KEY else key].add(bucket)
    for bucket, part in whole.by_ident(buckets).items():
        for ident in part.ident:
            buckets_of[ident].add(bucket)
    buckets_of.pop(0, None)
    assert all(len(some) == 1 for some in buckets_of.values())


@given(ROWS, st.integers(1, 4))
def test_repeats_are_left_out_alike_in_parts(rows: list[Row], buckets: int) -> None:
    whole = sliced(rows)
    before = told(whole)
    alone, dropped = without_repeats(sliced(rows))
    settled = [without_repeats(part) for part in whole.by_ident(buckets).values()]
    assert told(joined(part for part, _ in settled)) == told(alone)
    assert sum(repeats for _, repeats in settled) == dropped == before.total() - len(alone)
    idents = [ident for ident in alone.ident if ident]
    assert len(idents) == len(set(idents))


def test_a_call_learns_what_only_its_repeat_says() -> None:
    rows: list[Row] = [(5, -1, 0, 1, 1, 7), (5, 2, 0, 2, 1, 7)]
    (kept, _) = without_repeats(sliced(rows))
    assert (len(kept), kept.asked.spelled[kept.request[0]]) == (1, digest(2))
    assert kept.labels[kept.label[0]] == {"tag": "late"}  # whose team it is is not taken from another record


def test_calls_without_a_time_come_last() -> None:
    rows: list[Row] = [(NO_TIME, 0, 0, 0, 0, 0), (9, 0, 0, 0, 0, 0), (5, 0, 0, 0, 0, 0), (9, 0, 0, 0, 0, 0)]
    assert sliced(rows).by_time() == [2, 1, 3, 0]


def test_the_first_call_of_the_log_says_how_large_a_request_is() -> None:
    early, late = sliced([(5, 1, 0, 0, 0, 0)]), sliced([(5, 1, 0, 0, 0, 0)])
    late.asked.first[0], late.asked.tokens[0], late.asked.stratum[0] = 40, 99, ("z", 9)
    for parts in ((early, late), (late, early)):
        whole = joined(parts)
        assert (whole.asked.first[0], whole.asked.tokens[0], whole.asked.stratum[0]) == (0, 1, None)
