"""Which model answers: ordered rules, an optional learned score, fallbacks and cascades."""

from llmopt.serving.routing.cascade import Cascade, Cascaded, Try
from llmopt.serving.routing.chain import Attempt, Served, Target
from llmopt.serving.routing.checks import Check, Finished, IsJson, Long, Reads, Satisfies, Says
from llmopt.serving.routing.failures import Failure, Kind, failure_in, failure_of
from llmopt.serving.routing.fallback import Fallback
from llmopt.serving.routing.policy import Policy, Route, load_policy
from llmopt.serving.routing.reading import parse_policy
from llmopt.serving.routing.router import HEADER, Decision, Explanation, Router
from llmopt.serving.routing.schema import Schema

__all__ = [
    "HEADER",
    "Attempt",
    "Cascade",
    "Cascaded",
    "Check",
    "Decision",
    "Explanation",
    "Failure",
    "Fallback",
    "Finished",
    "IsJson",
    "Kind",
    "Long",
    "Policy",
    "Reads",
    "Route",
    "Router",
    "Satisfies",
    "Says",
    "Schema",
    "Served",
    "Target",
    "Try",
    "failure_in",
    "failure_of",
    "load_policy",
    "parse_policy",
]
