"""What a gateway would do, for people and for machines: `llmopt gateway --check`."""

from __future__ import annotations

from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import plural
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.serving.gateway.planning.plan import Plan, PlannedKey, PlannedUpstream
from llmopt.serving.gateway.planning.prices import PlannedPrice
from llmopt.serving.gateway.planning.words import caps_in_words, usd_in_words
from llmopt.serving.gateway.values import Caps

_COLUMNS = (Column("part", "Part"), Column("name", "Name"), Column("what", "What"))


def view(plan: Plan) -> Report:
    """Return what would run: one table, from the address to the prices."""
    rows: list[tuple[Cell, ...]] = [("listen", _address(plan), plural(plan.workers, "worker"))]
    rows += [("endpoint", f"{each.method} {each.path}", each.what) for each in plan.endpoints]
    rows += [("upstream", each.name, _upstream(each)) for each in plan.upstreams]
    rows += [
        (f"stage {number}", each.name, each.what if each.on else f"- {each.what}")
        for number, each in enumerate(plan.stages, 1)
    ]
    rows += [("key", each.name, _key(each)) for each in plan.keys]
    rows += [("price", each.model, _price(each)) for each in plan.prices]
    rows += [("fault", None, fault.message) for fault in plan.faults]
    table = Table("plan", "What would run", _COLUMNS, tuple(rows))
    return Report("Gateway", _headline(plan), (table,), tuple(Note(warning, "warning") for warning in plan.warnings))


def payload(plan: Plan) -> dict[str, Json]:
    """Return what would run as the document of `llmopt.gateway.check/1`."""
    body = plain({name: getattr(plan, name) for name in _PLAIN})
    assert isinstance(body, dict)  # noqa: S101 - a mapping becomes a dict
    faults: list[Json] = [{"message": fault.message, "hint": fault.hint} for fault in plan.faults]
    return document("gateway.check", {"ok": not plan.faults, **body, "faults": faults})


_PLAIN = ("host", "port", "workers", "endpoints", "upstreams", "stages", "keys", "prices", "warnings")


def _headline(plan: Plan) -> str:
    if plan.faults:
        return f"It would not run: {plural(len(plan.faults), 'fault')}."
    return "It would run. Nothing was connected to, and nothing written."


def _address(plan: Plan) -> str:
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    return f"http://{host}:{plan.port or 'a free port'}"


def _upstream(upstream: PlannedUpstream) -> str:
    models = ", ".join(upstream.models) or "all that no other names"
    return f"{upstream.url}, models: {models}, key: {upstream.key}"


def _key(key: PlannedKey) -> str:
    caps = caps_in_words(Caps(key.usd_per_day, key.usd_per_month)) or "no cap of its own"
    return f"tenant {key.tenant}, {caps}"


def _price(price: PlannedPrice) -> str:
    if not price.provider:
        return f"no price is known, named by {price.named_by}"
    rates = [
        f"{usd_in_words(usd)} {kind}"
        for usd, kind in ((price.input_usd_per_mtok, "in"), (price.output_usd_per_mtok, "out"))
        if usd is not None
    ]
    return f"{', '.join(rates) or 'a fee'} a million tokens ({price.provider}), named by {price.named_by}"
