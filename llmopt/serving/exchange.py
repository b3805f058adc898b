"""One request to a server and what came of it, as times on one clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. Times are seconds on the clock of the event loop.

    What a user waits counts from `due_s`. A client that is late, or waits for a connection, is a part of the wait:
    measured from `sent_s`, a server that stalls would be seen only in the requests that it already had.
    """

    due_s: float
    """When it should have been sent."""
    sent_s: float
    """When it was handed to the network."""
    ended_s: float
    """When the answer was complete, or the error was there."""
    first_s: float | None = None
    """First token, one of reasoning included; None where there was none."""
    last_s: float | None = None
    """Last token; None where there was none."""
    tokens: int | None = None
    """Generated ones, by the server's own count; None where it gave none."""
    text: str = ""
    """What was generated, to count its tokens; empty where the server counted."""
    prompt_tokens: int | None = None
    """As the server counted, with what the chat template adds; None where it gave none."""
    error: str = ""
    """Why there is no answer: `HTTP 503`, `timeout`, ...; empty where there is one."""

    @property
    def latency_s(self) -> float:
        """From due to the last token; to the end where there was no token."""
        return (self.ended_s if self.last_s is None else self.last_s) - self.due_s

    @property
    def ttft_s(self) -> float | None:
        """From due to the first token (TTFT)."""
        return None if self.first_s is None else self.first_s - self.due_s
