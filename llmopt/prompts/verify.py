"""Check that a shorter text still has what the longer one had; a pass that fails is undone where it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.facts import facts, kept_in_order
from llmopt.prompts.passes.idioms import idle_facts
from llmopt.prompts.passes.registry import Keeps
from llmopt.prompts.spans import LITERALS, Segments

_NEAR = 100_000
"""How far ahead a literal may be found for the search to go on from there: it may be another one that is the same."""


def admissible(segments: Segments, edit: Edit, keeps: Keeps) -> bool:
    """Return whether an edit by itself, without a look at the rest of the text, may be made.

    Args:
        segments: the text that it edits.
        edit: one edit.
        keeps: what its pass promises.
    """
    if segments.text[edit.start : edit.end] == edit.text:
        return False
    overlapped = segments.overlapping(edit.start, edit.end)
    if any(span.guarded for span in overlapped):
        return False
    if keeps == "distinct":
        return True
    wanted: frozenset[str] = LITERALS if keeps == "values" else LITERALS | {"json"}
    if any(span.kind in wanted for span in overlapped):
        return False
    return keeps == "values" or _says_the_same(segments.text, edit)


def holds(before: Segments, after: Segments, edits: Sequence[Edit], keeps: Keeps) -> bool:
    """Return whether everything that must stay is still there.

    Args:
        before: the text.
        after: the text with the edits made.
        edits: each admissible by itself.
        keeps: what their pass promises.
    """
    if not kept_in_order(_guarded(before), _guarded(after)):
        return False
    if keeps == "distinct":
        return _each_is_found(before, after) and _each_fact_stays(before, after, edits)
    if not kept_in_order(_precious(before, json=keeps == "every"), _precious(after)):
        return False
    return _facts_stay(before, after, edits, json=keeps == "values")


def _each_is_found(before: Segments, after: Segments) -> bool:
    """Return whether every literal is still there, as one or within something else.

    They mostly stand in the order of before, so each is looked for from where the one before it was found.
    """
    found = set(_precious(after))
    at = 0
    for text in dict.fromkeys(_precious(before)):
        if text in found:
            continue
        place = after.text.find(text, at)
        if place < 0 and text not in after.text[:at]:
            return False
        at = place if at <= place < at + _NEAR else at
    return True


def _facts_stay(before: Segments, after: Segments, edits: Sequence[Edit], *, json: bool) -> bool:
    """Compare the lines from the first edit to the last; those of idioms, and of JSON where asked, may go."""
    start, end = _window(before.text, edits)
    if json:
        loose = [Edit(span.start, span.end, " ", "") for span in before.of_kind("json")]
    else:
        loose = [edit for edit in edits if idle_facts(before.text[edit.start : edit.end])]
    moved = [Edit(edit.start - start, edit.end - start, edit.text, "") for edit in loose if start <= edit.start < end]
    wanted = facts(applied(before.text[start:end], moved))
    return not wanted or kept_in_order(wanted, facts(after.text[start : end + len(after.text) - len(before.text)]))


def _each_fact_stays(before: Segments, after: Segments, edits: Sequence[Edit]) -> bool:
    start, end = _window(before.text, edits)
    missing = set(facts(before.text[start:end]))
    missing -= set(facts(after.text[start : end + len(after.text) - len(before.text)]))
    return not missing or missing <= set(facts(after.text))


def _window(text: str, edits: Sequence[Edit]) -> tuple[int, int]:
    """Return the lines from the first edit to the last; outside them both texts are the same."""
    end = text.find("\n", max(edit.end for edit in edits))
    return text.rfind("\n", 0, edits[0].start) + 1, len(text) if end < 0 else end


def _says_the_same(text: str, edit: Edit) -> bool:
    """Return whether the facts of what goes are in what comes; words that the edit cuts are looked at whole."""
    start, end = edit.start, edit.end
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    gone = facts(text[start:end])
    if not gone:
        return True
    idle = Counter(idle_facts(text[edit.start : edit.end]))
    wanted = []
    for fact in reversed(gone):
        if idle[fact]:
            idle[fact] -= 1
        else:
            wanted.append(fact)
    return kept_in_order(reversed(wanted), facts(text[start : edit.start] + edit.text + text[edit.end : end]))


def _guarded(segments: Segments) -> Iterator[tuple[str, bool]]:
    """Yield what is guarded; a fence is one only on lines of its own."""
    return ((segments.slice(span), span.kind == "fence") for span in segments.spans if span.guarded)


def _precious(segments: Segments, *, json: bool = True) -> Iterator[str]:
    """Yield the literals, and the JSON if that must stay as it is."""
    wanted = LITERALS | {"json"} if json else LITERALS
    return (segments.slice(span) for span in segments.spans if span.kind in wanted)
