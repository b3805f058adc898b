"""Chat completions and completions, as OpenAI and all that are compatible with it stream them.

Source: OpenAI API reference, "Chat completion chunk object" and "Completion object"; vLLM and DeepSeek send
`reasoning_content` (or `reasoning`) beside `content`.
"""

from __future__ import annotations

from typing import Any

from llmopt.serving.cache.forms.deltas import Text, Unjoinable, add, settled

_TEXTS = ("reasoning_content", "reasoning", "content", "refusal")
_ON_EACH = ("id", "created", "model", "system_fingerprint", "service_tier", "provider")
_IN_PIECES = frozenset({"delta", "text", "logprobs", "token_ids"})
"""Of a choice; what else it says, it says whole."""
_GOING_ON = frozenset({"index", "delta", "finish_reason", "logprobs"})
_NOT_KEPT = frozenset({"choices", "object", "obfuscation"})


def collect(frames: list[dict[str, Any]], done: bool) -> dict[str, Any] | None:
    """Return the whole answer; None: no `[DONE]`, a choice without its end, or pieces that cannot be joined (sound)."""
    head: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    last: dict[str, Any] = {}
    for frame in frames:
        said = frame.get("choices") or []
        rest = {name: value for name, value in frame.items() if name not in _NOT_KEPT}
        if rest != last:  # as it mostly is not
            head.update((name, value) for name, value in rest.items() if _says(value, name, head))
            last = rest
        if _goes_on(choices, said):
            continue
        if not isinstance(said, list) or not all(isinstance(each, dict) and _take(choices, each) for each in said):
            return None
    if not done or not choices or not all(choice.get("finish_reason") for choice in choices.values()):
        return None
    if head.get("usage", 0) is None:
        del head["usage"]
    is_chat = not any("text" in choice for choice in choices.values())
    first = {"id": head.pop("id", ""), "object": "chat.completion" if is_chat else "text_completion"}
    return {**first, **head, "choices": [_choice(choices[index], is_chat) for index in sorted(choices)]}


def replay(body: dict[str, Any], include_usage: bool) -> list[dict[str, Any]] | None:
    """Return the chunks of a whole answer; None where it has no stream form."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(each, dict) for each in choices):
        return None
    is_chat = not any("text" in choice for choice in choices)
    if is_chat and not all(_is_text(choice.get("message")) for choice in choices):
        return None
    each = {name: body[name] for name in _ON_EACH if name in body}
    each["object"] = "chat.completion.chunk" if is_chat else "text_completion"
    usage = body.get("usage")
    pieces = [piece for number, choice in enumerate(choices) for piece in _pieces(choice, number, is_chat)]
    frames = [{**each, "choices": [piece]} for piece in pieces]
    once = {name: value for name, value in body.items() if name not in each and name not in ("choices", "usage")}
    frames[0] |= once
    if include_usage:
        frames = [{**frame, "usage": None} for frame in frames]
        if isinstance(usage, dict):
            frames.append({**each, "choices": [], "usage": usage})
    return frames


def _goes_on(choices: dict[int, dict[str, Any]], said: Any) -> bool:
    """Take the most usual chunk, a text that goes on; return whether it was one. `_take` would do the same, slowly."""
    if type(said) is not list or len(said) != 1 or type(choice := said[0]) is not dict:
        return False
    delta, index = choice.get("delta"), choice.get("index")
    if type(index) is not int or type(delta) is not dict or len(delta) != 1 or not choice.keys() <= _GOING_ON:
        return False
    held, text = choices.get(index), delta.get("content")
    if held is None or type(text) is not str:
        return False
    if choice.get("finish_reason") is not None or choice.get("logprobs") is not None:
        return False
    texts = held["delta"].get("content") if "delta" in held else None
    if not isinstance(texts, Text) or not choice.keys() <= held.keys():
        return False
    texts.append(text)
    return True


def _says(value: Any, name: str, head: dict[str, Any]) -> bool:
    return value not in (None, "") or name not in head


def _take(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> bool:
    index, delta = choice.get("index", 0), choice.get("delta") or {}
    if not isinstance(index, int) or not isinstance(delta, dict) or delta.get("audio") is not None:
        return False
    held = choices.setdefault(index, {})
    try:
        add(held, {name: value for name, value in choice.items() if name in _IN_PIECES})
    except Unjoinable:
        return False
    held.update((name, each) for name, each in choice.items() if name not in _IN_PIECES and _says(each, name, held))
    held["index"] = index
    return True


def _choice(held: dict[str, Any], is_chat: bool) -> dict[str, Any]:
    choice: dict[str, Any] = settled(held)
    delta = choice.pop("delta", None)
    found = {"index": choice.pop("index"), "finish_reason": choice.pop("finish_reason")}
    if is_chat:
        message = {"role": "assistant", "content": None, **(delta or {})}
        calls = message.get("tool_calls")
        if isinstance(calls, list):  # then they were added up, each from its pieces
            message["tool_calls"] = [{name: each for name, each in call.items() if name != "index"} for call in calls]
        found["message"] = message
    return {**found, **choice}


def _is_text(message: Any) -> bool:
    return isinstance(message, dict) and message.get("audio") is None


def _pieces(choice: dict[str, Any], number: int, is_chat: bool) -> list[dict[str, Any]]:
    """Return the choices of the chunks that say one choice: role, texts, calls, end."""
    index = choice.get("index", number)
    if not is_chat:
        return [{**choice, "index": index}]
    message = choice["message"]
    texts = {name: message[name] for name in _TEXTS if isinstance(message.get(name), str) and message[name]}
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) and all(isinstance(call, dict) for call in calls) else []
    said = {name: value for name, value in message.items() if name not in texts and (name != "tool_calls" or not calls)}
    if "content" in texts:
        said["content"] = ""
    deltas = [said]
    deltas += [{name: text} for name, text in texts.items()]
    deltas += [{"tool_calls": [{"index": place, **call}]} for place, call in enumerate(calls)]
    unsure = {"logprobs": None} if "logprobs" in choice else {}
    pieces = [{"index": index, "delta": delta, **unsure, "finish_reason": None} for delta in deltas]
    end = {name: value for name, value in choice.items() if name not in ("message", "logprobs")}
    pieces.append({**end, "index": index, "delta": {}, "finish_reason": choice.get("finish_reason")})
    if choice.get("logprobs") is not None:
        # Never on the first piece of a choice: the accumulator of the `openai` client counts what is there twice.
        place = list(texts).index("content") + 1 if "content" in texts else max(1, len(deltas) - 1)
        pieces[place]["logprobs"] = choice["logprobs"]
    return pieces
