"""The one place where a call's usage, price and savings come together; all that follows takes note of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmopt.core.usage import Usage
from llmopt.serving.gateway.metering.body import is_stream
from llmopt.serving.gateway.metering.estimating import asked_tokens, tokens_in_all
from llmopt.serving.gateway.metering.free import asks_no_model
from llmopt.serving.gateway.metering.pricing import Pricer
from llmopt.serving.gateway.metering.texts import is_answer, said_in, said_in_stream
from llmopt.serving.gateway.metering.usage import Said, UsageReader
from llmopt.serving.gateway.values import Api, Metered, Observer

_CLIENT_LEFT = 499
_LOOKED_AT_BYTES = 256 * 2**10
"""Of a stream whose text is counted; a longer one is taken to go on as it begins."""
_LONGEST_MODEL = 512
"""Of an answered model's name, which goes into log lines; a longer one is no name."""


class Meter:
    """Works out what calls came to, and tells those who take note.

    Args:
        pricer: prices.
        observers: log, metrics, spending.
        reader: of what answers say.
    """

    def __init__(self, pricer: Pricer, observers: Sequence[Observer] = (), reader: UsageReader | None = None) -> None:
        self._pricer = pricer
        self._observers = tuple(observers)
        self._reader = reader or UsageReader()

    def answered(
        self, metered: Metered, answer: bytes, *, request: Mapping[str, Any] | None = None, ended: bool = True
    ) -> None:
        """Fill in what an upstream's answer came to: answered model, tier, usage, cost, savings.

        Where the answer does not say its usage, the texts of request and answer are counted; of a stream that was cut
        off after it told its input, only the output is.

        Args:
            metered: with `api`, `status`, models, `upstream`, and what routing and compression did.
            answer: the upstream's body as it came: JSON, or server-sent events.
            request: body as the client sent it, decoded; None: nothing is counted.
            ended: whether the answer came to its end; False: it was cut off, or the client left.
        """
        said = self._said(metered, answer)
        if said.model and len(said.model) <= _LONGEST_MODEL:
            metered.answered_model = said.model
        metered.tier = said.tier
        metered.usage, metered.usage_from = said.usage, "none" if said.usage is None else "billed"
        unsaid = said.usage is None or not said.ended
        if unsaid and request is not None and metered.api is not Api.OTHER and _has_begun(metered, answer, ended):
            metered.usage, metered.usage_from = _counted(metered, said, answer, request), "estimated"
        self._pricer.price(metered)

    def _said(self, metered: Metered, answer: bytes) -> Said:
        """Read an answer; what looks up or cancels an earlier call repeats a usage that is not billed again."""
        if asks_no_model(metered):
            return Said()
        read = self._reader.stream if is_stream(answer) else self._reader.whole
        return read(answer, metered.api, self._pricer.provider(metered.upstream))

    def note(self, metered: Metered) -> None:
        """Price a call if nobody has yet, and tell the observers; once for every call: hits, refusals, errors too."""
        if metered.cost_usd is None:
            self._pricer.price(metered)
        for observer in self._observers:
            observer.note(metered)


def _has_begun(metered: Metered, answer: bytes, ended: bool) -> bool:
    """Return whether a model has answered, or was about to when the client left: then it was billed."""
    if not 200 <= metered.status < 300 and metered.status != _CLIENT_LEFT:
        return False
    return not ended or is_stream(answer) or is_answer(answer)


def _counted(metered: Metered, said: Said, answer: bytes, request: Mapping[str, Any]) -> Usage:
    """Count what the answer does not say."""
    told = said.usage
    if told is None:
        told = Usage(input_uncached=max(0, asked_tokens(request) - metered.compressed_tokens))
    if metered.api is Api.EMBEDDINGS:
        return told
    return replace(told, output_text=max(told.output_text, _said_tokens(answer)))


def _said_tokens(answer: bytes) -> int:
    if not is_stream(answer):
        return tokens_in_all(said_in(answer))
    tokens = tokens_in_all(said_in_stream(answer[:_LOOKED_AT_BYTES]))
    return tokens * max(len(answer), _LOOKED_AT_BYTES) // _LOOKED_AT_BYTES
