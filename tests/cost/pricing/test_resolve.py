from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmopt.cost.pricing.names import PROVIDERS
from llmopt.cost.pricing.table import PriceTable, ResolvedModel
from llmopt.errors import ConfigError


def found(table: PriceTable, model: str, provider: str | None = None) -> tuple[str, str, str] | None:
    resolved = table.resolve(model, provider)
    return None if resolved is None else (resolved.provider, resolved.model, resolved.rule)


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        # as its maker calls it
        ("gpt-4o", None, ("openai", "gpt-4o", "exact")),
        ("GPT-4o", None, ("openai", "gpt-4o", "exact")),
        (" gpt-4o\n", None, ("openai", "gpt-4o", "exact")),
        ("gpt-4-0613", None, ("openai", "gpt-4", "alias")),
        ("gpt-4o-2024-11-20", None, ("openai", "gpt-4o-2024-11-20", "exact")),
        ("claude-opus-4-20250514", None, ("anthropic", "claude-opus-4-0", "alias")),
        ("claude-2.1", None, ("anthropic", "claude-2", "alias")),
        ("claude-instant-1.2", None, ("anthropic", "claude-instant-1", "alias")),
        ("grok-4-latest", "xai", ("x-ai", "grok-4-0709", "alias")),
        ("mistral-large-latest", "mistralai", ("mistral", "mistral-large", "alias")),
        # with a date or a version
        ("claude-sonnet-4-5-20250929", None, ("anthropic", "claude-sonnet-4-5", "date suffix")),
        ("claude-sonnet-4-5@20250929", "vertex_ai", ("google", "claude-sonnet-4-5", "date suffix")),
        ("claude-3-7-sonnet-latest", None, ("anthropic", "claude-3-7-sonnet-latest", "exact")),
        ("gpt-5-nano-2025-08-07", None, ("openai", "gpt-5-nano", "date suffix")),
        ("gpt-4o-20240513", None, ("openai", "gpt-4o-2024-05-13", "date suffix")),
        ("gpt-4o-latest", None, ("openai", "gpt-4o", "date suffix")),
        ("gemini-2.0-flash-001", None, ("google", "gemini-2.0-flash", "date suffix")),
        ("gemini-2.5-pro-preview-06-05", None, ("google", "gemini-2.5-pro", "match rule")),
        ("gpt-6-sol-2026-09-01", None, ("openai", "gpt-6-sol", "match rule")),
        # with a prefix
        ("openai/gpt-4o", None, ("openai", "gpt-4o", "prefix")),
        ("openai/gpt-5.1", None, ("openai", "gpt-5.1", "prefix")),
        ("anthropic/claude-3-opus-20240229", None, ("anthropic", "claude-3-opus-latest", "prefix, date suffix")),
        ("models/gemini-1.5-pro-002", None, ("google", "gemini-1.5-pro", "prefix, date suffix")),
        ("gemini/gemini-2.5-pro", None, ("google", "gemini-2.5-pro", "prefix")),
        ("vertex_ai/gemini-1.5-flash-001", None, ("google", "gemini-1.5-flash", "prefix, date suffix")),
        ("publishers/google/models/gemini-2.5-pro", None, ("google", "gemini-2.5-pro", "prefix")),
        (
            "projects/p1/locations/us-central1/publishers/anthropic/models/claude-sonnet-4-5@20250929",
            "vertex_ai",
            ("google", "claude-sonnet-4-5", "prefix, date suffix"),
        ),
        (
            "openrouter/anthropic/claude-sonnet-4.5",
            None,
            ("openrouter", "anthropic/claude-sonnet-4.5", "prefix"),
        ),
        ("anthropic/claude-sonnet-4.5", "openrouter", ("openrouter", "anthropic/claude-sonnet-4.5", "exact")),
        ("anthropic/claude-sonnet-4.5", None, ("anthropic", "claude-sonnet-4-5", "prefix, alias")),
        ("groq/llama-3.3-70b-versatile", None, ("groq", "llama-3.3-70b-versatile", "prefix")),
        ("azure/gpt-4o", None, ("openai", "gpt-4o", "azure -> openai")),
        ("azure/o3-mini", None, ("azure", "o3-mini", "prefix")),
        ("anthropic/claude-haiku-4-5", "openai", ("anthropic", "claude-haiku-4-5", "prefix")),
        # Bedrock
        (
            "anthropic.claude-3-haiku-20240307-v1:0",
            "aws.bedrock",
            ("aws", "regional.anthropic.claude-3-haiku-20240307-v1:0", "prefix, date suffix"),
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            None,
            ("aws", "regional.anthropic.claude-3-haiku-20240307-v1:0", "prefix, date suffix"),
        ),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            None,
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0", "prefix, date suffix"),
        ),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            None,
            ("aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0", "date suffix"),
        ),
        (
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "bedrock",
            ("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "exact"),
        ),
        (
            "global.anthropic.claude-3-haiku-20240307-v1:0",
            "bedrock",
            ("anthropic", "claude-3-haiku", "aws -> anthropic, date suffix"),
        ),
        ("bedrock/us-east-1/anthropic.claude-v2:1", None, ("anthropic", "claude-2", "aws -> anthropic, alias")),
        ("bedrock/converse/amazon.nova-lite-v1:0", None, ("aws", "amazon.nova-lite-v1:0", "prefix")),
        ("amazon.nova-lite-v1:0", None, ("aws", "amazon.nova-lite-v1:0", "exact")),
        # fine-tunes have prices of their own
        ("ft:gpt-4o-mini-2024-07-18:org::id", None, ("openai", "ft:gpt-4o-mini", "match rule")),
        ("ft:gpt-4o-2024-08-06:org:name:id:ckpt-step-90", "openai", ("openai", "ft:gpt-4o", "match rule")),
        ("ft:gpt-3.5-turbo-0613:org::id", None, ("openai", "ft:gpt-3.5-turbo-", "match rule")),
        # who forwarded the call does not matter; an unknown provider is named
        ("gpt-4o", "litellm_proxy", ("openai", "gpt-4o", "exact")),
        ("gpt-4o", "my-proxy", ("openai", "gpt-4o", "exact, provider 'my-proxy' not known")),
        ("gpt-4o", "[red]\x1b[31m", ("openai", "gpt-4o", "exact, provider as logged not known")),
        # a name that only one seller has
        ("llama-3.3-70b-versatile", None, ("groq", "llama-3.3-70b-versatile", "exact")),
        ("whisper-large-v3-turbo", "groq", ("groq", "whisper-large-v3-turbo", "exact")),
    ],
)
def test_names_found(table: PriceTable, model: str, provider: str | None, expected: tuple[str, str, str]) -> None:
    assert found(table, model, provider) == expected


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("", None),
        ("gpt-4o-ultra", None),
        ("gpt-4o-mini-foo-bar", None),
        ("gpt-4o-mini-2024-13-45", None),
        ("gpt-4o\x1b[31m", None),
        ("[bold]gpt-4o[/bold]", None),
        ("gpt-4o\x00", None),
        ("gpt-4o-٢٠٢٤-٠٥-١٣", None),  # noqa: RUF001 - digits of another script
        ("x" * 10_000, None),
        ("ft:gpt-4.1-2025-04-14:org::id", None),  # no price known: its base model costs less
        ("ft:gpt-4-0613:org::id", "openai"),
        ("ft:gpt-4o-mini-2024-07-18", "anthropic"),
        ("gemini-1.5-flash-8b", None),
        ("claude-sonnet-4-5-turbo", None),
        ("gpt-4o", "anthropic"),
        ("gpt-oss-120b", None),  # open weights: anyone may host them
        ("gpt-oss-120b", "vllm"),
        ("gpt-4o", "ollama"),
        ("ollama/llama3", None),
        ("hosted_vllm/gpt-4o", None),
        ("gemma-3-27b-it", None),  # sellers ask different prices
        ("meta-llama/llama-3.3-70b-instruct", None),
        ("llama-3.3-70b-instruct", "my-proxy"),
        ("openai/", None),
        ("openai//gpt-4o", None),
        ("///", None),
        ("deepinfra/gpt-4o", None),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", None),
    ],
)
def test_names_left_alone(table: PriceTable, model: str, provider: str | None) -> None:
    assert table.resolve(model, provider) is None


