"""Read the rules of a policy, and the checks of its cascade: tables into conditions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from llmopt.core.toml import read_text
from llmopt.errors import ConfigError
from llmopt.serving.routing.checks import Check, Finished, IsJson, Long, Reads, Says
from llmopt.serving.routing.entries import DOCS, Table
from llmopt.serving.routing.language import LANGUAGES
from llmopt.serving.routing.patterns import Pattern, compiled, joined_of
from llmopt.serving.routing.rules import Condition, HasWords, Header, Matches, OneOf, Present, Rule, Tokens
from llmopt.serving.routing.schema import Schema
from llmopt.serving.routing.seen import WHERE, Where
from llmopt.serving.routing.words import Phrases, is_phrase

_LIMITS = {
    "tokens_above": ("all", True),
    "tokens_below": ("all", False),
    "question_tokens_above": ("question", True),
    "question_tokens_below": ("question", False),
}
_FLAGS = ("tools", "images")
_LISTS = ("tenant", "model", "tags")
_WORDS = ("words", "no_words", "regex", "no_regex")
RULE_KEYS = ("name", "route", "in", *_WORDS, *_LIMITS, *_FLAGS, "header", *_LISTS, "language")
CHECK_KEYS = ("finish_reason", "complete", *_WORDS, "min_chars", "max_chars", "json", "schema")


def read_rule(table: Table, routes: tuple[str, ...]) -> Rule:
    """Return the rule of a `[[rule]]`.

    Raises:
        ConfigError: a key is not known, a value makes no sense, or it asks nothing.
    """
    table.only(RULE_KEYS)
    name, route = table.text("name"), table.text("route")
    if name is None:
        raise table.fault("a rule needs a name", hint='such as name = "short question"')
    if route is None:
        raise table.fault(f"the rule {name!r} needs a route", hint=f"one of {', '.join(routes)}")
    table.one_of("route", route, routes, "route")
    conditions = sorted(_conditions(table), key=lambda condition: condition.cost)
    if not conditions:
        raise table.fault(
            f"the rule {name!r} asks nothing, so all after it would be idle", hint="set `default` instead"
        )
    return Rule(name, route, tuple(conditions))


def read_checks(table: Table, folder: Path) -> Iterator[Check]:
    """Yield the checks of a `[[cascade.check]]`.

    Raises:
        ConfigError: a key is not known, or a value makes no sense.
    """
    table.only(CHECK_KEYS)
    if not table.raw:
        raise table.fault("a check that checks nothing", hint=f"keys are {', '.join(CHECK_KEYS)}")
    yield from _endings(table)
    for key, wanted in (("words", True), ("no_words", False)):
        if key in table.raw:
            yield Says(_phrases(table, key), wanted)
    for key, wanted in (("regex", True), ("no_regex", False)):
        if key in table.raw:
            yield Reads(_patterns(table, key), wanted)
    if table.flag("json") or "schema" in table.raw:
        yield IsJson(_schema(table, folder))


def _endings(table: Table) -> Iterator[Check]:
    """Yield checks of how an answer ended, and of its length."""
    if table.flag("complete"):
        yield Finished()
    if reasons := table.texts("finish_reason"):
        yield Finished(tuple(reason.lower() for reason in reasons))
    least, most = table.whole("min_chars"), table.whole("max_chars")
    if most is not None and most < (least or 0):
        raise table.fault(f"max_chars {most} is less than min_chars {least}", "max_chars")
    if least is not None or most is not None:
        yield Long(least or 0, most)


def _conditions(table: Table) -> Iterator[Condition]:
    for key in _FLAGS:
        wanted = table.flag(key)
        if wanted is not None:
            yield Present(key, wanted)
    for key in _LISTS:
        if accepted := table.texts(key):
            yield OneOf(key, accepted)
    yield from _headers(table)
    for key, (counted, above) in _LIMITS.items():
        limit = table.whole(key)
        if limit is not None:
            yield Tokens(limit, above, cast(Where, counted))
        if above and limit is not None and limit + 1 >= (table.whole(key.replace("above", "below")) or math.inf):
            raise table.fault(f"{key} leaves nothing to {key.replace('above', 'below')}", key, "no text holds both")
    yield from _of_texts(table)


def _of_texts(table: Table) -> Iterator[Condition]:
    """Yield conditions on what a text says, and in which language."""
    where = cast(Where, table.one_of("in", table.text("in") or "question", WHERE, "place"))
    if "in" in table.raw and not any(key in table.raw for key in (*_WORDS, "language")):
        raise table.fault("`in` says where words, patterns and languages are looked for, and there are none", "in")
    for key, wanted in (("words", True), ("no_words", False)):
        if key in table.raw:
            yield HasWords(_phrases(table, key), where, wanted)
    for key, wanted in (("regex", True), ("no_regex", False)):
        if key in table.raw:
            patterns = _patterns(table, key)
            yield Matches(patterns, where, wanted, joined_of(patterns))
    languages = table.texts("language")
    for code in languages:
        table.one_of("language", code, sorted(LANGUAGES), "language that can be told")
    if languages:
        yield OneOf("language", languages, where, cost=4)


def _headers(table: Table) -> Iterator[Condition]:
    headers = table.table("header")
    for name in headers.raw if headers else ():
        if headers is None:
            continue
        value = headers.raw[name]
        if isinstance(value, bool):
            yield Header(name.lower(), (), wanted=value)
        else:
            yield Header(name.lower(), tuple(text.strip() for text in headers.texts(name)))


def _phrases(table: Table, key: str) -> Phrases:
    phrases = table.texts(key)
    for phrase in phrases:
        if not is_phrase(phrase):
            raise table.fault(f"{key}: {phrase!r} is not made of words", key, "look for it with `regex`")
    return Phrases(phrases)


def _patterns(table: Table, key: str) -> tuple[Pattern, ...]:
    try:
        return tuple(compiled(source) for source in table.texts(key))
    except ConfigError as error:
        raise table.fault(f"{key}: {error.message}", key, error.hint) from error


def _schema(table: Table, folder: Path) -> Schema | None:
    found = table.raw.get("schema")
    if found is None:
        return None
    try:
        if isinstance(found, str):
            found = json.loads(read_text(folder / found, DOCS))
        return Schema(found)
    except (ValueError, RecursionError) as error:
        raise table.fault(f"schema: {table.raw['schema']}: {error}", "schema") from error
    except ConfigError as error:
        raise table.fault(f"schema: {error.message}", "schema", error.hint) from error
