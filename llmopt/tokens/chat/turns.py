"""Counts what a request asks: its messages with what formatting adds to them, or its texts, whoever's API it is for.

The figures are those of `llmopt/tokens/chat/frames.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from llmopt.tokens.chat.content import count_content
from llmopt.tokens.chat.context import count_message_context
from llmopt.tokens.chat.frames import Frame, add
from llmopt.tokens.chat.shapes import JsonObject, are_messages, are_tokens
from llmopt.tokens.chat.tally import NOTHING, Span, Tally
from llmopt.tokens.chat.tools import count_calls, count_result

_NO_CHAT = ("embed", "moderation", "rerank", "tts", "davinci", "babbage", "instruct")
"""Parts of the names of models that take texts without any frame."""
_COHERE_ROLES = {"USER": "user", "CHATBOT": "assistant", "SYSTEM": "system", "TOOL": "tool"}


def count_asked(tally: Tally, frame: Frame, body: JsonObject, key: str) -> None:
    """Add what a request has under one of the keys that `llmopt.tokens.chat.shapes.asked` names."""
    _ASKED.get(key, _prompt)(tally, frame, body, body[key])


def count_list(tally: Tally, frame: Frame, items: list[object]) -> None:
    """Add a list: messages, texts, or tokens."""
    if are_tokens(items):
        tally.tokens(len(items))
    elif any(isinstance(item, dict) for item in items):
        _messages(tally, frame, items)
    else:
        for item in items:
            if are_tokens(item):
                tally.tokens(len(item))
            elif are_messages(item):
                _messages(tally, frame, item)
            else:
                count_content(tally, item)


def _turns(tally: Tally, frame: Frame, _: JsonObject, value: object) -> None:
    """Add `messages` or `contents`; a bare text or bare parts are one message of the user."""
    if isinstance(value, str):
        _input(tally, frame, {}, value)
    elif isinstance(value, dict) and ("parts" in value or "role" in value):
        _messages(tally, frame, [value])
    elif isinstance(value, list) and any(isinstance(item, dict) and _is_turn(item) for item in value):
        _messages(tally, frame, value)
    elif value:
        _messages(tally, frame, [{"role": "user", "parts": value}])
        tally.guess()


def _is_turn(item: JsonObject) -> bool:
    return any(key in item for key in ("role", "content", "parts"))


def _prompt(tally: Tally, frame: Frame, _: JsonObject, prompt: object) -> None:
    if isinstance(prompt, list):
        count_list(tally, frame, prompt)
    else:
        count_content(tally, prompt)


def _input(tally: Tally, frame: Frame, _: JsonObject, value: object) -> None:
    """Add `input`: texts for models that embed, one message or items for those that chat."""
    bare = any(name in tally.model for name in _NO_CHAT)
    if isinstance(value, list):
        count_list(tally, frame, value)
    elif bare or not isinstance(value, str):
        count_content(tally, value)
    else:
        _messages(tally, frame, [{"role": "user", "content": value}])
        tally.guess()


def _cohere(tally: Tally, frame: Frame, body: JsonObject, message: object) -> None:
    """Add the turns of Cohere's first API."""
    history = body.get("chat_history")
    turns: list[object] = []
    for turn in history if isinstance(history, list) else ():
        if isinstance(turn, dict):
            role = turn.get("role")
            role = _COHERE_ROLES.get(role, role) if isinstance(role, str) else role
            turn = {**turn, "role": role, "content": turn.get("message", turn.get("content"))}
        turns.append(turn)
    _messages(tally, frame, [*turns, {"role": "user", "content": message}])


def _messages(tally: Tally, frame: Frame, messages: list[object]) -> None:
    """Add messages with their frames; items of the Responses API that are no messages have none."""
    for message in messages:
        if isinstance(message, dict):
            _message(tally, frame, message)
        else:
            count_content(tally, message)
    if messages:
        add(tally, frame.once, frame)


def _message(tally: Tally, frame: Frame, message: dict[str, object]) -> None:
    role = message.get("role")
    if role is None and not ("content" in message or "parts" in message):
        count_content(tally, message)
        return
    add(tally, frame.message, frame)
    if isinstance(role, str) and frame.role:
        tally.role(role)
    elif frame.role:
        tally.estimate(Span(1, 0, 1))
    name = message.get("name")
    if isinstance(name, str):
        tally.text(name)
        add(tally, frame.name, frame)
    _by_role(tally, frame, role)
    for key in ("content", "parts", "refusal"):
        count_content(tally, message.get(key))
    count_calls(tally, message)
    count_message_context(tally, message)


def _by_role(tally: Tally, frame: Frame, role: object) -> None:
    """Add what formatting adds to the messages of some roles."""
    span = frame.assistant if role == "assistant" else frame.system if role in ("system", "developer") else NOTHING
    if span.high:
        tally.estimate(span)
    if role in ("tool", "function"):
        count_result(tally)


_ASKED: dict[str, Callable[[Tally, Frame, JsonObject, object], None]] = {
    "messages": _turns,
    "contents": _turns,
    "input": _input,
    "message": _cohere,
}
"""By key; all others hold texts."""
