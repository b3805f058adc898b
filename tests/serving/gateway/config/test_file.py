"""The gateway's settings: what each place may say, which one wins, and that every mistake is named with its line."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError, LlmoptError, UsageError
from llmopt.serving.gateway.config.file import read_config
from llmopt.serving.gateway.config.names import ABOVE, ALIASES, PLAIN, TABLES, TOP
from llmopt.serving.gateway.config.settings import (
    CacheSettings,
    GatewayConfig,
    Limits,
    Retries,
    Times,
    UpstreamSettings,
    VirtualKey,
)
from llmopt.serving.gateway.values import NO_CAPS, Caps

URL = {"upstream": "http://localhost:8000"}
SHA = "0123456789abcdef" * 4

WHOLE = f"""
prices = ["own.json"]
[gateway]
host = "0.0.0.0"
port = 9000
workers = 4
policy = "policy.toml"
route-models = ["gpt-4o", "gpt-5*"]
compress = "safe"
log = "calls.jsonl"
log-bodies = true
tutorial-metrics = true
metric-models = ["house-7b"]
ask-usage = false
key-headers = ["X-Feature"]
[gateway.cache]
store = "redis://cache.internal/0"
ttl = "90m"
max-size = "1GiB"
sampled = true
[gateway.caps]
usd-per-day = 5.50
usd-per-month = "$100"
total-usd-per-day = 50
total-usd-per-month = 1000
store = "spent.db"
[gateway.times]
answer = "2min"
idle = 45
connect = 0.5
body = "20s"
drain = "1min"
[gateway.retries]
most = 0
first-wait = "100ms"
longest-wait = "3s"
[gateway.limits]
body = "8MiB"
bodies = "100MB"
requests = 50
head = 16384
[[gateway.upstream]]
name = "openai"
url = "https://api.openai.com/v1"
api-key-env = "OPENAI_API_KEY"
[[gateway.upstream]]
name = "anthropic"
url = "https://api.anthropic.com"
api_key_env = "ANTHROPIC_API_KEY"
models = ["claude-*"]
anthropic = true
[gateway.keys.care]
sha256 = "{SHA.upper()}"
tenant = "care-team"
usd_per_day = "2"
[gateway.keys.press]
sha256 = "{SHA[::-1]}"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "llmopt.toml"


def test_every_setting_is_read(file: Path) -> None:
    file.write_text(WHOLE)
    config = read_config(file)
    assert config.upstreams == (
        UpstreamSettings("https://api.openai.com/v1", "openai", "OPENAI_API_KEY"),
        UpstreamSettings("https://api.anthropic.com", "anthropic", "ANTHROPIC_API_KEY", ("claude-*",), anthropic=True),
    )
    assert (config.host, config.port, config.workers) == ("0.0.0.0", 9000, 4)
    assert [(key.name, key.sha256, key.tenant) for key in config.keys] == [
        ("care", SHA, "care-team"),
        ("press", SHA[::-1], "press"),
    ]
    assert [key.caps for key in config.keys] == [Caps(Decimal(2)), NO_CAPS]
    assert config.caps == Caps(Decimal("5.50"), Decimal(100))
    assert config.total_caps == Caps(Decimal(50), Decimal(1000))
    assert config.spend_store == str(file.parent / "spent.db")
    assert config.cache == CacheSettings("redis://cache.internal/0", 5400.0, 2**30, sampled=True)
    assert (config.policy, config.log) == (file.parent / "policy.toml", file.parent / "calls.jsonl")
    assert (config.route_models, config.compress) == (("gpt-4o", "gpt-5*"), "safe")
    assert (config.log_bodies, config.tutorial_metrics, config.ask_usage) == (True, True, False)
    assert (config.metric_models, config.key_headers) == (("house-7b",), ("x-feature",))
    assert config.prices == (file.parent / "own.json",)
    assert config.times == Times(120.0, 45.0, 0.5, 20.0, 60.0)
    assert config.retries == Retries(0, 0.1, 3.0)
    assert config.limits == Limits(8 * 2**20, 100_000_000, 50, 16_384)


