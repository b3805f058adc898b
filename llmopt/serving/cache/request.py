"""A request as the cache sees it: what is asked, for whom, and whether its answer may be kept.

An answer is worth keeping where the same question has the same answer: at temperature 0, with a seed, or from an
endpoint that does not sample. What a request reads besides its own body (a conversation that a server keeps, the web)
changes between two questions, so such requests are not taken for deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt.serving.cache.key import CHAT, request_key
from llmopt.serving.cache.plain import read_object

UNSAMPLED = frozenset(
    {
        *("embeddings", "embed", "embedContent", "batchEmbedContents", "moderations", "rerank", "score", "pooling"),
        *("classify", "tokenize", "detokenize", "count_tokens", "countTokens", "input_tokens"),
    }
)
"""Last parts of the paths of endpoints that do not sample (OpenAI, vLLM, Anthropic, Gemini, Ollama)."""
_NESTED = ("generationConfig", "options", "inferenceConfig", "parameters")
"""Fields that hold the settings of a request (Gemini, Ollama, Bedrock, TGI); OpenAI and Anthropic have them on top."""
_STATEFUL = frozenset(
    {
        *("conversation", "container", "mcp_servers", "search_parameters", "web_search_options", "thread"),
        *("enable_search", "connectors"),
    }
)
"""Fields (OpenAI, Anthropic, xAI, Qwen, Cohere) by which a request reads what is kept or found elsewhere."""
_LOOKING = (
    *("web_", "file_search", "code_interpreter", "code_execution", "image_generation", "mcp", "shell"),
    *("x_search", "live_search", "collections_search", "browser_search", "document_library", "builtin_function"),
)
"""Beginnings of the types of tools (OpenAI, Anthropic, xAI, Groq, Mistral, Moonshot) that the server runs itself."""
_LOOKING_NAMES = frozenset(
    {
        *("googleSearch", "googleSearchRetrieval", "googleMaps", "urlContext", "codeExecution", "fileSearch"),
        *("google_search", "google_search_retrieval", "google_maps", "url_context", "code_execution", "file_search"),
    }
)
"""Fields of a tool of Gemini that name what its server runs."""


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """One request; make it once with `CacheRequest.of`, and hand it to every method of the cache."""

    key: str
    """`request_key` of it."""
    tenant: str
    model: str
    """`body["model"]`; empty where there is none."""
    endpoint: str
    deterministic: bool
    """Temperature 0, a seed, or an endpoint that does not sample, and nothing is read elsewhere; or opted in."""
    cache_control: str
    """The request's `Cache-Control` header."""
    streamed: bool
    """Whether the answer is wanted as a stream."""
    body: Mapping[str, Any]
    """The decoded request."""
    upstream: str

    @classmethod
    def of(
        cls,
        body: Mapping[str, Any] | bytes | str,
        *,
        endpoint: str = CHAT,
        upstream: str = "",
        tenant: str = "",
        cache_control: str = "",
        opt_in: bool = False,
    ) -> CacheRequest:
        """Look at a request once.

        Args:
            body: decoded, or JSON.
            endpoint: path that it is sent to.
            upstream: which server; the same model name on two servers is two models.
            tenant: whose request it is; answers are never shared across tenants.
            cache_control: its `Cache-Control` header.
            opt_in: keep the answer even if the request samples.

        Raises:
            InputError: the body is not a JSON object, holds what JSON cannot, or has a name twice in one object.
        """
        decoded = body if isinstance(body, Mapping) else read_object(body)
        model = decoded.get("model")
        return cls(
            request_key(decoded, endpoint=endpoint, upstream=upstream, tenant=tenant),
            tenant,
            model if isinstance(model, str) else "",
            endpoint,
            opt_in or is_deterministic(decoded, endpoint),
            cache_control,
            decoded.get("stream") is True,
            decoded,
            upstream,
        )


def is_deterministic(body: Mapping[str, Any], endpoint: str = CHAT) -> bool:
    """Return whether a request gets the same answer each time, as far as its body can say.

    Args:
        body: decoded.
        endpoint: path that it is sent to.
    """
    return (_is_certain(body) or _last_part(endpoint) in UNSAMPLED) and not reads_more(body)


def reads_more(body: Mapping[str, Any]) -> bool:
    """Return whether the answer depends on more than the body: a conversation that is kept elsewhere, the web."""
    if not _STATEFUL.isdisjoint(body) and any(body.get(name) not in (None, False) for name in _STATEFUL):
        return True
    template = body.get("prompt")
    if isinstance(template, Mapping) and not template.get("version"):  # whatever version is the newest one then
        return True
    return any(_looks(tool) for name in ("tools", "plugins") if name in body for tool in _items(body[name]))


def _is_certain(body: Mapping[str, Any]) -> bool:
    if _is_greedy(body.get("temperature")) or _is_seed(body.get("seed")):
        return True
    if "temperature" in body:
        return False
    nested = [body[name] for name in _NESTED if isinstance(body.get(name), Mapping)]
    return any(_is_greedy(each.get("temperature")) or _is_seed(each.get("seed")) for each in nested)


def _is_greedy(temperature: Any) -> bool:
    return isinstance(temperature, (int, float)) and temperature == 0 and temperature is not False


def _is_seed(seed: Any) -> bool:
    # -1 is a random seed for vLLM and llama.cpp. 7.0 is 7, as in the key.
    return isinstance(seed, (int, float)) and not isinstance(seed, bool) and seed % 1 == 0 and seed != -1


def _last_part(endpoint: str) -> str:
    """Return `embeddings` of `/v1/embeddings?x=1`, and what follows the colon of `/models/m:embedContent`."""
    return endpoint.partition("?")[0].rstrip("/").rpartition("/")[2].rpartition(":")[2]


def _items(tools: Any) -> Iterable[Any]:
    return tools if isinstance(tools, (list, tuple)) else ()


def _looks(tool: Any) -> bool:
    """Return whether a tool (or a plugin: OpenRouter's `web`) is run by the model's server on what changes."""
    if not isinstance(tool, Mapping):
        return False
    kind = tool.get("type")
    named = isinstance(kind, str) and kind.startswith(_LOOKING)
    return named or tool.get("id") == "web" or not _LOOKING_NAMES.isdisjoint(tool)
