"""Names of models lead to their tokenizers, with and without the names of resellers, regions and dates."""

from __future__ import annotations

import pytest
import tiktoken.model
from hypothesis import given
from hypothesis import strategies as st

from llmopt.tokens.exact.vocabulary import VOCABULARIES
from llmopt.tokens.families import family_of


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("GPT-4o-mini-2024-07-18", "o200k_base"),
        ("azure/gpt-4o", "o200k_base"),
        ("ft:gpt-4o-mini:acme", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("gpt-4.1-nano", "o200k_base"),
        ("gpt-4.5-preview", "o200k_base"),
        ("gpt-5.4-pro", "o200k_base"),
        ("o1", "o200k_base"),
        ("openai/o3-mini", "o200k_base"),
        ("o4-mini-2025-04-16", "o200k_base"),
        ("my-gpt-4o-deployment", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo-2024-04-09", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("davinci-002", "cl100k_base"),
        ("openai/gpt-oss-120b", "o200k_harmony"),
        ("text-davinci-003", "p50k_base"),
        ("text-davinci-001", "r50k_base"),
        ("gpt2", "r50k_base"),
        ("ft:gpt-3.5-turbo-0125:acme:gpt-4o-distill:abc", "cl100k_base"),
        ("ft:gpt-4o-mini-2024-07-18:acme:claude-style:abc", "o200k_base"),
        ("my_gpt_4o", "o200k_base"),
        ("gpt-4_turbo", "cl100k_base"),
    ],
)
def test_openai(model: str, encoding: str) -> None:
    family = family_of(model)
    assert family is not None
    assert (family.maker, family.encoding, family.estimator) == ("openai", encoding, None)


@pytest.mark.parametrize(
    ("model", "estimator", "version"),
    [
        ("claude-2.1", "claude-2", "2.1"),
        ("anthropic.claude-v2:1", "claude-2", "2.0"),
        ("claude-instant-1.2", "claude-2", "1.2"),
        ("claude-3-opus", "claude-3", "3.0"),
        ("claude-3-5-sonnet-20241022", "claude-3", "3.5"),
        ("claude-sonnet-4-5", "claude-3", "4.5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-3", "4.5"),
        ("claude-opus-4-20250514", "claude-3", "4.0"),
        ("claude-sonnet-4@20250514", "claude-3", "4.0"),
        ("claude-opus-4-6", "claude-3", "4.6"),
        ("claude-opus-4-7", "claude-4.7", "4.7"),
        ("anthropic/claude-opus-4.8", "claude-4.7", "4.8"),
        ("claude-sonnet-5", "claude-4.7", "5.0"),
        ("claude", "claude-4.7", ""),
        ("claude-instant", "claude-2", ""),
        ("claude_3_5_sonnet", "claude-3", "3.5"),
        ("claude35-sonnet", "claude-3", "3.5"),
    ],
)
def test_claude_by_generation(model: str, estimator: str, version: str) -> None:
    family = family_of(model)
    assert family is not None
    assert (family.maker, family.encoding, family.estimator, family.version) == ("anthropic", None, estimator, version)


@pytest.mark.parametrize(
    ("model", "maker", "estimator"),
    [
        ("gemini-2.5-pro", "google", "gemini"),
        ("models/gemini-1.5-flash", "google", "gemini"),
        ("google/gemma-3-27b-it", "google", "gemini"),
        ("meta-llama/Llama-3.3-70B-Instruct", "other", "llama-3"),
        ("meta.llama3-8b-instruct-v1:0", "other", "llama-3"),
        ("llama-2-70b-chat", "other", "llama-2"),
        ("Llama-Guard-4-12B", "other", "llama-3"),
        ("accounts/fireworks/models/llama-v3p1-70b-instruct", "other", "llama-3"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-3.3-70B", "other", "llama-3"),
        ("deepseek-r1-distill-qwen-32b", "other", "qwen"),
        ("mistral-large-latest", "other", "mistral-tekken"),
        ("open-mixtral-8x7b", "other", "llama-2"),
        ("qwen3-max", "other", "qwen"),
        ("deepseek/deepseek-chat", "other", "deepseek"),
        ("command-r-plus", "other", "command"),
        ("grok-4", "other", "other"),
        ("amazon.nova-pro-v1:0", "other", "other"),
        ("gpt-6", "other", "other"),
    ],
)
def test_other_families(model: str, maker: str, estimator: str) -> None:
    family = family_of(model)
    assert family is not None
    assert (family.maker, family.encoding, family.estimator) == (maker, None, estimator)


@pytest.mark.parametrize("model", ["", "foo", "my-model", "prod", "best", "xo3"])
def test_names_that_say_nothing(model: str) -> None:
    assert family_of(model) is None


@pytest.mark.parametrize("model", [name for name in tiktoken.model.MODEL_TO_ENCODING if "similarity" not in name])
def test_all_models_that_tiktoken_knows_have_its_encoding(model: str) -> None:
    expected = tiktoken.model.MODEL_TO_ENCODING[model]
    family = family_of(model)
    if expected in VOCABULARIES and "search" not in model:
        assert family is not None
        assert family.encoding == expected


@given(st.text(max_size=60))
def test_any_name_has_an_answer(model: str) -> None:
    family = family_of(model)
    assert family is None or (family.encoding is None) != (family.estimator is None)
