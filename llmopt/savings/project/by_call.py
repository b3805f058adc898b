"""What is known of requests, call by call; and how many calls have a time."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from llmopt.cost.call_columns import NO_TIME, CallColumns


def by_call(kind: str, by_request: array[int] | bytes, absent: int, columns: CallColumns) -> array[int]:
    """Return for each call what is known of its request; `absent` for those without a request.

    Args:
        kind: type code of the array.
        by_request: by number of the request; empty stands for `absent` everywhere.
        absent: for a request that is not logged.
        columns: the calls.
    """
    same = by_request[0] if by_request else absent
    if by_request.count(same) == len(by_request) and (same == absent or -1 not in columns.request):
        return array(kind, [same]) * len(columns)
    known = array(kind, by_request)
    # A request that is not logged has the number -1, which is the last place.
    known.append(absent)
    return array(kind, map(known.__getitem__, columns.request))


def timed_calls(columns: CallColumns) -> int:
    """Return how many calls have a time; they come first."""
    return bisect_left(columns.at_us, True, key=NO_TIME.__eq__)
