"""How many tokens the definitions of tools are, and the calls of them.

No maker publishes how definitions are written out. OpenAI's cookbook, "How to count tokens with tiktoken", section 7,
gives figures that match its bills for flat parameters; openai/harmony, `docs/format.md`, shows the other known form,
a TypeScript namespace, which also holds nested parameters. Anthropic, "Tool use with Claude", section "Pricing", lists
the tokens of the system prompt that tools bring (editions of 2025 and 2026 differ: the interval holds both).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from llmopt.tokens.chat.tally import MAX_DEPTH, Span, Tally, as_json
from llmopt.tokens.families import Maker

JsonObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Cookbook:
    """Figures of the cookbook's function for tools."""

    function: int
    properties: int = 3
    """Once for a function that has properties."""
    key: int = 3
    enum: int = -3
    enum_item: int = 3
    end: int = 12
    """Once for all functions."""


_NEW, _OLD = _Cookbook(7), _Cookbook(10)
_OLD_MODELS = re.compile(r"gpt-?3[.]?5|gpt-?4(?![o.\d])")
_NAMESPACE = 22
"""Tokens of the headings and brackets of an empty namespace."""
_SLACK = 0.1
_NESTING = frozenset(("properties", "items", "anyOf", "$ref"))
_JSON_LOW, _JSON_HIGH = 0.6, 1.5
"""Servers of other makers write definitions as JSON, XML or declarations: 60 to 150 % of compact JSON."""
_CLAUDE_PROMPTS = (
    (r"opus-3|3-opus", (530, 281), (530, 281)),
    (r"3-sonnet|sonnet-3(?![.\-]?\d)", (159, 235), (159, 235)),
    (r"3-haiku|haiku-3(?![.\-]?\d)", (264, 340), (264, 340)),
    (r"3-5-haiku|3[.]5-haiku|haiku-3[.\-]5", (264, 355), (264, 340)),
    (r"3-5-sonnet|3[.]5-sonnet|sonnet-3[.\-]5", (346, 313), (294, 261)),
    (r"3-7-sonnet|3[.]7-sonnet|sonnet-3[.\-]7", (346, 313), (346, 313)),
    (r"(?:opus|sonnet)-4[.\-]6", (497, 589), (346, 313)),
    (r"(?:opus|sonnet|haiku)-4[.\-]5", (496, 588), (346, 313)),
    (r"opus-4[.\-]7", (675, 804), (346, 313)),
    (r"opus-4[.\-]8", (290, 410), (290, 410)),
    (r"(?:opus|sonnet)-4", (313, 315), (346, 313)),
    (r"sonnet-5", (354, 474), (354, 474)),
    (r"opus-5", (286, 406), (286, 410)),
)
"""Model -> tokens for the choices `auto` or `none`, and `any` or `tool`: newest edition, and an earlier one."""
_CLAUDE_PROMPT_UNKNOWN = Span(346, 159, 804)
_CALL: dict[Maker, Span] = {
    "openai": Span(5, 0, 14),
    "anthropic": Span(25, 5, 60),
    "google": Span(6, 0, 24),
    "other": Span(10, 0, 40),
}
"""Around a call, besides its name and arguments; nothing is published."""
_RESULT: dict[Maker, Span] = {
    "openai": Span(2, 0, 10),
    "anthropic": Span(20, 4, 50),
    "google": Span(6, 0, 24),
    "other": Span(8, 0, 40),
}
"""Around a tool's result, besides its content."""


def count_tools(tally: Tally, tools: object, choice: object = None) -> None:
    """Add the definitions of a request.

    Args:
        tally: takes the tokens.
        tools: `tools` or `functions` of a request, of any maker.
        choice: `tool_choice`, which decides on Claude's system prompt.
    """
    found = list(_definitions(tools, MAX_DEPTH))
    definitions = [definition for definition in found if definition]
    if len(definitions) < len(found):
        tally.missing("tools that are nested too deeply")
    if not definitions:
        return
    if tally.maker == "openai":
        _openai(tally, definitions)
        return
    for definition in definitions:
        tally.schema(definition, _JSON_LOW, _JSON_HIGH)
    if tally.maker == "anthropic":
        tally.estimate(_claude_prompt(tally.model, choice))


def count_call(tally: Tally, name: object, arguments: object, framed: bool = True) -> None:
    """Add a call of a tool: its name, its arguments as JSON, and what writes it out where `framed`."""
    if isinstance(name, str):
        tally.text(name)
    tally.data(arguments)
    tally.estimate(_CALL[tally.maker] if framed else Span(0, 0, _CALL[tally.maker].high))


def count_calls(tally: Tally, message: JsonObject, framed: bool = True) -> None:
    """Add the calls in a message of OpenAI's."""
    calls = message.get("tool_calls")
    found = [calls] if isinstance(calls, dict) else calls if isinstance(calls, list) else []
    for call in [*found, message.get("function_call")]:
        if isinstance(call, dict):
            inner = call.get("function", call.get("custom", call))
            inner = inner if isinstance(inner, dict) else call
            arguments = (inner[key] for key in ("arguments", "input", "parameters") if inner.get(key) is not None)
            count_call(tally, inner.get("name"), next(arguments, None), framed)


