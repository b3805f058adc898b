"""What goes wrong between a client and an OpenAI-compatible server: in a word, in the server's words, the next step."""

from __future__ import annotations

import json
from urllib.parse import urljoin

from llmopt.errors import MissingExtraError
from llmopt.serving.openai_url import shown

try:
    import aiohttp
except ImportError as error:
    raise MissingExtraError((error.name or "aiohttp").partition(".")[0], "bench") from error

WEB_PAGE = "a web page"
"""The answer of something else than an API."""
_LARGEST_TOLD = 200
"""Characters of a server's error message that are shown."""
_LARGEST_READ = 4096
"""Bytes of it that are read."""
_HINTS = {
    "no secure connection": "give http:// where the server speaks no TLS; else its certificate is not trusted here",
    "disconnected": "check the URL (https:// where the server speaks TLS), and look at the server's log",
    "timeout": "look at the server; a request may take 60 s",
    WEB_PAGE: "give the URL of the API, such as http://localhost:8000/v1",
}

_OF_ANSWERS = ("broken stream", "broken frame", "error in stream", "empty answer")


def reason(error: BaseException) -> str:
    """Return in a word or two what went wrong, the same for the same cause; no address and no key is in it."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "no secure connection"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "unknown host"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connection refused" if isinstance(error.os_error, ConnectionRefusedError) else "no connection"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return "disconnected"
    return "broken stream"


def hint(why: str, *, key_name: str = "", has_key: bool = False, looking_up: bool = False) -> str:
    """Return the next step.

    Args:
        why: as `reason` says it, or `HTTP 404`.
        key_name: the variable that a key is read from.
        has_key: whether a key was sent.
        looking_up: whether the list of models was asked for.
    """
    status = why[5:8] if why.startswith("HTTP ") else ""
    if status in ("401", "403") and has_key:
        return f"the server refuses the key in {key_name}"
    if status in ("401", "403"):
        return f"set {key_name} to the key, or name the variable that holds it (--api-key-env)"
    if status == "404":
        what = "or name a model (--model)" if looking_up else "and the model's name (--model)"
        return f"check the URL, {what}; /v1/chat/completions is what is asked"
    if status.startswith("3"):
        return "redirects are not followed: give the URL where the API is"
    if status == "429":
        return "the server limits its requests: try again later"
    if status or why in _OF_ANSWERS:
        return "look at the server's log"
    return _HINTS.get(why, "check the URL, and that the server is up")


async def told(response: aiohttp.ClientResponse) -> str:
    """Return what a server says of a request that it refuses, on one line; where it redirects to, if it does."""
    if location := response.headers.get("Location"):
        return f"to {shown(urljoin(str(response.url), location))}"
    body = (await response.content.read(_LARGEST_READ)).decode("utf-8", "replace")
    return " ".join(_message(body).split())[:_LARGEST_TOLD]


def _message(body: str) -> str:
    """Return the message in the body of an error: OpenAI's, that of FastAPI, or the body itself."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return found if isinstance(found, str) else body
