"""Policies from TOML: what is read, and errors with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.routing import Policy, load_policy, parse_policy
from llmopt.serving.routing.checks import fault
from llmopt.serving.routing.policy import DEFAULT_POLICY
from tests.serving.routing.policies import RULE, SMALL


def test_what_is_read() -> None:
    policy = parse_policy(SMALL)
    assert {name: route.model for name, route in policy.routes.items()} == {
        "cheap": "small-model",
        "strong": "big-model",
        "long": "long-model",
    }
    assert (policy.routes["long"].context_tokens, policy.routes["long"].timeout_s) == (1_000_000, 30.0)
    assert (policy.default, [rule.name for rule in policy.rules]) == ("strong", ["gold", "simple"])
    assert policy.fallback.chains == {"cheap": ("strong", "long"), "strong": ("cheap",)}
    assert (policy.fallback.longer, policy.fallback.max_wait_s, policy.fallback.on) == ({"cheap": ("long",)}, 2.0, None)
    assert policy.cascade is not None
    assert (policy.cascade.routes, len(policy.cascade.checks)) == (("cheap", "strong"), 2)
    assert policy.score is None


def test_the_shipped_policy_is_whole() -> None:
    policy = load_policy()
    assert policy.source == str(DEFAULT_POLICY)
    assert set(policy.routes) == {"cheap", "strong"}
    assert {rule.route for rule in policy.rules} == {"cheap", "strong"}


def test_other_models() -> None:
    policy = parse_policy(SMALL).with_models(strong="other")
    assert (policy.routes["strong"].model, policy.routes["strong"].context_tokens) == ("other", None)
    assert policy.routes["long"].context_tokens == 1_000_000
    with pytest.raises(UsageError, match="no route 'best'"):
        policy.with_models(best="other")


def test_kinds_to_go_on() -> None:
    text = RULE + 'tools = true\n[fallback]\non = ["auth", "timeout"]\n'
    assert parse_policy(text).fallback.on == frozenset(("auth", "timeout"))


WRONG = [
    ('deflaut = "a"\n[routes]\na = "m"\n', 1, "unknown key 'deflaut' in the policy", "default"),
    (
        'default = "a"\n[routes]\na = "m"\n\n# why\n[fallback]\nchain = {}\n',
        7,
        "unknown key 'chain' in [fallback]",
        "chains",
    ),
    ('default = "a"\n[routes]\na = {model = "m", ctx = 1}\n', 3, "unknown key 'ctx' in [routes.a]", "context_tokens"),
    (RULE + "tools = true\n[[rule]]\nname = 's'\nroute = 'a'\nwrods = ['x']\n", 12, "unknown key 'wrods'", "words"),
    (RULE + 'words = [\n  "a",\n  "c++",\n]\n', 8, "'c++' is not made of words", "regex"),
    (RULE + 'tokens_below = "many"\n', 8, "'many'; a whole number of 0 or more", ""),
    (RULE + "tokens_above = 9\ntokens_below = 10\n", 8, "tokens_above leaves nothing to tokens_below", "both"),
    ('default = "a"\n[routes]\na = [\n\n', 3, "no valid TOML", ""),
    (RULE + "tokens_below = -1\n", 8, "-1; a whole number", ""),
    (RULE + "tokens_below = true\n", 8, "True; a whole number", ""),
    (RULE + 'tools = "yes"\n', 8, "'yes'; true or false", ""),
    (RULE + "words = []\n", 8, "a text or a list of texts is needed", ""),
    (RULE + 'words = ["a", 3]\n', 8, "a text or a list of texts is needed", ""),
    (RULE + 'words = " "\n', 8, "a text or a list of texts is needed", ""),
    (RULE + 'regex = "("\n', 8, "no regular expression", ""),
    (RULE + 'regex = ["ok", "a*"]\n', 8, "matches an empty text", "required"),
    (RULE + 'language = ["en", "english"]\n', 8, "no language that can be told is called 'english'", ""),
    (RULE + "header = 'x'\n", 8, "header in [[rule]] must be a table", ""),
    (RULE + "header = {x-a = 3}\n", 8, "a text or a list of texts", ""),
    (RULE + 'in = "systm"\nwords = "a"\n', 8, "no place is called 'systm'", "system"),
    (RULE + 'in = "system"\ntools = true\n', 8, "there are none", ""),
    (RULE, 5, "the rule 'r' asks nothing", "default"),
    (RULE.replace('route = "b"', 'route = "c"') + "tools = true\n", 7, "no route is called 'c'", ""),
    (RULE.replace('route = "b"\n', "") + "tools = true\n", 5, "needs a route", "a, b"),
    (RULE.replace('name = "r"\n', "") + "tools = true\n", 5, "needs a name", ""),
    (RULE.replace('"r"', '"default"') + "tools = true\n", 6, "a second rule is called 'default'", ""),
    (RULE + 'tools = true\n[[rule]]\nname = "r"\nroute = "a"\ntools = true\n', 10, "a second rule is called 'r'", ""),
    (RULE + 'tools = true\n[score]\nweights = "none.json"\nbelow = "a"\nabove = "b"\n', 10, "no file", "route train"),
    (RULE + "tools = true\n[score]\nthreshold = 0.5\n", 9, "needs weights, below and above", ""),
    (RULE + "tools = true\n[fallback]\nmax_wait_s = -1\n", 10, "-1; a number from 0 to 3600", ""),
    (RULE + 'tools = true\n[fallback]\non = ["503"]\n', 10, "no kind of failure is called '503'", ""),
    (RULE + 'tools = true\n[fallback.chains]\na = ["z"]\n', 10, "no route is called 'z'", ""),
    (RULE + 'tools = true\n[fallback.chains]\nz = ["a"]\n', 10, "no route is called 'z'", ""),
    (RULE + 'tools = true\n[fallback.chains]\na = ["b", "a"]\n', 10, "'a' comes after itself", ""),
    (RULE + 'tools = true\n[cascade]\nroutes = ["a"]\n', 10, "two different routes", ""),
    (RULE + 'tools = true\n[cascade]\nroutes = ["a", "b"]\n', 9, "without a check", "complete"),
    (RULE + 'tools = true\n[cascade]\nroutes = ["a", "b"]\n[[cascade.check]]\n', 11, "checks nothing", ""),
    (
        RULE + 'tools = true\n[cascade]\nroutes = ["a", "b"]\n[[cascade.check]]\nschema = "none.json"\n',
        12,
        "none.json",
        "",
    ),
    (
        RULE + 'tools = true\n[cascade]\nroutes = ["a", "b"]\n[[cascade.check]]\nmin_chars = 5\nmax_chars = 2\n',
        13,
        "less",
        "",
    ),
    ('default = "a"\n[routes]\na = ""\n', 3, "a text is needed", ""),
    ('default = "a"\n[routes]\na = {model = "m", timeout_s = 0}\n', 3, "timeout_s is 0", ""),
    ('default = "b"\n[routes]\na = "m"\n', 1, "no route is called 'b'", ""),
    ('rule = 3\ndefault = "a"\n[routes]\na = "m"\n', 1, "rule must be tables", ""),
    ('default = "a"\n[routes\na = "m"\n', 2, "no valid TOML", ""),
]


@pytest.mark.parametrize(("text", "line", "message", "hint"), WRONG, ids=[case[2] for case in WRONG])
def test_what_is_wrong_has_a_file_and_a_line(tmp_path: Path, text: str, line: int, message: str, hint: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(path)
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "no [routes]"), ('[routes]\na = "m"\n', "no `default`"), ("[routes]\n", "no [routes]")],
)
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, source="p.toml")
    assert message in caught.value.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_policy(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="directory"):
        load_policy(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'default = "\xe9"')
    with pytest.raises(ConfigError, match=r"\.toml:\d+: not valid UTF-8"):
        load_policy(tmp_path / "latin.toml")
    (tmp_path / "bom.toml").write_text("\ufeff" + SMALL, encoding="utf-8")
    assert load_policy(tmp_path / "bom.toml").default == "strong"


def test_a_schema_beside_the_policy(tmp_path: Path) -> None:
    pytest.importorskip("jsonschema_rs", reason="the extra `serve` is not installed")
    (tmp_path / "answer.json").write_text('{"type": "object"}', encoding="utf-8")
    text = RULE + 'tools = true\n[cascade]\nroutes = ["a", "b"]\n[[cascade.check]]\nschema = "answer.json"\n'
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    policy: Policy = load_policy(tmp_path / "policy.toml")
    assert policy.cascade is not None
    assert len(policy.cascade.checks) == 1


CHECKS = """
[cascade]
routes = ["a", "b"]
[[cascade.check]]
finish_reason = "STOP"
[[cascade.check]]
words = ["yes", "no"]
no_words = "perhaps"
[[cascade.check]]
regex = "[0-9]{1,9}"
no_regex = "error"
max_chars = 20
[[cascade.check]]
json = true
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["yes", 1]', ""),
        ('["maybe", 1]', "none of the words"),
        ('["yes, perhaps", 1]', "the words 'perhaps'"),
        ('["yes"]', "no match of the patterns"),
        ('["yes", "error", 1]', "a match of 'error'"),
        ('["yes", 1, 2, 3, 4, 5, 6]', "25 characters > 20"),
        ("yes 1", "no JSON"),
    ],
)
def test_checks_from_a_file(text: str, said: str) -> None:
    cascade = parse_policy(RULE + "tools = true\n" + CHECKS).cascade
    assert cascade is not None
    assert fault(cascade.checks, {"choices": [{"text": text, "finish_reason": "stop"}]}) == said


