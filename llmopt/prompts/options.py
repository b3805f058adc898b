"""What the user asked of compression, checked once."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict, TypeVar

from llmopt.errors import UsageError
from llmopt.prompts.context import JSON_FORMS, LEVELS, Context, JsonForm, Level
from llmopt.prompts.passes.logs import factored_logs
from llmopt.prompts.passes.registry import Pass, passes_of
from llmopt.prompts.rewriter import Rewriter, rewriting
from llmopt.prompts.select.scorer import Scorer
from llmopt.tokens.tokenizer import Tokenizer

Choice = TypeVar("Choice", Level, JsonForm)


class Asked(TypedDict, total=False):
    """The options of `llmopt.prompts.api.compress`, as a caller gives them."""

    level: str
    query: str | None
    budget: int | float | None
    model: str | None
    keep: str | re.Pattern[str] | Iterable[str | re.Pattern[str]]
    stable_prefix: int | str | None
    json_form: str
    tokenizer: Tokenizer | str | os.PathLike[str] | None
    scorer: Scorer | None
    rewriter: Rewriter | None


@dataclass(frozen=True, slots=True)
class Options:
    """How to compress."""

    level: Level
    context: Context
    keep: tuple[re.Pattern[str], ...]
    """Patterns whose matches stay."""
    stable_prefix: int | str | None
    """Tokens at the beginning that stay, or a text up to which everything stays."""
    query: str | None
    budget: int | float | None
    """Tokens, or a share of the original's; None where there is no query."""
    scorer: Scorer | None
    rewriter: Rewriter | None

    def passes(self, level: Level) -> tuple[Pass, ...]:
        """Return the passes of a level, with the user's rewriter at the end of the aggressive ones.

        Under a query log lines stay as they are: it leaves out lines, which it could not of a block of templates.
        """
        found = tuple(item for item in passes_of(level) if self.query is None or item.run is not factored_logs)
        if self.rewriter is None or level != "aggressive":
            return found
        return (*found, Pass(rewriting(self.rewriter), "aggressive", "every"))


def options_of(
    *,
    level: str = "safe",
    query: str | None = None,
    budget: int | float | None = None,
    model: str | None = None,
    keep: str | re.Pattern[str] | Iterable[str | re.Pattern[str]] = (),
    stable_prefix: int | str | None = None,
    json_form: str = "minified",
    tokenizer: Tokenizer | str | os.PathLike[str] | None = None,
    scorer: Scorer | None = None,
    rewriter: Rewriter | None = None,
) -> Options:
    """Return the options; `llmopt.prompts.api.compress` describes them.

    Raises:
        UsageError: one that makes no sense, or two that do not go together.
    """
    if (query is None) != (budget is None):
        raise UsageError("a query and a budget go together", "give both, or neither")
    return Options(
        _one_of(level, LEVELS, "level"),
        Context(_tokenizer(model, tokenizer), _one_of(json_form, JSON_FORMS, "form of JSON")),
        tuple(_pattern(item) for item in ([keep] if isinstance(keep, str | re.Pattern) else keep)),
        _prefix(stable_prefix),
        query,
        None if budget is None else _budget(budget),
        scorer,
        rewriter,
    )


def _one_of(value: str, known: tuple[Choice, ...], what: str) -> Choice:
    for item in known:
        if item == value:
            return item
    raise UsageError(f"no {what} '{value}'", f"one of {', '.join(known)}")


def _tokenizer(model: str | None, tokenizer: Tokenizer | str | os.PathLike[str] | None) -> Tokenizer:
    if tokenizer is not None and model is not None:
        raise UsageError("a model and a tokenizer exclude each other", "name one of them")
    if tokenizer is not None and not isinstance(tokenizer, str | os.PathLike):
        return tokenizer
    # It loads tiktoken, which a caller with a tokenizer of its own can do without.
    from llmopt.tokens.api import tokenizer_for

    return tokenizer_for(model) if tokenizer is None else tokenizer_for(path=tokenizer)


def _pattern(item: str | re.Pattern[str]) -> re.Pattern[str]:
    if isinstance(item, re.Pattern):
        return item
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # [[:alpha:]] means something else in Python
            return re.compile(item, re.MULTILINE)
    except (re.error, FutureWarning) as error:
        raise UsageError(f"'{item}' is no regular expression: {error}", "quote special characters with \\") from error


def _prefix(value: int | str | None) -> int | str | None:
    if isinstance(value, bool) or (isinstance(value, int) and value < 0) or value == "":
        raise UsageError(
            f"a stable prefix of {value!r} makes no sense", "a number of tokens, or a text that marks its end"
        )
    return value


def _budget(value: int | float) -> int | float:
    if isinstance(value, bool) or not value > 0:
        raise UsageError(f"a budget of {value!r} makes no sense", "tokens such as 800, or a share such as 0.25")
    if isinstance(value, float) and value > 1:
        if not value.is_integer():
            raise UsageError(f"a budget of {value} is neither tokens nor a share", "such as 800 or 0.25")
        return int(value)
    return value
