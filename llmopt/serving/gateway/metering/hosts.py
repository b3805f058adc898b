"""Who bills at a URL: the hosts of the providers that the price table knows.

Sources: the base URLs in the providers' API references.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_HOSTS = {
    "openai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "services.ai.azure.com": "azure",
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google",
    "aiplatform.googleapis.com": "google",
    "-aiplatform.googleapis.com": "google",
    "amazonaws.com": "aws",
    "api.x.ai": "x-ai",
    "api.mistral.ai": "mistral",
    "codestral.mistral.ai": "mistral",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.fireworks.ai": "fireworks",
    "api.perplexity.ai": "perplexity",
    "api.cerebras.ai": "cerebras",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.minimax.io": "minimax",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zhipuai",
    "api.novita.ai": "novita",
    "api.voyageai.com": "voyageai",
    "api.arcee.ai": "arcee",
    "api.llama.com": "meta",
    "api.avian.io": "avian",
    "inference.baseten.co": "baseten",
    "cloud.databricks.com": "databricks",
    "azuredatabricks.net": "databricks",
    "api.cloudflare.com": "cloudflare",
    "cloud.ovh.net": "ovhcloud",
}
"""End of a host name -> who bills there."""


def provider_of(url: str) -> str:
    """Return who bills at a URL, as the price table names them; empty where nobody can tell (a server of one's own)."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
    for end, provider in _HOSTS.items():
        if host == end or host.endswith(end if end[0] == "-" else "." + end):
            return provider
    return ""
