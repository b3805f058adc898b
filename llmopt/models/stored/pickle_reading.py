"""Read a pickle without running it: what it would make, as inert values, and the globals that it asks for.

A pickle is a small program. Its opcodes are followed as Python's own unpickler follows them, except that nothing is
ever imported or called: a global is its name, and a call is a note of what would be called with what. So the globals
found are those that loading would look up; a pickle that computes such a name is refused. Source: the opcodes in
Python's `pickletools`.
"""

from __future__ import annotations

import pickletools
import warnings
from typing import IO, Any

from llmopt.models.stored.pickle_opcodes import State, follow
from llmopt.models.stored.pickle_values import Persistent, PickleError

_MOST_OPCODES = 20_000_000
_DAMAGE = (ValueError, IndexError, TypeError, AttributeError, RecursionError, OverflowError, MemoryError)
"""What damaged pickles raise; the last where they claim to hold more bytes than there are."""


class PickleReader:
    """Follows the opcodes of pickles.

    Attributes:
        globals: names that the pickles read so far asked for, in their order.
        persistent: what they said that their file holds, in its order.
    """

    def __init__(self) -> None:
        self.globals: dict[str, None] = {}
        self.persistent: list[Persistent] = []

    def read(self, file: IO[bytes]) -> Any:
        """Return what one pickle would make, and leave the file behind its end.

        Raises:
            PickleError: it is damaged, or uses what a checkpoint does not need.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of escapes in damaged strings
            return self._read(file)

    def _read(self, file: IO[bytes]) -> Any:
        state = State(self.globals, self.persistent)
        try:
            for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
                if opcode.name == "STOP":
                    return state.stack.pop()
                if count > _MOST_OPCODES:
                    raise PickleError("it is too long")
                follow(state, opcode.name, argument)
        except _DAMAGE as error:
            raise PickleError(str(error) or type(error).__name__) from error
        raise PickleError("it has no end")
