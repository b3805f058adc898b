"""URLs of OpenAI-compatible servers: where the API is, and how it is shown without secrets."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from llmopt.errors import UsageError


def shown(url: str) -> str:
    """Return a URL without credentials, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def root_of(url: str) -> str:
    """Return the URL that ends in `/v1`, its query kept.

    Raises:
        UsageError: it is no URL of a web server.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise UsageError(f"'{url.rpartition('@')[2]}' is no URL", "such as http://localhost:8000") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"'{shown(url)}' is no URL of a web server", _meant(url))
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit((parts.scheme, parts.netloc, path if path.endswith("/v1") else path + "/v1", parts.query, ""))


def below(root: str, path: str) -> str:
    """Return the URL of a path below a root; the query of the root stays."""
    parts = urlsplit(root)
    return urlunsplit(parts._replace(path=parts.path + path))


def _meant(url: str) -> str:
    """Return the next step after a URL that is none: the same with its scheme, where only that is missing."""
    plain = url.strip()
    if plain and "://" not in plain and "@" not in plain and urlsplit(f"http://{plain}").hostname:
        return f"did you mean {shown(f'http://{plain}')}?"
    return "such as http://localhost:8000"
