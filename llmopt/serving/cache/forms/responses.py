"""Responses, as OpenAI streams them.

Source: OpenAI API reference, "Responses, streaming events": the last event holds the whole response, so that putting it
together takes no deltas. Each event has a `sequence_number`; texts come as `added`, `delta`, `done`.
"""

from __future__ import annotations

from typing import Any

_ENDS = {"completed": "response.completed", "incomplete": "response.incomplete"}
"""Last event by the status of the response; one that failed is no answer."""
_STRINGS = {
    "function_call": ("arguments", "function_call_arguments"),
    "mcp_call": ("arguments", "mcp_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}
"""Kinds of items that hold one string: its field, and what its events are called."""
_PARTS = {
    "output_text": ("text", "output_text"),
    "refusal": ("refusal", "refusal"),
    "reasoning_text": ("text", "reasoning_text"),
}
"""Kinds of content parts: their field, and what its events are called."""
Event = dict[str, Any]


def collect(frames: list[Event]) -> dict[str, Any] | None:
    """Return the whole response; None: the stream did not come to its end, or failed."""
    last = frames[-1]
    response = last.get("response")
    if last.get("type") not in _ENDS.values() or not isinstance(response, dict):
        return None
    if response.get("output"):
        return response
    items = [frame for frame in frames if frame.get("type") == "response.output_item.done"]
    items.sort(key=lambda frame: frame["output_index"] if isinstance(frame.get("output_index"), int) else 0)
    return {**response, "output": [frame.get("item") for frame in items]}


def replay(body: dict[str, Any]) -> list[Event] | None:
    """Return the events of a whole response; None where it has no stream form."""
    output, end = body.get("output"), _ENDS.get(str(body.get("status")))
    if end is None or not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        return None
    begun = {**body, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[Event] = [{"type": name, "response": begun} for name in ("response.created", "response.in_progress")]
    for index, item in enumerate(output):
        events += _item(item, index)
    events.append({"type": end, "response": body})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _item(item: dict[str, Any], index: int) -> list[Event]:
    started = dict(item)
    if "status" in item:
        started["status"] = "in_progress"
    at: Event = {"item_id": item.get("id", ""), "output_index": index}
    inner: list[Event] = []
    for field in ("summary", "content"):
        parts = item.get(field)
        if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
            started[field] = []
            inner += [
                each for place, part in enumerate(parts) for each in _part(part, field, {**at, _place(field): place})
            ]
    field, name = _STRINGS.get(str(item.get("type")), ("", ""))
    if isinstance(item.get(field), str):
        started[field] = ""
        inner += _said(
            name,
            field,
            item[field],
            at,
            {"name": item["name"]} if name.startswith("function") and "name" in item else {},
        )
    return [
        {"type": "response.output_item.added", "output_index": index, "item": started},
        *inner,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _place(field: str) -> str:
    return f"{field}_index"


def _part(part: dict[str, Any], field: str, at: Event) -> list[Event]:
    """Return the events that say one part of a message, of a reasoning, or of its summary."""
    summary = field == "summary"
    text, name = ("text", "reasoning_summary_text") if summary else _PARTS.get(str(part.get("type")), ("", ""))
    started = dict(part)
    inner: list[Event] = []
    if isinstance(part.get(text), str):
        started[text] = ""
        more = {"logprobs": part.get("logprobs") or []} if name == "output_text" else {}
        inner += _said(name, text, part[text], at, more)
    notes = part.get("annotations")
    if isinstance(notes, list):
        started["annotations"] = []
        kind = "response.output_text.annotation.added"
        inner += [
            {"type": kind, **at, "annotation_index": place, "annotation": note} for place, note in enumerate(notes)
        ]
    kind = "response.reasoning_summary_part" if summary else "response.content_part"
    return [{"type": f"{kind}.added", **at, "part": started}, *inner, {"type": f"{kind}.done", **at, "part": part}]


def _said(name: str, field: str, text: str, at: Event, more: Event) -> list[Event]:
    delta = [{"type": f"response.{name}.delta", **at, "delta": text, **more}] if text else []
    return [*delta, {"type": f"response.{name}.done", **at, field: text, **more}]
