"""Requests that no model answers, so that nobody bills them: reading what is there, uploads, counting of tokens.

Sources: Anthropic, "Token counting" ("free to use"); OpenAI's API reference and price list (moderation is free, a batch
is billed by its results); Google, "countTokens" (free of charge).
"""

from __future__ import annotations

import re

from llmopt.serving.gateway.values import Api, Metered

_FREE = re.compile(
    r".*(/messages/count_tokens|/responses/input_tokens|:countTokens|/moderations|/batches|/files|/uploads(/.*)?|/cancel)"
)


def asks_no_model(metered: Metered) -> bool:
    """Return whether a request is free whatever comes of it."""
    if metered.api is not Api.OTHER:
        return False
    return metered.method != "POST" or _FREE.fullmatch(metered.path) is not None
