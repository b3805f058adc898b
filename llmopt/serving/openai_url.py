"""URLs of OpenAI-compatible servers: where the API is, how it is shown without secrets, what a status calls for."""

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
        raise UsageError(f"'{shown(url)}' is no URL of a web server", "such as http://localhost:8000")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit((parts.scheme, parts.netloc, path if path.endswith("/v1") else path + "/v1", parts.query, ""))


def below(root: str, path: str) -> str:
    """Return the URL of a path below a root; the query of the root stays."""
    parts = urlsplit(root)
    return urlunsplit(parts._replace(path=parts.path + path))


def status_hint(status: int) -> str:
    """Return the next step after a status of HTTP; 0 stands for none."""
    if status in (401, 403):
        return "name the environment variable that holds the key, with --api-key-env"
    if status == 404:
        return "check the URL and the model's name (--model)"
    return "check the URL, and that the server is up" if not status else "look at the server's log"
