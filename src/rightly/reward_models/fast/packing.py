"""Pack responses to one prompt into one flat row: the prompt once, then a branch for each response, no padding.

A *group* is a prompt's token ids and the token ids of each response after it. Groups are consecutive in a row of ``T``
tokens. Positions restart after the prompt for every branch, so that each response sees the same tokens as on its own.

Prompt sharing follows Krell et al., "Efficient Sequence Packing without Cross-contamination" (2021), extended from
rows of sequences to rows of trees of depth two.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MIN_SHARED = 8
"""Minimum length of a shared prefix: for shorter ones the extra attention calls cost more than they save."""


@dataclass(frozen=True)
class TokenGroup:
    """Token ids of a prompt and of the responses to it.

    Attributes:
        prefix: Token ids shared by the responses; may be empty.
        branches: Following token ids, one non-empty branch per response; the last token is pooled.
    """

    prefix: tuple[int, ...]
    branches: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """Number of computed tokens."""
        return len(self.prefix) + sum(map(len, self.branches))

    def sequences(self) -> list[tuple[int, ...]]:
        """The separate sequences, one per response."""
        return [self.prefix + branch for branch in self.branches]


def group_sequences(sequences: Sequence[Sequence[int]]) -> TokenGroup:
    """The group that shares the longest common prefix of the token ids.

    The prefix stops one token before the end of the shortest sequence, so that every branch has a token to pool. It is
    found in the ids, not in the text: a tokeniser may join the end of a prompt with the start of a response.

    Args:
        sequences: Token ids of every response with its prompt; none may be empty.

    Raises:
        ValueError: There is no sequence, or one is empty.
    """
    if not sequences or not all(map(len, sequences)):
        raise ValueError("every response needs at least one token")
    if len(sequences) == 1:
        return TokenGroup((), (tuple(sequences[0]),))
    low, high = (
        min(map(tuple, sequences)),
        max(map(tuple, sequences)),
    )  # a prefix common to the extremes is common to all
    limit = min(map(len, sequences)) - 1
    shared = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), limit)
    shared = min(shared, limit)
    if shared < MIN_SHARED:
        shared = 0
    return TokenGroup(tuple(sequences[0][:shared]), tuple(tuple(s[shared:]) for s in sequences))


def first_places(sequences: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """For every token sequence, the index of the first equal one."""
    places: dict[tuple[int, ...], int] = {}
    return tuple(places.setdefault(tuple(ids), place) for place, ids in enumerate(sequences))


@dataclass(frozen=True)
class PackedBatch:
    """Groups as one flat row; tensors have the names of the model's forward arguments.

    Attributes:
        input_ids: Token ids, ``(1, T)`` int64.
        position_ids: Positions, ``(1, T)`` int64, restarted after the prompt for every branch.
        spans: Start and end of the prompt, start and end of the branch, one row per response, ``(N, 4)`` int64 on the CPU.
    """

    input_ids: "torch.Tensor"
    position_ids: "torch.Tensor"
    spans: "torch.Tensor"


def pack(groups: Sequence[TokenGroup]) -> PackedBatch:
    """Pack groups into one row; responses keep the order of groups and branches."""
    import torch

    ids: list[int] = []
    positions: list[int] = []
    spans: list[tuple[int, int, int, int]] = []
    for group in groups:
        shared = bool(group.prefix)
        start = len(ids)
        ids.extend(group.prefix)
        positions.extend(range(len(group.prefix)))
        end = len(ids)
        for branch in group.branches:
            first = len(ids)
            ids.extend(branch)
            positions.extend(range(len(group.prefix), len(group.prefix) + len(branch)))
            prompt = (start, end) if shared else (first, first)
            spans.append((*prompt, first, len(ids)))
    return PackedBatch(torch.tensor([ids]), torch.tensor([positions]), torch.tensor(spans))


def by_token_budget(groups: Iterable[TokenGroup], budget: int) -> Iterator[list[TokenGroup]]:
    """Split groups into consecutive batches within a budget of computed tokens; a larger group is its own batch.

    Args:
        groups: Groups to batch.
        budget: Maximum number of tokens of a flat row.
    """
    batch: list[TokenGroup] = []
    used = 0
    for group in groups:
        if batch and used + group.tokens > budget:
            yield batch
            batch, used = [], 0
        batch.append(group)
        used += group.tokens
    if batch:
        yield batch


def split_group(group: TokenGroup, budget: int) -> list[TokenGroup]:
    """Split a group into parts that each fit a budget, if possible; every part computes the prompt again."""
    parts: list[TokenGroup] = []
    branches: list[tuple[int, ...]] = []
    used = len(group.prefix)
    for branch in group.branches:
        if branches and used + len(branch) > budget:
            parts.append(TokenGroup(group.prefix, tuple(branches)))
            branches, used = [], len(group.prefix)
        branches.append(branch)
        used += len(branch)
    return [*parts, TokenGroup(group.prefix, tuple(branches))]
