from __future__ import annotations

import pytest
from hypothesis import given

from llmopt.savings.project.prefixes.tree import BLOCK_BYTES, PrefixTree
from tests.savings.project.prefixes.brute import PROMPTS, blocks_of, shared_bytes


def test_what_two_prompts_share_is_a_node() -> None:
    tree = PrefixTree()
    first = tree.add([b"s" * 1000, b"how are you"])
    second = tree.add([b"s" * 1000, b"where is it"])
    assert [end for _, end in tree.chain(first)] == [1000, 1011]
    assert [end for _, end in tree.chain(second)] == [1000, 1011]
    assert tree.chain(first)[0] == tree.chain(second)[0]
    assert first != second


def test_within_a_part_a_prefix_is_found_to_the_block() -> None:
    tree = PrefixTree()
    first = tree.add([b"a" * 300 + b"b"])
    tree.add([b"a" * 300 + b"c"])
    assert [end for _, end in tree.chain(first)] == [300 // BLOCK_BYTES * BLOCK_BYTES, 301]


def test_a_longer_prompt_goes_on_from_a_shorter_one() -> None:
    tree = PrefixTree()
    turns = [b"system", b"hello", b"hi, what can I do for you?", b"nothing"]
    chains = [tree.add(turns[: number + 1]) for number in range(4)]
    assert [node for node, _ in tree.chain(chains[-1])] == chains
    # The shorter one may also come later: its number is new, the longer one's stays.
    other = PrefixTree()
    whole, part = other.add(turns), other.add(turns[:2])
    assert [node for node, _ in other.chain(whole)] == [part, whole]
    assert other.add(turns) == whole


def test_an_empty_prompt_is_the_root() -> None:
    tree = PrefixTree()
    assert tree.add([]) == tree.add([b"", b""]) == 0
    assert tree.chain(0) == ()
    assert len(tree) == 1


def test_a_sealed_tree_is_the_same_and_takes_nothing_more() -> None:
    tree = PrefixTree()
    chains = [tree.add([b"s" * 1000, question]) for question in (b"how", b"where")]
    before = [tree.chain(chain) for chain in chains], tree.shape()
    tree.seal()
    assert ([tree.chain(chain) for chain in chains], tree.shape()) == before
    with pytest.raises(RuntimeError, match="sealed"):
        tree.add([b"more"])


@given(PROMPTS)
def test_every_shared_prefix_is_a_node_of_both(prompts: list[list[bytes]]) -> None:
    tree = PrefixTree()
    chains = [tree.add(prompt) for prompt in prompts]
    assert chains == [tree.add(prompt) for prompt in prompts]
    for prompt, chain in zip(prompts, chains, strict=True):
        ends = [end for _, end in tree.chain(chain)]
        shared = {shared_bytes(prompt, other) for other in prompts} - {0}
        assert set(ends) == shared
        assert ends == sorted(shared)
        for other, its in zip(prompts, chains, strict=True):
            common = {node for node, _ in tree.chain(chain)} & {node for node, _ in tree.chain(its)}
            assert max((tree.ends[node] for node in common), default=0) == shared_bytes(prompt, other)
            assert (its == chain) == (blocks_of(prompt) == blocks_of(other))


@given(PROMPTS)
def test_the_form_of_a_tree(prompts: list[list[bytes]]) -> None:
    tree = PrefixTree()
    for prompt in prompts:
        tree.add(prompt)
    shape = tree.shape()
    assert sorted(shape.upwards) == list(range(1, len(tree)))
    below = {node: [other for other in range(1, len(tree)) if tree.parents[other] == node] for node in range(len(tree))}
    at = {node: place for place, node in enumerate(shape.upwards)}
    assert all(at[node] < at[tree.parents[node]] for node in at if tree.parents[node])
    for node, under in below.items():
        goes_on = [other for other in under if shape.top[other] != other]
        # One node below goes on with the path, that with most below itself; a path begins below the root.
        assert len(goes_on) == (1 if under and node else 0)
        assert all(shape.top[other] == shape.top[node] for other in goes_on)
        sizes = {other: sum(other in _line(tree, low) for low in range(1, len(tree))) for other in under}
        assert all(sizes[other] == max(sizes.values()) for other in goes_on)
    tree.add([b"something new"])
    assert len(tree.shape().top) == len(tree)


def _line(tree: PrefixTree, node: int) -> list[int]:
    return [step for step, _ in tree.chain(node)]