@pytest.mark.parametrize(
    ("model", "suggestion"),
    [
        ("gpt-4o-ultra", "gpt-4o"),
        ("gpt4o", "gpt-4o"),
        ("openai/gpt-4o-mini-foo", "gpt-4o-mini"),
        ("claud-3-opus", "claude-3-opus"),
        ("ft:gpt-4.1-2025-04-14:org::id", "gpt-4.1-2025-04-14"),
        ("", None),
        ("zzzzzz", None),
    ],
)
def test_did_you_mean(table: PriceTable, model: str, suggestion: str | None) -> None:
    assert table.suggest(model) == suggestion


def test_every_model_is_found_under_its_own_id_at_its_own_provider(table: PriceTable) -> None:
    for model in table.models():
        assert found(table, model.id, model.provider) == (model.provider, model.id, "exact")


def test_every_alias_names_its_model(table: PriceTable) -> None:
    ids = {(model.provider, model.id.lower()) for model in table.models()}
    for model in table.models():
        for data in model.data:
            for alias in data.aliases:
                if (model.provider, alias.lower()) not in ids:
                    assert found(table, alias, model.provider) == (model.provider, model.id, "alias")


@pytest.mark.parametrize("spelling", sorted(PROVIDERS))
def test_every_spelling_of_a_provider_is_its_id(table: PriceTable, spelling: str) -> None:
    owner = PROVIDERS[spelling]
    assert owner in table.providers()
    model = next(model.id for model in table.models(owner))
    for hint in (spelling, spelling.replace("_", "-"), spelling.upper()):
        assert found(table, model, hint) == (owner, model, "exact")


