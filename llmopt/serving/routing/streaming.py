"""Streams that have begun: the first chunk is there already, and the rest follows from its source."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

from llmopt.errors import LlmoptError
from llmopt.serving.routing.failures import Failure, Kind

T = TypeVar("T")
Failed = Callable[[Any], Failure | None]


class FailedStream(LlmoptError):
    """A stream ended before its first chunk, or that chunk is an error.

    Args:
        message: what happened.
        failure: what it stands for.
    """

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message)
        self.failure = failure

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what copies it and carries it to another process."""
        return type(self), (self.message, self.failure), self.__dict__


class Begun(Iterator[T], Generic[T]):
    """A stream and its first chunk; closes its source when it is closed or at its end."""

    def __init__(self, source: Any, failed: Failed) -> None:
        """Wait for the first chunk.

        Raises:
            FailedStream: there is none, or it is an error.
        """
        self._source = source
        self._chunks = iter(source)
        self._first: list[T] = []
        try:
            self._first.append(_checked(next(self._chunks, _END), failed))
        except BaseException:
            self.close()
            raise

    def __next__(self) -> T:
        """Return the next chunk."""
        if self._first:
            return self._first.pop()
        chunk: T = next(self._chunks)
        return chunk

    def close(self) -> None:
        """Tell the source that nobody wants more."""
        close = getattr(self._source, "close", None) or getattr(self._chunks, "close", None)
        if callable(close):
            close()


class BegunAsync(AsyncIterator[T], Generic[T]):
    """The same of an asynchronous stream."""

    def __init__(self, source: Any) -> None:
        """Prepare; `begin` waits for the first chunk."""
        self._source = source
        self._chunks = aiter(source)
        self._first: list[T] = []

    async def begin(self, failed: Failed) -> BegunAsync[T]:
        """Wait for the first chunk.

        Raises:
            FailedStream: there is none, or it is an error.
        """
        try:
            self._first.append(_checked(await anext(self._chunks, _END), failed))
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __anext__(self) -> T:
        """Return the next chunk."""
        if self._first:
            return self._first.pop()
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Tell the source that nobody wants more."""
        close = getattr(self._source, "aclose", None) or getattr(self._source, "close", None)
        said = close() if callable(close) else None
        if inspect.isawaitable(said):
            await said


_END: Any = object()


def _checked(chunk: Any, failed: Failed) -> Any:
    if chunk is _END:
        raise FailedStream("the stream ended before its first chunk", Failure(Kind.SERVER))
    failure = failed(chunk)
    if failure is not None:
        raise FailedStream(f"the stream began with an error: {failure.said}", failure)
    return chunk
