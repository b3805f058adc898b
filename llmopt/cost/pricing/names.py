"""The spellings of providers and models: prefixes, regions, dates and versions that logs wrap around a name.

Sources of the spellings: OpenTelemetry's `gen_ai.provider.name` values
(https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/), LiteLLM's provider prefixes
(https://docs.litellm.ai/docs/providers), Bedrock's model ids and inference profiles
(https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html), Vertex AI's resource names
(https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

FIRST_PARTIES = (
    "openai",
    "anthropic",
    "google",
    "x-ai",
    "mistral",
    "deepseek",
    "cohere",
    "moonshotai",
    "meta",
    "minimax",
    "zai",
    "zhipuai",
    "voyageai",
    "arcee",
    "perplexity",
    "elevenlabs",
    "aws",
)
"""Providers that sell their own models, in the order in which a bare model name is looked up. `aws` is last: it
owns `amazon.nova-…`, and the ids of what it resells (`us.anthropic.…`) are its own spelling."""

CLOSED = ("openai", "anthropic", "google", "x-ai")
"""Providers whose own models nobody else may host: a name of theirs means them, whoever forwarded the call."""

_SPELLINGS: dict[str, str] = {
    "openai": "openai openai_chat openai.chat openai_responses openai.responses text_completion_openai chatgpt codex",
    "anthropic": "anthropic anthropic.messages anthropic_text claude claude_code",
    "google": (
        "google gemini google_ai google_ai_studio google_genai google_generative_ai google.generative_ai gcp.gemini "
        "gcp.gen_ai gcp.vertex_ai gcp_vertex_ai vertex vertex_ai vertexai vertex_ai_beta google_vertex google.vertex "
        "google_vertexai google.vertex.chat google_vertex_ai palm"
    ),
    "x-ai": "x_ai xai x.ai grok",
    "mistral": "mistral mistralai mistral_ai mistral.ai codestral text_completion_codestral",
    "deepseek": "deepseek deep_seek",
    "cohere": "cohere cohere_chat",
    "moonshotai": "moonshotai moonshot moonshot_ai kimi",
    "meta": "meta meta_llama_api",
    "minimax": "minimax",
    "zai": "zai z_ai z.ai",
    "zhipuai": "zhipuai zhipu bigmodel",
    "voyageai": "voyageai voyage voyage_ai",
    "arcee": "arcee arcee_ai",
    "perplexity": "perplexity pplx",
    "elevenlabs": "elevenlabs",
    "aws": "aws aws.bedrock aws_bedrock bedrock bedrock_converse amazon_bedrock amazon amazon.bedrock bedrock_runtime",
    "azure": (
        "azure azure_openai azure.openai azureopenai azure_ai azure.ai.openai azure.ai.inference az.ai.openai "
        "az.ai.inference azure_text azure_ai_foundry microsoft azure_openai_service microsoft.foundry"
    ),
    "openrouter": "openrouter open_router",
    "groq": "groq",
    "together": "together together_ai togetherai",
    "fireworks": "fireworks fireworks_ai",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare workers_ai cloudflare_workers_ai",
    "databricks": "databricks",
    "github-copilot": "github_copilot copilot",
    "novita": "novita novita_ai",
    "baseten": "baseten",
    "avian": "avian",
    "ovhcloud": "ovhcloud ovh",
    "cursor": "cursor",
    "modal": "modal",
}
PROVIDERS: dict[str, str] = {spelling: owner for owner, words in _SPELLINGS.items() for spelling in words.split()}
"""Every known spelling of a provider, in lower case with `_` for `-` and blanks -> its id."""

_WORDS = {
    "forwarders": (
        "litellm litellm_proxy langchain llamaindex llama_index helicone portkey vercel vercel_ai gateway proxy "
        "custom custom_openai openai_compatible unknown other _other none null default"
    ),
    "self-hosted": (
        "vllm hosted_vllm ollama ollama_chat llamacpp llama_cpp llamafile lm_studio lmstudio tgi sglang triton "
        "local localhost self_hosted xinference mlx transformers"
    ),
}
FORWARDERS = frozenset(_WORDS["forwarders"].split())
"""Names that say who forwarded a call, not who billed it: as good as none."""
SELF_HOSTED = frozenset(_WORDS["self-hosted"].split())
"""Servers that people run themselves: nobody bills a token, so nothing is priced."""

_REGION = re.compile(r"^(us-gov|us|eu|apac|ap|jp|au|ca|sa|in|me|af|global)\.(?=[a-z])")
_VENDOR = re.compile(r"^(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|google|moonshotai|zai)\.")
_AWS_REGION = re.compile(r"^[a-z]{2}(-gov)?-[a-z]+-\d$", re.ASCII)
_ARN = re.compile(
    r"^arn:aws(?:-[a-z]+)*:(?:bedrock|sagemaker):[a-z0-9-]*:\d*:(foundation-model|inference-profile)/([^/\s]+)$"
)
_RESOURCE = re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/[a-z0-9-]+/models/([^/]+)$")
_BEDROCK_ROUTES = frozenset(("converse", "converse_like", "invoke", "invoke_with_response_stream"))
_DATE = re.compile(r"[-@](\d{4})-?(\d{2})-?(\d{2})$", re.ASCII)
_MARK = re.compile(r"(?:-latest|@latest|@default|-00\d|:\d|-v\d:\d|(?<=\d{8})-v\d)$", re.ASCII)
_PREVIEW = re.compile(r"-(?:preview|exp)(?:-\d{2,4}(?:-\d{2,4})?)?$", re.ASCII)
_SAFE = re.compile(r"^[\w. -]{1,40}$")


@dataclass(frozen=True, slots=True)
class Name:
    """A logged model name with its provider prefix taken off."""

    text: str
    """Lower case."""
    provider: str | None = None
    """The provider that the prefix named."""


def normal(hint: str) -> str:
    """Return a provider's name as `PROVIDERS` spells it."""
    return hint.strip().lower().replace("-", "_").replace(" ", "_")


