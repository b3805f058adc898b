"""Find the texts of a chat request that may be shortened: what roles say, not names, tool calls, images or settings.

Shapes, by the names of the APIs' fields: OpenAI (chat, Responses, completions), Anthropic (messages), Gemini and Vertex
AI (`contents`), Bedrock (converse), each alone or within a wrapper such as the `body` of a batch file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmopt.prompts.context import Level
from llmopt.tokens.chat.requests import is_request

Path = tuple[str | int, ...]
"""Keys and indices that lead from a body to a value in it."""
CACHE_CONTROL = "cache_control"
"""The field by which Anthropic's API is told up to where a request shall be cached."""
_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
_TURNS = ("messages", "contents", "input", "prompt")
_WRAPPERS = ("body", "request", "params", "payload", "modelInput", "requestBody", "data", "json")
_BATCHES = ("requests",)
_DEEPEST = 4
_ANSWERS = frozenset({"assistant", "model", "ai", "chatbot"})
_FIXED = frozenset({"system", "developer"})
_NESTED = ("content", "parts", "output", "toolResult", "tool_result")
_NOT_TEXT = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "tool_use", "function_call", "image", "input_image"}
)


@dataclass(frozen=True, slots=True)
class Content:
    """One text of a request."""

    path: Path
    text: str
    role: str
    """As the request says; `system` for a system prompt beside the messages; `user` where none is named."""
    cached: bool = False
    """Whether it lies before the last mark of `cache_control`."""
    last: bool = False
    """Whether it is of the last message."""

    @property
    def highest_level(self) -> Level:
        """The furthest level that suits it: what a model said before is history or an example, and is not reworded."""
        return "lossless" if self.role in _ANSWERS else "aggressive"

    @property
    def is_fixed(self) -> bool:
        """Whether a query may leave nothing of it out."""
        return self.role in _FIXED or self.last


def contents(body: object) -> list[Content]:
    """Return the texts of a request in the order in which a model reads them; none if it is no request.

    Args:
        body: decoded JSON: a list of messages or a request body, alone or within wrappers; the requests of a batch too.
    """
    found: list[Content] = []
    marks: list[int] = []
    for path, request in _requests(body, (), _DEEPEST):
        at = len(found)
        for content, marked in _request(request, path):
            found.append(content)
            if marked:
                marks.append(len(found))
        if marks:
            found[at : marks[-1]] = [replace(content, cached=True) for content in found[at : marks[-1]]]
            marks.clear()
    return found


def _requests(body: object, path: Path, levels: int) -> Iterator[tuple[Path, object]]:
    """Yield each request within a body, with the way to it."""
    if isinstance(body, list) and not (body and is_request(body)):
        for at, item in enumerate(body if levels else ()):
            yield from _requests(item, (*path, at), levels - 1)
    elif isinstance(body, list) or (isinstance(body, dict) and any(key in body for key in _TURNS)):
        yield path, body
    elif isinstance(body, dict) and levels:
        for key in (*_WRAPPERS, *_BATCHES):
            if isinstance(body.get(key), dict | list):
                yield from _requests(body[key], (*path, key), levels - 1)


def _request(body: object, path: Path) -> Iterator[tuple[Content, bool]]:
    if isinstance(body, list):
        yield from _turns(body, path)
        return
    if not isinstance(body, dict):
        return
    for key in _SYSTEM:
        if key in body:
            yield from _texts(body[key], (*path, key), "system")
    for key in _TURNS:
        value = body.get(key)
        if isinstance(value, list):
            yield from _turns(value, (*path, key))
        elif value is not None:
            yield from _texts(value, (*path, key), "user")


def _turns(items: list[object], path: Path) -> Iterator[tuple[Content, bool]]:
    """Yield the texts of a list of messages (or bare texts)."""
    end = len(items) - 1
    for at, item in enumerate(items):
        role = str(item.get("role") or "user").lower() if isinstance(item, dict) else "user"
        yield from _texts(item, (*path, at), role, last=at == end and at > 0 and role not in _ANSWERS)


def _texts(value: object, path: Path, role: str, *, last: bool = False) -> Iterator[tuple[Content, bool]]:
    """Yield the texts below a message or its content, each with whether it is marked for the cache."""
    if isinstance(value, str):
        yield Content(path, value, role, False, last), False
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, (*path, at), role, last=last)
    elif isinstance(value, dict) and str(value.get("type")) not in _NOT_TEXT:
        if CACHE_CONTROL not in value:
            yield from _inner(value, path, role, last)
            return
        own = list(_inner(value, path, role, last))
        for at, (content, inner) in enumerate(own):
            yield content, inner or at == len(own) - 1


def _inner(value: dict[str, object], path: Path, role: str, last: bool) -> Iterator[tuple[Content, bool]]:
    text = value.get("text")
    if isinstance(text, str):
        yield Content((*path, "text"), text, role, False, last), False
    for key in _NESTED:
        if key in value:
            yield from _texts(value[key], (*path, key), role, last=last)