def test_the_example_says_every_setting() -> None:
    """So that a field which no file can set is noticed."""
    default = GatewayConfig((UpstreamSettings("http://localhost:8000"),))
    named = {*TOP, *(f"{table}.{key}" for table, keys in TABLES.items() for key in keys)}
    for name in named - set(TABLES) - set(ALIASES):
        assert name.rpartition(".")[2].replace("_", "-") in WHOLE.replace("_", "-"), name
    assert {field.name for field in fields(default)} - {"upstreams", "total_caps", "spend_store"} <= {*PLAIN, *TABLES}


def test_what_nobody_says_keeps_its_default() -> None:
    assert read_config(flags=URL) == GatewayConfig((UpstreamSettings("http://localhost:8000"),))


def test_each_place_goes_over_the_one_before(tmp_path: Path) -> None:
    project, settings = tmp_path / "pyproject.toml", tmp_path / "llmopt.toml"
    project.write_text('[tool.llmopt]\nport = 1\n[tool.llmopt.gateway]\nhost = "a"\nupstream = "http://a"\nport = 2\n')
    assert read_config(project).port == 2
    settings.write_text('port = 3\n[gateway.cache]\nttl = "2h"\nsampled = true\n[gateway.times]\ndrain = 9\n')
    both = read_config(project, settings)
    assert (both.port, both.host, both.upstreams[0].url) == (3, "a", "http://a")
    flags = {"port": "4", "cache_ttl": "3h", "drain": "8s"}
    last = read_config(project, settings, flags=flags)
    assert last.cache == CacheSettings(ttl_s=10_800.0, sampled=True)
    assert (last.port, last.times.drain_s) == (4, 8.0)


def test_a_flag_takes_the_place_of_all_upstreams_of_a_file(file: Path) -> None:
    file.write_text('[[gateway.upstream]]\nurl = "http://a"\n[[gateway.upstream]]\nurl = "http://b"\nname = "b"\n')
    assert [one.url for one in read_config(file).upstreams] == ["http://a", "http://b"]
    assert [one.url for one in read_config(file, flags=URL).upstreams] == [URL["upstream"]]


@pytest.mark.parametrize("word", ["off", "none"])
def test_parts_are_switched_off(file: Path, word: str) -> None:
    file.write_text(WHOLE)
    flags = {"cache": word, "policy": word, "compress": word, "log": word}
    config = read_config(file, flags=flags)
    assert (config.cache, config.policy, config.compress, config.log) == (None, None, "", None)
    file.write_text("[gateway]\ncache = false\n")
    assert read_config(file, flags=URL).cache is None


def test_redis_for_answers_counts_spending_too() -> None:
    assert read_config(flags={**URL, "cache": "redis://h/1"}).spend_store == "redis://h/1"
    assert read_config(flags={**URL, "cache": "answers.db"}).spend_store == "memory"


@pytest.mark.parametrize("store", ["memory", "memory:", ":memory:"])
def test_memory_has_several_spellings(store: str) -> None:
    config = read_config(flags={**URL, "cache": store})
    assert config.cache is not None
    assert config.cache.store == "memory"


def test_the_log_may_be_standard_output(file: Path) -> None:
    file.write_text('[gateway]\nlog = "-"\n')
    assert read_config(file, flags=URL).log == Path("-")


