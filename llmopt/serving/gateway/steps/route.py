"""Route: which model answers, by the policy."""

from __future__ import annotations

from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.steps.model_edit import for_model
from llmopt.serving.gateway.upstreams.choosing import fits
from llmopt.serving.gateway.values import Api
from llmopt.serving.routing.router import HEADER, Decision, Router

_NAME = HEADER.encode()
_ROUTED = frozenset({Api.CHAT, Api.COMPLETIONS, Api.RESPONSES, Api.MESSAGES})
"""An embedding of another model is of no use to who asked for one."""


class RouteStep:
    """Decides for each request by a policy.

    Args:
        router: decides.
        models: names or patterns (`gpt-*`) of the models that are routed; empty: all.
    """

    def __init__(self, router: Router, models: tuple[str, ...] = ()) -> None:
        self._router = router
        self._models = models

    def apply(self, call: Call) -> None:
        """Set `call.outgoing`, `call.route`, what `call.metered` says of it, and the header that tells the client.

        A tag `team=care` of the request is `team=care` for the policy.
        """
        request = call.outgoing
        if request is None or call.api not in _ROUTED or (self._models and not fits(call.model, self._models)):
            return
        tags = [f"{name}={value}" if value else name for name, value in call.metered.tags.items()]
        decision = self._router.decide(call.body, headers=call.incoming.headers, tenant=call.caller.tenant, tags=tags)
        call.outgoing = for_model(request, decision.model)
        call.route = decision.route
        call.metered.route, call.metered.rule, call.metered.model = decision.route, decision.rule, decision.model
        tell(call, decision)


def tell(call: Call, decision: Decision) -> None:
    """Set the header that tells the client which route its answer is from, in place of an earlier one."""
    call.told = [each for each in call.told if each[0] != _NAME]
    call.told.append((_NAME, decision.header.encode("ascii", "replace")))
