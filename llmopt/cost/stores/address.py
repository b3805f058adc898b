"""What a URL names, and how it is shown: never with a password or a signature in it."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_USER = re.compile(r"(?<=://)[^/?#\s'\"]*@")
_PASSWORD = re.compile(r"(?<=://)[^/@\s'\"]*:[^/\s'\"]*@")
_WEB_QUERY = re.compile(r"(https?://[^\s?#'\"]*)[?#][^\s'\"]*", re.IGNORECASE)
_SIGNED = re.compile(
    r"\?(?:[^\s'\"]*&)?(?:sig|signature|sv|token|access_token|key|x-amz-[a-z-]+|x-goog-[a-z-]+)=[^\s'\"]*",
    re.IGNORECASE,
)


def is_url(path: str) -> bool:
    """Return whether a path is a URL, such as `s3://bucket/key`."""
    return _SCHEME.match(path) is not None


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in lower case; empty where there is none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


def is_web(url: str) -> bool:
    """Return whether a URL is of a web server."""
    return scheme_of(url) in ("http", "https")


def shown(text: str) -> str:
    """Return a URL, or a message with URLs in it, without what nobody else may see.

    Users and queries of web addresses go; of others, a password in front of the host and the query of a signed URL. The
    name of an object may hold `?` and `@`, so no more is cut off.
    """
    if not is_web(text):
        text = _SIGNED.sub("", _PASSWORD.sub("", text))
    return _WEB_QUERY.sub(r"\1", _USER.sub("", text) if is_web(text) else text)