WRONG = [
    ("prot = 1", 2, "[gateway] has no key 'prot'", "did you mean 'port'?"),
    ("ttl = '1h'", 2, "[gateway] has no key 'ttl'", "write it under [gateway.cache]"),
    ("port = 70000", 2, "[gateway] port = 70000: not a whole number from 0 to 65535", "such as 1"),
    ("port = 'http'", 2, "[gateway] port = 'http'", ""),
    ("port = true", 2, "[gateway] port = true: one value is needed", ""),
    ("port = []", 2, "[gateway] port = [...]: one value is needed", ""),
    ("host = '[::1]'", 2, "[gateway] host = '[::1]': no name or address of a machine", "::1"),
    ("host = 'a b'", 2, "no name or address of a machine", "127.0.0.1"),
    ("host = 2024-05-27", 2, "[gateway] host = 2024-05-27: a text is needed", ""),
    ("workers = 0", 2, "[gateway] workers = 0:", ""),
    ("host = ''", 2, "[gateway] host = ''", ""),
    ('host = "a\\nb"', 2, "a text of one line is needed", ""),
    ("compress = 'saef'", 2, "[gateway] compress = 'saef': not one of lossless, safe, aggressive", "'safe'"),
    ("log_bodies = 'perhaps'", 2, "[gateway] log_bodies = 'perhaps': true or false is needed", ""),
    ("log_bodies = true\nlog-bodies = true", 3, "[gateway] has 'log_bodies' twice", "leave one out"),
    ("upstream = 'localhost:8000'", 2, "[gateway] upstream =", "http://localhost:8000"),
    ("upstream = 'http://h/ a'", 2, "a URL has no blanks", ""),
    ("upstream = []", 2, "the list of upstreams is empty", ""),
    ("upstream = ['http://h']", 2, "upstreams are tables", ""),
    ("upstream = {url = 'http://h', api_key = 'sk-secret-1'}", 2, "a list of tables", "[[gateway.upstream]]"),
    ("upstream = 'http://u:sk-secret@h\u0085'", 2, "'http://h\\x85': a text of one line is needed", ""),
    ("cache = ['redis://u:sk-secret@h']", 2, "[gateway] cache = [...]: a text is needed", ""),
    ("cache = 'redis//:hidden@h'", 2, "[gateway] cache = redis: is no kind of store", "redis://"),
    ("cache = 'redis:/h'", 2, "[gateway] cache = redis: is no kind of store", "redis://"),
    ("times = 5", 2, "times must be a table", ""),
    ("keys = 5", 2, "keys are tables", ""),
    ("key_headers = ['a b']", 2, "'a b' is no name of a header", ""),
    ("route_models = ['']", 2, "a text is needed", ""),
    ("cache = 'mysql://h'", 2, "[gateway] cache = mysql: is no kind of store", "redis://"),
    ("api_key_env = 'sk-secret-1'", 2, "[gateway] api_key_env = is not the name of an environment variable", "such as"),
    ("[gateway.cache]\nttl = '5x'", 3, "[gateway.cache] ttl = '5x'", "such as 24h"),
    ("[gateway.cache]\nmax_size = 0", 3, "[gateway.cache] max_size = 0:", "64MiB"),
    ("[gateway.cache]\nstroe = 'a'", 3, "[gateway.cache] has no key 'stroe'", "'store'"),
    ("[gateway.times]\n\nanswer = -1", 4, "[gateway.times] answer = -1:", ""),
    ("[gateway.times]\nanswer = '5'", 3, "a duration ends in its unit", "250ms"),
    ("[gateway.caps]\nusd_per_day = 'many'", 3, "[gateway.caps] usd_per_day = 'many': not an amount", ""),
    ("[gateway.caps]\nusd_per_day = -1", 3, "not an amount", ""),
    ("[gateway.retries]\nmost = 99", 3, "not a whole number from 0 to 20", ""),
    ("[[gateway.upstream]]\nname = 'a'", 2, "an upstream has no url", ""),
    ("[[gateway.upstream]]\nurl = 'http://h'\nname = 'a b'", 4, "a name has up to 64", ""),
    ("[[gateway.upstream]]\nurl = 'http://h'\n[[gateway.upstream]]\nurl = 'http://i'", 4, "a second upstream", "name"),
    ("[[gateway.upstream]]\nurl = 'http://h'\nmodel = 'a'", 4, "[[gateway.upstream]] has no key 'model'", "'models'"),
    ("api_key_env = 'A'\n[[gateway.upstream]]\nurl = 'http://h'", 2, "is for one upstream", "[[gateway.upstream]]"),
    ("[gateway.keys.care]\ntenant = 'a'", 2, "the key 'care' has no sha256", "--new-key care"),
    ("[gateway.keys.care]\nsha256 = 'sk-secret-1'", 3, "is not the 64 hexadecimal digits of a SHA-256", "--new-key"),
    ("[gateway.keys.'a b']\nsha256 = 'x'", 2, "a key is called 'a b'", ""),
    (f"[gateway.keys.a]\nsha256 = '{SHA}'\n[gateway.keys.b]\nsha256 = '{SHA}'", 4, "'b' is the same as 'a'", ""),
    ("[gateway.keys]\na = 1", 3, "a key is a table", ""),
    ("[gateway.limits]\nhead = 100", 3, "1024 bytes at least", "64KiB"),
    ("[gateway.limits]\nbody = '2MB'\nbodies = '1MB'", 4, "bodies is less than body", "raise bodies"),
    ("[gateway.limits]\nbody = '1GB'", 3, "bodies is less than body", "raise bodies"),
    ("workers = 2\n[gateway.caps]\nusd_per_day = 1", 2, "2 workers would each count spending", "redis://"),
    ("cache = 'a.db'\n[gateway.caps]\nstore = 'a.db'", 4, "is for the cache already, not for spending", "another file"),
    ("cache = 'a.db'\nlog = './a.db'", 3, "is for the cache already, not for the log", "another file"),
    ("log = 'a.db'\n[gateway.caps]\nstore = 'a.db'", 2, "is for spending already, not for the log", "another file"),
]


