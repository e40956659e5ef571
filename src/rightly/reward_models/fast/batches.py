"""Convert token ids to the tensors of one forward pass: a packed row, or a padded batch if packing is unsupported."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rightly.reward_models.fast.packing import TokenGroup, by_token_budget, group_sequences, pack, split_group

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Batch = dict[str, "Tensor"]
"""Arguments of the forward method installed by `rightly.reward_models.fast.install`."""


def packed_batch(groups: Sequence[TokenGroup]) -> Batch:
    """Make a packed row; rewards are in the order of groups and branches."""
    row = pack(groups)
    return {"input_ids": row.input_ids, "position_ids": row.position_ids, "spans": row.spans}


def padded_batch(sequences: Sequence[Sequence[int]], pad_id: int) -> Batch:
    """Make a batch padded on the right; rewards are in the order of the sequences."""
    import torch

    longest = max(map(len, sequences))
    ids = torch.full((len(sequences), longest), pad_id)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "last": mask.sum(dim=1) - 1}


def make_batch(groups: Sequence[TokenGroup], *, packed: bool, pad_id: int) -> Batch:
    """Make one batch of the groups, packed or padded; rewards are in the order of groups and branches."""
    if packed:
        return packed_batch(groups)
    return padded_batch([sequence for group in groups for sequence in group.sequences()], pad_id)


def to_device(batch: Batch, device: "torch.device") -> Batch:
    """Move the batch to a device; ``spans`` stays on the CPU, where the layout is made."""
    return {name: value if name == "spans" else value.to(device) for name, value in batch.items()}


Slot = tuple[int, int]
"""A response, as the numbers of its group and its branch."""


def plan_batches(
    groups: Sequence[TokenGroup], budget: int, *, packed: bool, pad_id: int
) -> Iterator[tuple[list[list[Slot]], Batch]]:
    """Plan batches of at most ``budget`` computed tokens for all responses of many groups, equal sequences once.

    The last digits of a reward depend on its sequence's position in a batch. Two equal sequences would differ by that
    rounding, so they are computed once.

    Packed rows keep the order of the groups. Padded batches have similar lengths, longest first, so that a lack of memory
    appears in the first batch.

    Yields:
        The slots of every row of the batch, and the batch.
    """
    places = _places(groups)
    if packed:
        parts = [part for group in _without_repeats(groups, places) for part in split_group(group, budget)]
        for batch in by_token_budget(parts, budget):
            yield [places[sequence] for part in batch for sequence in part.sequences()], packed_batch(batch)
        return
    rows = sorted(places, key=lambda sequence: -len(sequence))
    while rows:
        count = max(budget // len(rows[0]), 1)
        yield [places[sequence] for sequence in rows[:count]], padded_batch(rows[:count], pad_id)
        rows = rows[count:]


def _places(groups: Sequence[TokenGroup]) -> dict[tuple[int, ...], list[Slot]]:
    """The slots of every distinct sequence, in the order of its first slot."""
    places: dict[tuple[int, ...], list[Slot]] = {}
    for number, group in enumerate(groups):
        for branch, sequence in enumerate(group.sequences()):
            places.setdefault(sequence, []).append((number, branch))
    return places


def _without_repeats(groups: Sequence[TokenGroup], places: dict[tuple[int, ...], list[Slot]]) -> Iterator[TokenGroup]:
    """The groups with every sequence only at its first slot."""
    kept: list[list[tuple[int, ...]]] = [[] for _ in groups]
    for sequence, slots in places.items():
        kept[slots[0][0]].append(sequence)
    for group, own in zip(groups, kept, strict=True):
        if len(own) == len(group.branches):
            yield group
        elif own:
            yield group_sequences(own)
