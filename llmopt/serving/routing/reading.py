"""Read a policy from TOML: every key is known or refused, every route and pattern checked, with file and line.

`docs/routing.md` describes the file.
"""

from __future__ import annotations

from pathlib import Path

from llmopt.core.toml import document, read_text
from llmopt.serving.routing.entries import DOCS, Table
from llmopt.serving.routing.failures import Kind
from llmopt.serving.routing.policy import CascadeSettings, FallbackSettings, Policy, Route, ScoreSettings
from llmopt.serving.routing.reading_rules import read_checks, read_rule
from llmopt.serving.routing.rules import Rule

_KEYS = ("routes", "default", "rule", "score", "fallback", "cascade")
_NAMES = ("default", "score")
"""What a decision calls itself where no rule decides."""


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        ConfigError: it cannot be read, or something in it makes no sense; names the file and the line.
    """
    return parse_policy(read_text(path, DOCS), source=str(path), folder=path.parent)


def parse_policy(text: str, *, source: str = "policy", folder: Path | None = None) -> Policy:
    """Return the policy that a text describes.

    Args:
        text: TOML.
        source: what error messages call it.
        folder: to which paths in it are relative; None: the current one.

    Raises:
        ConfigError: something in it makes no sense; names the line.
    """
    return _Reader(Table(document(text, source, DOCS), (), text, source), folder or Path()).policy()


class _Reader:
    """Reads table by table; the routes come first, since all else names them."""

    def __init__(self, top: Table, folder: Path) -> None:
        self._top = top
        self._folder = folder
        self._routes: dict[str, Route] = {}
        self._source = top.source

    def policy(self) -> Policy:
        top = self._top
        top.only(_KEYS)
        self._routes = self._read_routes()
        default = top.text("default")
        if default is None:
            raise top.fault("no `default`: the route of what no rule decides", hint=f"one of {', '.join(self._routes)}")
        self._route(top, "default", default)
        return Policy(
            routes=self._routes,
            default=default,
            rules=self._rules(),
            score=self._score(),
            fallback=self._fallback(),
            cascade=self._cascade(),
            source=self._source,
        )

    def _read_routes(self) -> dict[str, Route]:
        table = self._top.table("routes")
        if table is None or not table.raw:
            raise self._top.fault("no [routes]", hint='such as cheap = "gpt-4o-mini" under [routes]')
        return {name: self._read_route(table, name) for name in table.raw}

    def _read_route(self, table: Table, name: str) -> Route:
        if not isinstance(table.raw[name], dict):
            return Route(name, table.text(name) or "")
        inner = table.table(name)
        if inner is None:
            raise table.fault(f"route {name!r} is empty", name)
        inner.only(("model", "context_tokens", "timeout_s"))
        model = inner.text("model")
        if model is None:
            raise inner.fault(f"route {name!r} has no model")
        timeout_s = inner.number("timeout_s")
        if timeout_s == 0:
            raise inner.fault("timeout_s is 0; seconds above 0 are needed", "timeout_s")
        return Route(name, model, inner.whole("context_tokens", 1), timeout_s)

    def _rules(self) -> tuple[Rule, ...]:
        rules: dict[str, Rule] = {}
        for table in self._top.tables("rule"):
            rule = read_rule(table, tuple(self._routes))
            if rule.name in rules or rule.name in _NAMES:
                raise table.fault(
                    f"a second rule is called {rule.name!r}", "name", "the header names the rule: pick another"
                )
            rules[rule.name] = rule
        return tuple(rules.values())

    def _score(self) -> ScoreSettings | None:
        table = self._top.table("score")
        if table is None:
            return None
        table.only(("weights", "threshold", "below", "above"))
        weights, below, above = (table.text(key) for key in ("weights", "below", "above"))
        if weights is None or below is None or above is None:
            raise table.fault("[score] needs weights, below and above", hint="`llmopt route train` writes weights")
        path = self._folder / Path(weights).expanduser()
        if not path.is_file():
            raise table.fault(f"weights: no file {path}", "weights", "`llmopt route train` writes it")
        below, above = self._route(table, "below", below), self._route(table, "above", above)
        return ScoreSettings(path, table.number("threshold", 0, 1), below, above, table.line)

    def _fallback(self) -> FallbackSettings:
        table = self._top.table("fallback")
        if table is None:
            return FallbackSettings()
        table.only(("chains", "longer", "on", "max_wait_s"))
        kinds = table.texts("on")
        for kind in kinds:
            table.one_of("on", kind, sorted(Kind), "kind of failure")
        return FallbackSettings(
            self._chains(table, "chains"),
            self._chains(table, "longer"),
            frozenset(kinds) if kinds else None,
            table.number("max_wait_s", 0, 3600) or 0.0,
        )

    def _chains(self, table: Table, key: str) -> dict[str, tuple[str, ...]]:
        chains = table.table(key)
        if chains is None:
            return {}
        for name in chains.raw:
            self._route(chains, name, name)
        found = {name: tuple(self._route(chains, name, each) for each in chains.texts(name)) for name in chains.raw}
        for name, routes in found.items():
            if name in routes:
                raise chains.fault(f"{key}: {name!r} comes after itself", name, "name other routes")
        return found

    def _cascade(self) -> CascadeSettings | None:
        table = self._top.table("cascade")
        if table is None:
            return None
        table.only(("routes", "check"))
        routes = tuple(self._route(table, "routes", name) for name in table.texts("routes"))
        if len(routes) < 2:
            raise table.fault(
                "[cascade] needs two different routes or more", "routes", "name them from cheap to strong"
            )
        checks = [check for each in table.tables("check") for check in read_checks(each, self._folder)]
        if not checks:
            raise table.fault(
                "[cascade] without a check never goes on", hint="add [[cascade.check]] with complete = true"
            )
        return CascadeSettings(routes, tuple(checks))

    def _route(self, table: Table, key: str, name: str) -> str:
        return table.one_of(key, name, self._routes, "route")