@pytest.mark.parametrize(("text", "line", "message", "hint"), WRONG, ids=[f"{row[0][:40]!r}" for row in WRONG])
def test_a_mistake_is_named_with_its_line(file: Path, text: str, line: int, message: str, hint: str) -> None:
    file.write_text(f"[gateway]\n{text}\n")
    flags = {} if "upstream" in text else URL
    with pytest.raises(ConfigError) as caught:
        read_config(file, flags=flags)
    assert caught.value.message.startswith(f"{file}:{line}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "sk-secret" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "nothing says which server answers"),
        ({"upstream": "ftp://h"}, "--upstream 'ftp://h' is no URL of a web server"),
        ({"upstream": "http://u:sk-secret@h:x"}, "--upstream 'h:x' is no URL"),
        ({**URL, "port": "x"}, "--port 'x': not a whole number from 0 to 65535"),
        ({**URL, "timeout": "5"}, "--timeout '5': a duration ends in its unit"),
        ({**URL, "cache_ttl": "0s"}, "--cache-ttl '0s'"),
        ({**URL, "usd_per_day": "x"}, "--usd-per-day 'x': not an amount"),
        ({**URL, "workers": "2", "usd_per_day": "1"}, "2 workers would each count"),
    ],
)
def test_a_mistake_after_a_flag_is_named(flags: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_config(flags=flags)
    assert message in caught.value.message
    assert "sk-secret" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[gateway\n", ":1: no valid TOML"),
        (b"[gateway]\nhost = '\xff'\n", ":2: not valid UTF-8"),
        (b"gateway = 1\n", ":1: [gateway] must be a table"),
        (b"[gateway]\nport = 1" + b"0" * 5000, ": no valid TOML: a number has too many digits"),
    ],
    ids=["no TOML", "no UTF-8", "no table", "digits"],
)
def test_what_is_no_settings_file_is_named(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_config(file, flags=URL)
    assert f"{file}{message}" in caught.value.message


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(file, flags=URL)


def test_tables_of_other_commands_are_left_alone(file: Path) -> None:
    file.write_text('format = "json"\nmax-cost = 5\nlevel = "safe"\n[cache.simulate]\nttl = "1h"\n[cost]\ntop = 3\n')
    assert read_config(file, flags=URL) == read_config(flags=URL)


def test_a_key_that_is_no_hash_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        VirtualKey("care", "sk-secret-1", "care")
    assert "care" in caught.value.message
    assert "sk-secret" not in str(caught.value)


def test_keys_above_all_tables_are_flags_of_the_command() -> None:
    assert set(ABOVE) <= {*TOP, "quiet", "verbose", "format"}


names = st.sampled_from(sorted({*TOP, *ALIASES, "nonsense"}))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ttl", "store", "a"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(names, values, max_size=4))
def test_whatever_is_written_is_a_configuration_or_one_clear_error(flags: dict[str, object]) -> None:
    with suppress(LlmoptError):
        assert read_config(flags={**URL, **flags}).upstreams