def quoted(hint: str) -> str:
    """Return a provider's name fit to be shown: plain characters, or nothing at all."""
    return f"'{hint}'" if _SAFE.match(hint) else "as logged"


def unwrap(text: str) -> Iterator[Name]:
    """Yield what a name may stand for, the longest form first: as it is, then without each prefix.

    `bedrock/us-east-1/anthropic.claude-v2` yields itself, then `us-east-1/anthropic.claude-v2` and
    `anthropic.claude-v2`, both at `aws`.
    """
    yield Name(text)
    arn = _ARN.match(text)
    if arn:
        yield Name(arn[2], "aws")
        return
    resource = _RESOURCE.match(text)
    if resource:
        yield Name(resource[1], "google")
        return
    provider: str | None = None
    while "/" in text:
        head, _, text = text.partition("/")
        owner = PROVIDERS.get(normal(head))
        if owner is not None and (provider is None or provider in ("openrouter", owner)):
            provider = owner if provider is None else provider
        elif not _is_route(head, provider):
            return
        if not text:
            return
        provider = provider or "google"
        yield Name(text, provider)


def _is_route(head: str, provider: str | None) -> bool:
    """Return whether a path segment is only a route: `models/` of Gemini, a region or an API of Bedrock."""
    if head == "models":
        return provider in (None, "google")
    return provider == "aws" and (head in _BEDROCK_ROUTES or bool(_AWS_REGION.match(head)))


def bedrock_forms(text: str) -> Iterator[str]:
    """Yield a Bedrock id without its region (`us.`), then without its vendor (`anthropic.`)."""
    region = _REGION.match(text)
    if region:
        text = text[region.end() :]
        yield text
    vendor = _VENDOR.match(text)
    if vendor:
        yield text[vendor.end() :]


def is_global(text: str) -> bool:
    """Return whether a Bedrock id names the global inference profile, which costs less than a regional one."""
    return text.startswith("global.")


def undated(text: str) -> Iterator[str]:
    """Yield a name with its dates and version marks taken off from the right, one after the other.

    `claude-3-haiku-20240307-v1:0` yields `claude-3-haiku-20240307`, then `claude-3-haiku`. A date is first
    written the other ways (`-2024-03-07`), because a snapshot may have a price of its own.
    """
    for _ in range(3):
        found = _DATE.search(text)
        if found and _is_date(found):
            text = text[: found.start()]
            year, month, day = found.groups()
            yield f"{text}-{year}-{month}-{day}"
            yield f"{text}-{year}{month}{day}"
        else:
            mark = _MARK.search(text)
            if not mark:
                return
            text = text[: mark.start()]
        yield text


def unpreviewed(text: str) -> str | None:
    """Return a name without `-preview-05-20` or `-exp-0827`; None when it has no such ending."""
    found = _PREVIEW.search(text)
    return text[: found.start()] if found else None


def _is_date(found: re.Match[str]) -> bool:
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).year > 2019
    except ValueError:
        return False
