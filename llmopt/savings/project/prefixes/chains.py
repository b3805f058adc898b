"""Chains of the prompts of a log, request by request, and the templates that they follow."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from llmopt.cost.call import Call
from llmopt.savings.project.prefixes.divergence import Template, TemplateFinder
from llmopt.savings.project.prefixes.parts import parts_of
from llmopt.savings.project.prefixes.tree import PrefixTree


class Chains:
    """Puts prompts into a tree of prefixes as they are seen; gives up where there are too many."""

    def __init__(self, tree: PrefixTree, most: int | None = None) -> None:
        """Begin with no prompt.

        Args:
            tree: where chains go.
            most: distinct prompts (of each model) to take in at most; with more, no prompt has a chain. None: no
                bound.
        """
        self._tree, self._most = tree, most
        self._finder = TemplateFinder(tree)
        self._shown: dict[str | None, set[int]] = {}
        """Model -> chains of its prompts."""
        self.given_up = False
        """There were too many."""
        self.of = array("i")
        """`i`, number of the chain of each request; -1: none. Empty where it was given up."""

    def add(self, call: Call, body: Mapping[str, Any]) -> None:
        """Add the next request."""
        if self.given_up:
            return
        parts = parts_of(body)
        chain = self._tree.add(parts) if parts else -1
        self.of.append(chain)
        shown = self._shown.setdefault(call.model, set())
        if chain >= 0 and chain not in shown:
            shown.add(chain)
            self._finder.see(parts, chain, call.model or "", call.where)
            if self._most is not None and sum(map(len, self._shown.values())) > self._most:
                self._give_up()

    def add_nothing(self, count: int) -> None:
        """Add so many requests whose prompt nobody knows."""
        if not self.given_up:
            self.of.extend(array("i", [-1]) * count)

    def templates(self) -> tuple[Template, ...]:
        """Return the templates that prompts follow; to be asked once, at the end."""
        return () if self.given_up else self._finder.finish()

    def _give_up(self) -> None:
        self.given_up, self.of = True, array("i")
        self._finder = TemplateFinder(self._tree)
        self._shown.clear()
