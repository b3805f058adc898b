"""Plans as files: every key and value that one can write, and what is said of those that one cannot."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    CompressionLever,
    OwnCost,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SelfHostLever,
    SwapLever,
)
from llmopt.savings.project.plan_file import load_plan, parse_plan, plan_of

WHOLE = """
name = "everything"
seed = 7
growth_per_month = "10%"
min_savings = 0.2
prices = ["prices.json"]

[cache]
ttl = "90min"
size = "1GB"
tenant = "none"
only_deterministic = true
usd_per_month = 15.50
usd_per_call = 0.000001

[routing]
policy = "rules.toml"
models = ["gpt-4", "o1"]

[swap]
"gpt-4" = "gpt-4o-mini"
gpt-3.5-turbo = "gpt-4o-mini"
usd_per_month = 1

[compression]
level = "lossless"
sample = 50

[prompt_cache]
ttl = "1h"

[batch]
tags = ["tag=offline", "team=etl"]
night = "22-6"

[self_host]
result = "bench.json"
usd_per_hour = "$2.50"
utilization = "60%"
models = "llama-3"
tags = { team = "etl" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("prices.json", "rules.toml", "bench.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    return tmp_path


def test_every_key_of_a_plan(folder: Path) -> None:
    path = folder / "plan.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert load_plan(path) == Plan(
        name="everything",
        cache=CacheLever(5400.0, 10**9, "", True, OwnCost(Decimal("15.50"), Decimal("0.000001"))),
        routing=RoutingLever(folder / "rules.toml", ("gpt-4", "o1")),
        swap=SwapLever((("gpt-4", "gpt-4o-mini"), ("gpt-3.5-turbo", "gpt-4o-mini")), OwnCost(Decimal(1))),
        compression=CompressionLever("lossless", 50),
        prompt_cache=PromptCacheLever(3600.0),
        batch=BatchLever((("tag", "offline"), ("team", "etl")), (22, 6)),
        self_host=SelfHostLever(
            folder / "bench.json", Decimal("2.50"), Decimal("0.6"), ("llama-3",), (("team", "etl"),)
        ),
        growth_per_month=Decimal("0.1"),
        seed=7,
        min_savings=Decimal("0.2"),
        where=str(path),
        prices=(folder / "prices.json",),
    )


def test_a_lever_may_be_one_line_and_called_as_its_flag(folder: Path) -> None:
    text = """
cache = "7d"
route = "rules.toml"
compress = "safe"
prompt-cache = "auto"
batch = "tag=offline,night=22-6"
swap = "gpt-4=gpt-4o-mini,o1=o3-mini"
"""
    assert parse_plan(text, folder=folder) == Plan(
        cache=CacheLever(7 * 86_400.0),
        routing=RoutingLever(folder / "rules.toml"),
        compression=CompressionLever(),
        prompt_cache=PromptCacheLever(),
        batch=BatchLever((("tag", "offline"),), (22, 6)),
        swap=SwapLever((("gpt-4", "gpt-4o-mini"), ("o1", "o3-mini"))),
        where="plan",
    )


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("", Plan()),
        ("cache = true", Plan(cache=CacheLever())),
        ("cache = 'on'", Plan(cache=CacheLever())),
        ("routing = true", Plan(routing=RoutingLever())),
        ("route = 'default'", Plan(routing=RoutingLever())),
        ("cache = false", Plan()),
        ("cache = 'off'", Plan()),
        ("route = 'Off'", Plan()),
        ("[cache]\nsize_bytes = 1e9", Plan(cache=CacheLever(size_bytes=10**9))),
        ("[cache]\non = false\nttl = '1h'", Plan()),
        ("[cache]\nttl_s = 90", Plan(cache=CacheLever(90.0))),
        ("[cache]\nsize = 'unbounded'\ntenant = 'user'", Plan(cache=CacheLever(tenant="user"))),
        ("[cache]\ntenant = ''", Plan(cache=CacheLever(tenant=""))),
        ("[batch]\nnight = [22, 6]", Plan(batch=BatchLever((), (22, 6)))),
        ("[batch]\ntag = 'offline'", Plan(batch=BatchLever((("tag", "offline"),)))),
        ("swap = ['a=b', 'c=d']", Plan(swap=SwapLever((("a", "b"), ("c", "d"))))),
        ("[swap.models]\n'gpt-4.1' = 'b'", Plan(swap=SwapLever((("gpt-4.1", "b"),)))),
        ("growth = -0.05", Plan(growth_per_month=Decimal("-0.05"))),
        ("min-savings = '20%'", Plan(min_savings=Decimal("0.2"))),
    ],
)
def test_other_ways_to_write_it(text: str, plan: Plan) -> None:
    found = parse_plan(text, source="")
    assert found == plan


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[cach]\nttl = '1h'", "p.toml:1: unknown lever 'cach'", "did you mean 'cache'?"),
        ("\n\nteleport = 3", "p.toml:3: unknown lever or key 'teleport'", "one of cache, routing, "),
        ("[cache]\nttl = '1h'\n\nttll = 3", "p.toml:4: unknown key 'ttll' in [cache]", "did you mean 'ttl'?"),
        ("[routing]\nttl = '1h'", "p.toml:2: unknown key 'ttl' in [routing]", "one of on, usd_per_month"),
        ("cache = '24x'", "p.toml:1: cache = '24x': 'x' is no unit of time", "such as 24h, 90min or 7d, in quotes"),
        (
            "[cache]\nttl = 86400",
            "p.toml:2: ttl = '86400': a duration ends in its unit",
            "such as 24h, 90min or 7d, in quotes",
        ),
        ("[cache]\nttl_s = '24h'", "p.toml:2: ttl_s = '24h': not a bare number of seconds", "such as 86400"),
        ("[cache]\nttl_s = nan", "p.toml:2: ttl_s = 'NaN': not a bare number of seconds", "such as 86400"),
        ("[cache]\nttl = '1h'\nttl_s = 3", "p.toml:3: both ttl and ttl_s", "one of them"),
        ("[cache]\nttl = '1h'\n'tt-l' = 3", "p.toml:3: unknown key 'tt-l'", "did you mean"),
        ("[cache]\nttl = [1]", "p.toml:2: ttl in [cache] is [1]; a text or a number is needed", "docs/project.md"),
        ("[cache]\nsize = 0", "p.toml:2: size = '0': more than 0 bytes", "such as 64MB, in quotes"),
        ("[cache]\nsize = '1GB'\nsize_bytes = 5", "p.toml:3: 'size_bytes' in [cache] says the same as 'size'", ""),
        (f"[cache]\nsize = '{'9' * 99}'", "p.toml:2: size in [cache] is '999", "docs/project.md"),
        ("[cache]\ntenant = 3", "p.toml:2: tenant in [cache] is 3; a text is needed", ""),
        ("[cache]\nonly_deterministic = 1", "p.toml:2: only_deterministic in [cache] is 1; true or false", ""),
        ("[cache]\non = 'yes'", "p.toml:2: on in [cache] is 'yes'; true or false", ""),
        ("[cache]\nusd_per_month = -3", "p.toml:2: usd_per_month = '-3': not an amount", "such as"),
        ("[cache]\nusd_per_month = nan", "p.toml:2: usd_per_month = 'NaN': not an amount", "such as"),
        ("[cache]\nusd_per_call = true", "p.toml:2: usd_per_call in [cache] is True; a text or a number", ""),
        ("[cache]\nusd_per_call = 1\nusd-per-call = 2", "p.toml:3: 'usd-per-call' in [cache] says the same", ""),
        ("cache = 3", "p.toml:1: cache: one table of settings is needed", "such as cache = true"),
        ("[[cache]]\nttl = '1h'", "p.toml:1: cache: one table of settings is needed", "such as cache = true"),
        ("min_savings = 20", "p.toml:1: min_savings = '20': not a share from 0 to 1", "write 0.2 or 20%"),
        ("min_savings = '120%'", "p.toml:1: min_savings = '120%': more than all of it", "a share from 0 to 1"),
        ("growth = 10", "p.toml:1: growth = '10': not a share", "write 0.1 or 10%, in quotes"),
        ("min_savings = 20%", "p.toml:1: no valid TOML", "texts stand in quotes"),
        ("min_savings = 1e999999999", "p.toml:1: min_savings = '1E+999999999': not an amount", "such as 0.3"),
        ("growth = 1e-999999999", "p.toml:1: growth = '1E-999999999': not an amount", "such as 0.3"),
        ("[cache]\nusd_per_call = 1e999999999", "p.toml:2: usd_per_call = '1E+999999999': not an amount", ""),
        ("[cache]\nusd_per_call = '0,5'", "p.toml:2: usd_per_call = '0,5': not an amount", "such as 500"),
        ("seed = -1", "p.toml:1: seed in the plan is -1; a whole number of 0 or more", ""),
        ("seed = true", "p.toml:1: seed in the plan is True; a whole number", ""),
        ("seed = 9999999999999999999", "p.toml:1: seed in the plan is 9", "from 0 to 1,000,000,000,000,000,000"),
        ("seed = 1.5", "p.toml:1: seed in the plan is 1.5; a whole number", ""),
        ("name = ''", "p.toml:1: name in the plan is ''; a text is needed", ""),
        ("prices = ['none.json']", "p.toml:1: prices in the plan: no file 'none.json'", "relative to the plan file"),
        (f"prices = '{'a' * 300}'", "p.toml:1: prices in the plan: no file 'aaa", "relative to the plan file"),
        ("prices = [3]", "p.toml:1: prices in the plan: a text or a list of texts", ""),
        ("\nrouting = 'none.toml'", "p.toml:2: routing in the plan: no file 'none.toml'", "relative to the plan file"),
        ("[swap]", "p.toml:1: [swap]: no model is swapped", 'such as "gpt-4"'),
        ("swap = 'gpt-4'", "p.toml:1: swap = 'gpt-4': no = in it", "such as gpt-4=gpt-4o-mini, in quotes"),
        ("[swap]\n'' = 'a'", "p.toml:2: [swap] '=a': one side is empty", "name the model"),
        ("[swap]\na = 3", "p.toml:2: a in [swap] is 3; a text is needed", 'such as "gpt-4"'),
        ("[swap]\na = 'A'", "p.toml:1: [swap] 'a=A': a model in its own place", "name another model"),
        ("swap = 'a=b,a=c'", "p.toml:1: swap = 'a': two models in its place", "name one"),
        ("[compression]\nlevel = 'saef'", "p.toml:2: level in [compression]: there is no 'saef'", "mean 'safe'?"),
        ("[compression]\nsample = 0", "p.toml:2: sample in [compression] is 0; a whole number of 1 or more", ""),
        ("[batch]", "p.toml:1: [batch]: which calls can wait is not said", "tags = "),
        ("[batch]\nnight = '22-30'", "p.toml:2: night = '22-30': no such hours", ""),
        ("[batch]\nnight = [22, 30]", "p.toml:2: night = '22-30': no such hours", ""),
        ("[batch]\ntags = 'offline'", "p.toml:2: tags = 'offline': no = in it", "such as tag=offline, in quotes"),
        ("[self_host]\nusd_per_hour = 2", "p.toml:1: self_host: no `result`", "llmopt bench-batch"),
        ("[self_host]\nresult = 'bench.json'", "p.toml:2: self_host: no `usd_per_hour`", "usd_per_hour = 2.5"),
        (
            "[self-host]\nresult = 'bench.json'\nprice-per-hour = 2.5\nutilization = 60",
            "p.toml:4: utilization = '60': not a share from 0 to 1",
            "write 0.6 or 60%",
        ),
        (
            "[self_host]\nresult = 'bench.json'\nusd_per_hour = 2.5\nutilization = 0",
            "p.toml:4: utilization = 0: more than 0 is needed",
            "such as utilization = 0.6",
        ),
        ("a = ", "p.toml:1: no valid TOML: Invalid value", "docs/project.md"),
        ("\n[cache]\nttl = '1h\n", "p.toml:3: no valid TOML", "docs/project.md"),
        ("[cache]\nttl = '1h'\n[cache]", "p.toml:3: no valid TOML", "docs/project.md"),
        ("seed = 1e999999999999999999999", "p.toml: no valid TOML: a number has too many digits", ""),
        ("[CACHE]\nttl = '1h'", "p.toml:1: unknown lever 'CACHE'", "did you mean 'cache'?"),
        ("compress = 'saef'", "p.toml:1: compress in the plan: there is no 'saef'", "mean 'safe'?"),
        ("self_host = 'bench.json'", "p.toml:1: self_host: no `usd_per_hour`", "usd_per_hour = 2.5"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_and_line(folder: Path, text: str, message: str, hint: str) -> None:
    source = "p.toml"
    with pytest.raises(ConfigError) as caught:
        parse_plan(text.replace("'bench.json'", f"'{folder / 'bench.json'}'"), source=source)
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_plan_is_named_after_its_file_and_paths_start_at_it(folder: Path) -> None:
    path = folder / "night shift.toml"
    path.write_text("\ufeffrouting = 'rules.toml'", encoding="utf-8")
    found = load_plan(path)
    assert (found.name, found.where) == ("night shift", str(path))
    assert found.routing == RoutingLever(folder / "rules.toml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    for path, said in ((missing, "No such file"), (tmp_path, "directory")):
        with pytest.raises(ConfigError) as caught:
            load_plan(path)
        assert caught.value.message.startswith(f"{path}: ")
        assert said in caught.value.message
        assert "docs/project.md" in caught.value.hint
    missing.write_bytes(b"a = 1\nb = '\xff'")
    with pytest.raises(ConfigError, match=r"none\.toml:2: not valid UTF-8"):
        load_plan(missing)


def test_own_machines_for_tagged_calls_only(folder: Path) -> None:
    text = "[self_host]\nbench = 'bench.json'\nusd_per_hour = 1\ntags = 'tag=private'\ntag = 'local'"
    found = parse_plan(text, folder=folder)
    tags = (("tag", "private"), ("tag", "local"))
    assert found.self_host == SelfHostLever(folder / "bench.json", Decimal(1), tags=tags)


def test_a_mapping_is_a_plan(folder: Path) -> None:
    values = {"cache": {"ttl_s": 60.0}, "routing": {"policy": folder / "rules.toml"}, "min_savings": Decimal("0.1")}
    found = plan_of(values)
    assert found == Plan(
        cache=CacheLever(60.0), routing=RoutingLever(folder / "rules.toml"), min_savings=Decimal("0.1")
    )
    assert plan_of({}) == Plan()
    with pytest.raises(ConfigError, match=r"^the plan: unknown key 'tll' in \[cache\]"):
        plan_of({"cache": {"tll": 3}})
    with pytest.raises(ConfigError, match=r"^the plan: unknown lever or key '3'"):
        plan_of({3: 4})  # type: ignore[dict-item]
    assert plan_of({"swap": {1: "a"}}).swap == SwapLever((("1", "a"),))


KEYS = st.sampled_from(["cache", "swap", "batch", "self_host", "seed", "ttl", "models", "name", "on", "night", "tags"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.decimals() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_is_written_is_a_plan_or_one_clear_error(values: dict[str, object]) -> None:
    found: Plan | ConfigError
    try:
        found = plan_of(values)
    except ConfigError as error:
        found = error
    assert isinstance(found, Plan) or (found.message.startswith("the plan: ") and found.hint)
