"""What a URL names, and how it is shown: never with a password or a signature in it."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_USER = re.compile(r"(?<=https://)[^/?#\s'\"]*@|(?<=http://)[^/?#\s'\"]*@|(?<=://)[^/?#\s'\"]*:[^/\s'\"]*@")
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


def shown(url: str) -> str:
    """Return a URL without what nobody else may see.

    User and query of a web address go; of others, a password in front of the host and the query of a signed URL: the
    name of an object may hold `?` and `@`, so no more is cut off.
    """
    if not is_web(url):
        return _SIGNED.sub("", _PASSWORD.sub("", url))
    scheme, _, rest = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def without_secrets(text: str) -> str:
    """Return a message as it may be shown, whatever URLs are in it."""
    return _WEB_QUERY.sub(r"\1", _SIGNED.sub("", _USER.sub("", text)))
