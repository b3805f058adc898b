"""Answers that are there as a whole: from a store, or of a call that another client began."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from llmopt.serving.gateway.streams.replay import Form, in_form
from llmopt.serving.gateway.values import Headers


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that has come already; a `Source`."""

    status: int
    headers: Headers
    body: bytes | None
    """All that goes to the client."""
    whole: bytes | None
    """The JSON that it was made of; None for an error."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        if self.body:
            yield self.body

    def close(self) -> None:
        """Do nothing: nobody is at work."""


def given(body: bytes, form: Form) -> Given | None:
    """Return a whole JSON answer in the form that is wanted; None where it has no such form.

    Args:
        body: as stored.
        form: as the client asked.
    """
    made = in_form(body, form)
    return None if made is None else Given(200, ((b"content-type", made[0]),), made[1], body)