def count_result(tally: Tally) -> None:
    """Add what writes out the result of a tool, besides its content."""
    tally.estimate(_RESULT[tally.maker])


def _definitions(tools: object, depth: int) -> Iterator[JsonObject]:
    """Yield each definition of a function without its wrapping, whatever the maker; {} for what lies too deep."""
    if depth <= 0:
        yield {}
    elif isinstance(tools, list):
        for tool in tools:
            yield from _definitions(tool, depth - 1)
    elif isinstance(tools, dict) and tools:
        for key in ("function", "functionDeclarations", "function_declarations", "toolSpec", "tools"):
            if isinstance(tools.get(key), dict | list):
                yield from _definitions(tools[key], depth - 1)
                return
        yield {key: value for key, value in tools.items() if key not in ("type", "cache_control", "strict")} or tools


def _claude_prompt(model: str, choice: object) -> Span:
    kind = choice.get("type", next(iter(choice), None)) if isinstance(choice, dict) else choice
    column = 1 if kind in ("any", "tool", "required") else 0
    for pattern, newest, earlier in _CLAUDE_PROMPTS:
        if re.search(pattern, model):
            ends = (newest[column], earlier[column])
            return Span(newest[column], min(ends), max(ends))
    return _CLAUDE_PROMPT_UNKNOWN


def _openai(tally: Tally, definitions: list[JsonObject]) -> None:
    """Add OpenAI's definitions: the cookbook's figures, or the namespace where parameters are nested."""
    figures = _OLD if _OLD_MODELS.search(tally.model) else _NEW
    flat = all(_is_flat(definition) for definition in definitions)
    cookbook = sum(_cookbook(tally, definition, figures) for definition in definitions) + figures.end
    texts = [_declaration(definition) for definition in definitions]
    namespace = sum(tally.measure(text).tokens for text in texts) + _NAMESPACE
    low, high = min(cookbook, namespace), max(cookbook, namespace)
    tokens = cookbook if flat else namespace
    slack = sum(count.high - count.tokens for count in map(tally.measure, texts))
    tally.estimate(Span(tokens, int(low * (1 - _SLACK)) - slack, math.ceil(high * (1 + _SLACK)) + slack))


def _properties(schema: object) -> dict[str, object]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _is_flat(definition: JsonObject) -> bool:
    parts = _properties(definition.get("parameters")).values()
    return all(isinstance(part, dict) and not _NESTING.intersection(part) for part in parts)


def _described(part: object) -> str:
    text = part.get("description") if isinstance(part, dict) else None
    return text.removesuffix(".") if isinstance(text, str) else ""


def _word(item: object) -> str:
    return item if isinstance(item, str) else as_json(item) or ""


def _cookbook(tally: Tally, definition: JsonObject, figures: _Cookbook) -> int:
    name = definition.get("name")
    line = f"{name if isinstance(name, str) else ''}:{_described(definition)}"
    tokens = figures.function + tally.measure(line).tokens
    properties = _properties(definition.get("parameters"))
    tokens += figures.properties if properties else 0
    for key, part in properties.items():
        kind = part.get("type") if isinstance(part, dict) else None
        line = f"{key}:{kind if isinstance(kind, str) else ''}:{_described(part)}"
        tokens += figures.key + tally.measure(line).tokens
        choices = part.get("enum") if isinstance(part, dict) else None
        if isinstance(choices, list):
            tokens += figures.enum
            tokens += sum(figures.enum_item + tally.measure(_word(item)).tokens for item in choices)
    return tokens


def _declaration(definition: JsonObject) -> str:
    """Write a definition as a type of a TypeScript namespace."""
    name, note = definition.get("name"), definition.get("description")
    head = f"// {note}\n" if isinstance(note, str) and note else ""
    body = _typed(definition.get("parameters"), MAX_DEPTH)
    return f"{head}type {name if isinstance(name, str) else ''} = (_: {body}) => any;\n\n"


def _typed(schema: object, depth: int) -> str:
    """Write a JSON schema as a type; what lies too deep is `any`."""
    if not isinstance(schema, dict) or depth <= 0:
        return "any"
    choices = schema.get("enum")
    if isinstance(choices, list):
        return " | ".join(f'"{_word(item)}"' for item in choices)
    properties = _properties(schema)
    if properties:
        return _fields(schema, properties, depth)
    if schema.get("type") == "array" or "items" in schema:
        return f"{_typed(schema.get('items'), depth - 1)}[]"
    union = schema.get("anyOf")
    if isinstance(union, list):
        return " | ".join(_typed(item, depth - 1) for item in union)
    kind = schema.get("type")
    return kind if isinstance(kind, str) else "any"


def _fields(schema: JsonObject, properties: dict[str, object], depth: int) -> str:
    required = schema.get("required")
    needed = set(filter(lambda item: isinstance(item, str), required)) if isinstance(required, list) else set()
    lines = ["{"]
    for key, part in properties.items():
        note = part.get("description") if isinstance(part, dict) else None
        if isinstance(note, str) and note:
            lines.append(f"// {note}")
        lines.append(f"{key}{'' if key in needed else '?'}: {_typed(part, depth - 1)},")
    return "\n".join([*lines, "}"])
