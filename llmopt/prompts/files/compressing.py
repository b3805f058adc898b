"""Compress one file: as chat requests where it holds these, else as one text."""

from __future__ import annotations

from llmopt.prompts.files.reading import NotText, read_source
from llmopt.prompts.files.requests import compress_requests, holds_requests
from llmopt.prompts.files.texts import compress_text_file
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.options import Options


def compress_file(path: str, shown: str, options: Options, *, messages: bool = False) -> FileResult:
    """Return a file with its prompts made shorter; nothing is written.

    Args:
        path: where it is.
        shown: what to call it.
        options: how.
        messages: it must hold chat requests; else it is looked at whether it does.

    Raises:
        NotText: it holds no text, or, with `messages`, no JSON.
        InputError: what must stay is over the budget.
        UsageError: the marker of the stable prefix is not in it.
    """
    source = read_source(path, shown)
    if not messages and not holds_requests(source):
        return compress_text_file(source, options)
    try:
        return compress_requests(source, options, asked=messages)
    except NotText as error:
        raise NotText(error.reason, source.encoded(source.text)) from error
