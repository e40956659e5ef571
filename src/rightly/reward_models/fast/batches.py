"""From token ids to the tensors of one pass: a packed row, or a padded batch where packing does not hold."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rightly.reward_models.fast.packing import TokenGroup, by_token_budget, group_sequences, pack, split_group

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Batch = dict[str, "Tensor"]
"""Arguments of the forward that `rightly.reward_models.fast.install` installs."""


def packed_batch(groups: Sequence[TokenGroup]) -> Batch:
    """A packed row; rewards come in the order of groups and branches."""
    row = pack(groups)
    return {"input_ids": row.input_ids, "position_ids": row.position_ids, "spans": row.spans}


def padded_batch(sequences: Sequence[Sequence[int]], pad_id: int) -> Batch:
    """A batch padded on the right; rewards come in the order of the sequences."""
    import torch

    longest = max(map(len, sequences))
    ids = torch.full((len(sequences), longest), pad_id)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "last": mask.sum(dim=1) - 1}


def make_batch(groups: Sequence[TokenGroup], *, packed: bool, pad_id: int) -> Batch:
    """One batch of the groups, either way; rewards come in the order of groups and branches."""
    if packed:
        return packed_batch(groups)
    return padded_batch([sequence for group in groups for sequence in group.sequences()], pad_id)


def to_device(batch: Batch, device: "torch.device") -> Batch:
    """The batch on a device; ``spans`` stays on the CPU, where the layout is made."""
    return {name: value if name == "spans" else value.to(device) for name, value in batch.items()}


Slot = tuple[int, int]
"""A response: number of its group, number of its branch."""


def plan_batches(
    groups: Sequence[TokenGroup], budget: int, *, packed: bool, pad_id: int
) -> Iterator[tuple[list[list[Slot]], Batch]]:
    """All responses of many groups in batches of at most ``budget`` computed tokens, equal sequences once.

    A reward depends, in its last digits, on where in a batch its sequence stands. Two equal sequences would differ by that
    rounding, so one computation answers all of their places.

    Packed rows keep the order of the groups; padded batches are of similar lengths, longest first, so that a lack of
    memory shows at once.

    Yields:
        For every row of the batch the slots that it answers, and the batch.
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
    """Where every distinct sequence stands, in the order of its first place."""
    places: dict[tuple[int, ...], list[Slot]] = {}
    for number, group in enumerate(groups):
        for branch, sequence in enumerate(group.sequences()):
            places.setdefault(sequence, []).append((number, branch))
    return places


def _without_repeats(groups: Sequence[TokenGroup], places: dict[tuple[int, ...], list[Slot]]) -> Iterator[TokenGroup]:
    """The groups with every sequence at its first place only."""
    kept: list[list[tuple[int, ...]]] = [[] for _ in groups]
    for sequence, slots in places.items():
        kept[slots[0][0]].append(sequence)
    for group, own in zip(groups, kept, strict=True):
        if len(own) == len(group.branches):
            yield group
        elif own:
            yield group_sequences(own)
