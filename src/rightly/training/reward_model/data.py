"""Convert preference pairs to training data: token groups with the preferred response first, and loss terms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rightly.errors import InputError, about_pair
from rightly.reward_models.contract import Encoded
from rightly.reward_models.fast.packing import TokenGroup, first_places, group_sequences
from rightly.training.reward_model.recipe import LossTable
from rightly.types import Frozen, PreferencePair

if TYPE_CHECKING:
    from rightly.reward_models.model import RewardModel


@dataclass(frozen=True)
class TrainingPair:
    """A tokenised labelled pair.

    Attributes:
        id: Id of the pair.
        key: Content key of the pair.
        cluster: Key of the context; pairs with the same context are not independent.
        group: Token ids; branch 0 is the preferred response.
        lengths: Lengths of the responses in tokens, preferred first.
        target: Probability that the label is right.
        stated: Whether the target comes from the data: a tie, or the pair's own target.
        margin: Margin that the difference of rewards should exceed.
        weight: Weight of the pair in the loss.
        ranks: Ranks of the responses, preferred first; ``None`` if only the best is known.
        strength: Strength of the label in the units of its source.
    """

    id: str
    key: str
    cluster: str
    group: TokenGroup
    lengths: tuple[int, ...]
    target: float
    stated: bool
    margin: float
    weight: float
    ranks: tuple[int, ...] | None
    strength: float | None


class DataCounts(Frozen):
    """Counts of used and excluded pairs of a source, so that no exclusion is silent.

    Attributes:
        read: Number of pairs in the source.
        used: Number of pairs used for training or evaluation.
        unlabelled: Number of pairs excluded because they have no label.
        ties: Number of pairs excluded because they are ties.
        no_difference: Number of pairs excluded because all responses have the same tokens, at least up to the maximum length.
        truncated: Number of used pairs with at least one sequence truncated to the maximum length.
        tokens: Number of tokens of all used sequences, as scored.
        tokens_cut: Number of truncated tokens.
    """

    read: int = 0
    used: int = 0
    unlabelled: int = 0
    ties: int = 0
    no_difference: int = 0
    truncated: int = 0
    tokens: int = 0
    tokens_cut: int = 0


def prepare_pairs(
    pairs: Iterable[PreferencePair], model: "RewardModel", loss: LossTable, *, ties: str = "skip", where: str = ""
) -> tuple[list[TrainingPair], DataCounts]:
    """Encode labelled pairs whose responses differ.

    Args:
        pairs: Pairs of any kind; unusable ones are excluded and counted.
        model: Reward model whose contract defines the encoding.
        loss: Loss table with the label smoothing for plain labels.
        ties: ``"skip"`` excludes ties, ``"half"`` uses ties of two responses with a target of 1/2.
        where: Name of the source in errors.

    Raises:
        InputError: No pair remains.
        PairError: The template rejects a pair.
    """
    prepared: list[TrainingPair] = []
    counts = dict.fromkeys(DataCounts.model_fields, 0)
    for pair in pairs:
        counts["read"] += 1
        if pair.label is None:
            counts["unlabelled"] += 1
            continue
        if pair.label == "tie" and (ties == "skip" or len(pair.responses) > 2):
            counts["ties"] += 1
            continue
        order = _preferred_first(pair)
        with about_pair(pair.id, pair.content_key):
            found = model.encode(pair.context, [pair.responses[i] for i in order], truncate_together=True)
        if not any(first_places([each.ids for each in found])):
            counts["no_difference"] += 1
            continue
        prepared.append(_training_pair(pair, found, order, loss))
        counts["used"] += 1
        counts["truncated"] += any(each.truncated for each in found)
        counts["tokens"] += sum(len(each.ids) for each in found)
        counts["tokens_cut"] += sum(each.truncated for each in found)
    if not prepared:
        left_out = (
            f"{counts['unlabelled']} unlabelled, {counts['ties']} ties, {counts['no_difference']} without a difference"
        )
        raise InputError(
            f"no usable training pair among {counts['read']}: {left_out}",
            where=where,
            fix="give pairs with a label A, B, ... whose responses differ within the model's "
            f"{model.contract.max_length} tokens (max_length)",
        )
    return prepared, DataCounts(**counts)


def _preferred_first(pair: PreferencePair) -> list[int]:
    best = 0 if pair.label == "tie" else pair.choices.index(pair.label)  # type: ignore[arg-type]
    return [best, *(i for i in range(len(pair.responses)) if i != best)]


def _training_pair(pair: PreferencePair, found: Sequence[Encoded], order: list[int], loss: LossTable) -> TrainingPair:
    target = pair.target
    if target is None:
        target = 0.5 if pair.label == "tie" else 1 - loss.label_smoothing
    return TrainingPair(
        id=pair.id,
        key=pair.content_key,
        cluster=pair.context_key if pair.context else pair.id,
        group=group_sequences([each.ids for each in found]),
        lengths=tuple(each.response_tokens for each in found),
        target=target,
        stated=pair.target is not None or pair.label == "tie",
        margin=pair.margin or 0.0,
        weight=1.0 if pair.weight is None else pair.weight,
        ranks=None if pair.ranks is None else tuple(pair.ranks[i] for i in order),
        strength=pair.degree,
    )
