"""Which headers go on to the other side: the end-to-end ones, as RFC 9110 7.6.1 has them.

Credentials are those that OpenAI, Anthropic, Azure and Google take.
"""

from __future__ import annotations

import re

from llmopt.serving.gateway.values import Headers

HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
"""About one connection, and so not for the next one."""
CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"})
"""Headers that hold a key."""
_KEY_IN_QUERY = re.compile(r"(?<=[?&])key=[^&]*&?")


def end_to_end(headers: Headers, more: frozenset[bytes] = frozenset()) -> Headers:
    """Return the headers that go on, names in lower case; also without those that `Connection` names.

    Args:
        headers: as they came.
        more: names that stay behind, too.
    """
    left = HOP_BY_HOP | more if more else HOP_BY_HOP
    kept = tuple([(lower, value) for name, value in headers if (lower := name.lower()) not in left])
    if len(kept) == len(headers):
        return kept
    told = b",".join([value for name, value in headers if name.lower() == b"connection"])
    named = {each.strip().lower() for each in told.split(b",")} - left
    return tuple([each for each in kept if each[0] not in named]) if named else kept


def without_key(path: str) -> str:
    """Return a path and query without `key=`, by which Google's API is told a key."""
    if "key=" not in path:
        return path
    return _KEY_IN_QUERY.sub("", path).rstrip("?&")