def test_a_schema_of_a_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text("{", encoding="utf-8")
    (tmp_path / "policy.toml").write_text(
        RULE + 'tools = true\n[cascade]\nroutes = ["a", "b"]\n[[cascade.check]]\nschema = "answer.json"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=r"policy\.toml:12: schema: answer\.json"):
        load_policy(tmp_path / "policy.toml")


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_policy(text)


def test_line_ends_of_other_systems_do_not_shift_the_line() -> None:
    text = 'default = "a"\r\n[routes]\r\na = "m\u2028"\r\nb = 3\r\n'
    with pytest.raises(ConfigError, match=r"^p\.toml:4: b in \[routes\] is 3"):
        parse_policy(text, source="p.toml")


def test_the_line_in_a_long_policy_is_found_at_once() -> None:
    """By halves: piece by piece takes minutes."""
    rules = "".join(f'[[rule]]\nname = "r{at}"\nroute = "a"\nwords = [\n"w{at}"]\n' for at in range(1500))
    with pytest.raises(ConfigError, match=r"policy:7506: unknown key 'rote'"):
        parse_policy(f'default = "a"\n[routes]\na = "m"\n{rules}[[rule]]\nname = "x"\nrote = "a"\n')


def test_a_file_without_end_is_no_policy() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: more than"):
        load_policy("/dev/zero")
    with pytest.raises(ConfigError, match="null byte"):
        load_policy("a\0b")
