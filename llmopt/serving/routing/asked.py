"""What a request asks, as the router and the training of its score see it: the last question and its context.

Every shape of body is read: `messages` (OpenAI, Anthropic, Bedrock), `input` (OpenAI Responses, embeddings), `prompt`
(completions), `contents` (Gemini), `inputText` and `inputs`. What has no text (images, token ids) has no characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN = ("input", "prompt", "inputText", "inputs")
"""Keys of a body that may hold the question as it is."""
_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
_TEXTS = ("text", "content", "parts", "output")
"""Keys of a message or of a part that hold texts, or parts with texts."""
_INSTRUCTING = ("system", "developer")
_IMAGES = ("image", "image_url", "inlineData", "inline_data", "fileData", "file_data")
_RESULTS = ("tool_result", "toolResult", "function_call_output", "functionResponse")
_SAID = (str, list, tuple, dict, Mapping)
"""What a content may be; a plain dict is told faster than any other mapping."""
_DICTS = (dict, Mapping)
_LISTS = (list, tuple)
_DEEPEST = 8
"""Levels of parts within parts; what stands deeper is not looked at."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, taken apart."""

    text: str
    """Of the last message of a user that says anything; empty where none does."""
    system: str
    """The system prompt or the instructions; empty where there are none."""
    others: tuple[str, ...]
    """Every other text in order: earlier messages, answers, results of tools."""
    turns: int
    """Messages of users that say anything."""
    tools: int
    """Tools or functions that the model may call."""
    images: bool
    """Whether a message holds an image."""
    model: str
    """As asked for; empty where the body names none."""
    tool_chars: int
    """Characters of the tools' descriptions and schemas."""

    @property
    def context_chars(self) -> int:
        """Characters of all texts but `text`; those of the tools are not among them."""
        return len(self.system) + sum(map(len, self.others))

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Asked:
        """Take a body apart; what is not of a known shape is passed over, nothing is raised."""
        walk = _Walk()
        for key in _SYSTEM:
            if key in body:
                walk.instruct(body[key])
        for turn in _turns(body):
            walk.turn(turn)
        tools, chars = _tools(body)
        model = body.get("model")
        text = "" if walk.last is None else walk.texts.pop(walk.last)
        return cls(
            text=text,
            system="\n".join(walk.system),
            others=tuple(walk.texts),
            turns=walk.turns,
            tools=tools,
            images=walk.images,
            model=model if isinstance(model, str) else "",
            tool_chars=chars,
        )


class _Walk:
    """Collects texts message by message."""

    def __init__(self) -> None:
        self.system: list[str] = []
        self.texts: list[str] = []
        self.last: int | None = None
        """Where the last question stands among the texts."""
        self.turns = 0
        self.images = False

    def instruct(self, content: object) -> None:
        if isinstance(content, str):
            if content:
                self.system.append(content)
        elif content is not None:
            self.system += [text for text, _ in self._texts(content, 0) if text]

    def turn(self, message: object) -> None:
        if isinstance(message, str):
            self._keep([message], asked=True)
            return
        if not isinstance(message, _DICTS):
            return
        role = message.get("role", "user")
        content = _content(message)
        if role in _INSTRUCTING:
            self.instruct(content)
            return
        returned = message.get("type") in _RESULTS
        if isinstance(content, str):
            self._keep([content], asked=role == "user" and not returned)
            return
        found = list(self._texts(content, 0))
        self._keep([text for text, given_back in found if given_back], asked=False)
        self._keep([text for text, given_back in found if not given_back], asked=role == "user" and not returned)

    def _keep(self, texts: list[str], *, asked: bool) -> None:
        joined = texts[0] if len(texts) == 1 else "\n".join(text for text in texts if text)
        if not joined:
            return
        if asked and joined.strip():
            self.turns += 1
            self.last = len(self.texts)
        self.texts.append(joined)

    def _texts(self, content: object, depth: int, given_back: bool = False) -> Iterator[tuple[str, bool]]:
        """Yield each text of a content, and whether it is the result of a tool."""
        if isinstance(content, str):
            yield content, given_back
        elif isinstance(content, _LISTS) and depth < _DEEPEST:
            for part in content:
                yield from self._texts(part, depth + 1, given_back)
        elif isinstance(content, _DICTS) and depth < _DEEPEST:
            kind = str(content.get("type", ""))
            self.images = self.images or "image" in kind or any(key in content for key in _IMAGES)
            for key in _RESULTS:
                if key in content:
                    yield from self._texts(content[key], depth + 1, given_back=True)
            yield from self._texts(_content(content), depth + 1, given_back or kind in _RESULTS)


def _content(message: Mapping[str, Any]) -> object:
    """Return what a message or a part says: its text, or the list of its parts."""
    for key in _TEXTS:
        value = message.get(key)
        if isinstance(value, _SAID):
            return value
    return None


def _turns(body: Mapping[str, Any]) -> Iterator[object]:
    for key in ("messages", "contents", *_PLAIN):
        value = body.get(key)
        if isinstance(value, _LISTS):
            yield from value
            return
        if isinstance(value, _SAID):
            yield value
            return


def _tools(body: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many tools a body offers, and the characters of their descriptions."""
    config = body.get("toolConfig")
    lists = [body.get("tools"), body.get("functions"), config.get("tools") if isinstance(config, _DICTS) else None]
    count = chars = 0
    for tools in lists:
        if not isinstance(tools, _LISTS):
            continue
        for tool in tools:
            declared = tool.get("functionDeclarations") if isinstance(tool, _DICTS) else None
            count += len(declared) if isinstance(declared, _LISTS) else 1
            chars += _size(tool, 0)
    return count, chars


def _size(value: object, depth: int) -> int:
    """Return about how many characters the JSON of a value has."""
    if isinstance(value, str):
        return len(value) + 2
    if depth >= 2 * _DEEPEST:
        return 0
    if isinstance(value, _DICTS):
        return 2 + sum(len(key) + 4 + _size(inner, depth + 1) for key, inner in value.items() if isinstance(key, str))
    if isinstance(value, _LISTS):
        return 2 + sum(1 + _size(inner, depth + 1) for inner in value)
    return 4
