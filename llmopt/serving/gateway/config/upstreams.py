"""Read who answers and who may ask: `[[gateway.upstream]]` and `[gateway.keys.NAME]`."""

from __future__ import annotations

from collections.abc import Mapping

from llmopt.errors import UsageError
from llmopt.serving.gateway.config import readers as read
from llmopt.serving.gateway.config.entries import Entry, entries_of
from llmopt.serving.gateway.config.names import KEY, UPSTREAM
from llmopt.serving.gateway.config.readers import Told
from llmopt.serving.gateway.config.settings import UpstreamSettings, VirtualKey

_NO_UPSTREAM = "nothing says which server answers"
_UPSTREAM_HINT = "--upstream http://localhost:8000, or [[gateway.upstream]] in llmopt.toml"


def upstreams_of(entries: Mapping[str, Entry]) -> tuple[UpstreamSettings, ...]:
    """Return the upstreams: one URL, or a list of tables.

    Raises:
        LlmoptError: there is none, two have one name, or something in one makes no sense.
    """
    entry, variable = entries.get("upstream"), entries.get("api_key_env")
    if entry is None:
        raise UsageError(_NO_UPSTREAM, _UPSTREAM_HINT)
    if isinstance(entry.value, dict):
        raise entry.fault("upstreams are a list of tables", "write [[gateway.upstream]], with two brackets")
    if not isinstance(entry.value, list):
        return (UpstreamSettings(read.url(entry), api_key_env="" if variable is None else read.variable(variable)),)
    if variable is not None:
        raise variable.fault(f"{variable.label} is for one upstream", "write api_key_env under [[gateway.upstream]]")
    found: dict[str, UpstreamSettings] = {}
    for position, each in enumerate(entry.value):
        table = Entry(each, entry.place, (*entry.path, position))
        one = _upstream(table)
        if one.name in found:
            raise table.fault(f"a second upstream is called {one.name!r}", "give each a name of its own")
        found[one.name] = one
    if not found:
        raise entry.fault("the list of upstreams is empty", _UPSTREAM_HINT)
    return tuple(found.values())


def keys_of(tables: Entry) -> tuple[VirtualKey, ...]:
    """Return the keys that the gateway gave out.

    Raises:
        LlmoptError: two are the same, or something in one makes no sense.
    """
    if not isinstance(tables.value, dict):
        raise tables.fault("keys are tables, each under [gateway.keys.NAME]")
    found: dict[str, VirtualKey] = {}
    for name, value in tables.value.items():
        table = Entry(value, tables.place, (*tables.path, name))
        key = _key(name, table)
        if key.sha256 in found:
            raise table.fault(f"the key {name!r} is the same as {found[key.sha256].name!r}", "make a key for each")
        found[key.sha256] = key
    return tuple(found.values())


def _upstream(table: Entry) -> UpstreamSettings:
    if not isinstance(table.value, dict):
        raise table.fault("upstreams are tables, each under [[gateway.upstream]]")
    entries = entries_of(table.value, table.place, table.path, UPSTREAM)
    if "url" not in entries:
        raise table.fault("an upstream has no url", 'such as url = "https://api.openai.com"')
    told = Told(entries)
    return UpstreamSettings(
        url=read.url(entries["url"]),
        name=told("name", read.name, "default"),
        api_key_env=told("api_key_env", read.variable, ""),
        models=told("models", Entry.texts, ()),
        anthropic=told("anthropic", Entry.switch, False),
    )


def _key(name: str, table: Entry) -> VirtualKey:
    if not isinstance(table.value, dict):
        raise table.fault("a key is a table, [gateway.keys.NAME]")
    if not read.is_name(name):
        raise table.fault(f"a key is called {name!r}", "a name has up to 64 of A-Z a-z 0-9 . _ -")
    entries = entries_of(table.value, table.place, table.path, KEY)
    if "sha256" not in entries:
        raise table.fault(f"the key {name!r} has no sha256", f"`llmopt gateway --new-key {name}` makes a key with it")
    told = Told(entries)
    return VirtualKey(
        name=name,
        sha256=read.digest(entries["sha256"]),
        tenant=told("tenant", read.name, name),
        caps=told.caps(),
    )