@given(model=st.text(max_size=80), provider=st.none() | st.text(max_size=20))
@example(model="ft:" + "a" * 200, provider=None)
@example(model="a/" * 200, provider="openrouter")
@example(model="\ud800", provider="\ud800")
@example(model="gpt-4o-٢٠٢٤-٠٥-١٣", provider=None)  # noqa: RUF001 - digits of another script
def test_any_text_is_answered(table: PriceTable, model: str, provider: str | None) -> None:
    table.resolve(model, provider)
    table.suggest(model)


PARTS = st.sampled_from(
    ["gpt-4o", "mini", "claude-3-opus", "2024-05-13", "20250929", "latest", "v1:0", "preview", "us.", "anthropic."]
)


@given(parts=st.lists(PARTS, min_size=1, max_size=5), prefix=st.sampled_from(["", "openai/", "bedrock/", "azure/"]))
def test_what_is_found_exists_and_is_found_again(table: PriceTable, parts: list[str], prefix: str) -> None:
    resolved = table.resolve(prefix + "-".join(parts))
    if resolved is not None:
        assert table.model(resolved).id == resolved.model
        assert found(table, resolved.model, resolved.provider) == (resolved.provider, resolved.model, "exact")


def test_deployments_stand_for_models() -> None:
    table = PriceTable.load(deployments={"Prod-Chat": "gpt-4o-mini", "night": "openrouter/anthropic/claude-sonnet-4.5"})
    assert found(table, "prod-chat", "azure") == ("openai", "gpt-4o-mini", "deployment")
    assert found(table, "Prod-Chat") == ("openai", "gpt-4o-mini", "deployment")
    assert found(table, "night") == ("openrouter", "anthropic/claude-sonnet-4.5", "deployment")
    assert found(table, "gpt-4o-mini") == ("openai", "gpt-4o-mini", "exact")


def test_a_deployment_may_carry_the_name_of_another_model() -> None:
    table = PriceTable.load(deployments={"gpt-4": "gpt-4o"})
    assert found(table, "gpt-4") == ("openai", "gpt-4o", "deployment")


def test_a_deployment_of_an_unknown_model_is_an_error() -> None:
    with pytest.raises(ConfigError, match="deployment 'prod': no price for model 'gpt-4p'") as error:
        PriceTable.load(deployments={"prod": "gpt-4p"})
    assert error.value.hint == "did you mean 'gpt-4'?"


def test_a_provider_of_ones_own_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    row = {"usd_per_mtok": {"input_uncached": "1", "output_text": "1"}}
    content = {"schema": 1, "provider": "inhouse", "checked": "2026-01-01", "models": {"gpt-4o": {"rows": [row]}}}
    file.write_text(json.dumps(content))
    table = PriceTable.load(extra=[file])
    assert found(table, "gpt-4o") == ("inhouse", "gpt-4o", "exact")
    assert found(table, "gpt-4o", "openai") == ("openai", "gpt-4o", "exact")
    assert found(table, "gpt-4o", "InHouse") == ("inhouse", "gpt-4o", "exact")


def test_answers_are_kept(table: PriceTable) -> None:
    first = table.resolve("azure/gpt-4o-2024-11-20")
    assert first is table.resolve("azure/gpt-4o-2024-11-20")
    assert first == ResolvedModel("openai", "gpt-4o-2024-11-20", "azure -> openai")
