"""From preference pairs to what a step needs: token groups with the preferred response first, and the loss's terms."""

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
    """A labelled pair in tokens.

    Attributes:
        id: The pair's id.
        key: Its content key.
        cluster: Key of its context; pairs that share one are not independent.
        group: Token ids; branch 0 is the preferred response.
        lengths: Tokens of the responses, preferred first.
        target: Probability that the label is right.
        stated: Whether the data state the target: a tie, or a target of the pair's own.
        margin: What the difference of rewards should exceed.
        weight: Of the pair in the loss.
        ranks: Places of the responses, preferred first; ``None`` where only the best is known.
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
    """What became of the pairs of a source; nothing is left out in silence.

    Attributes:
        read: Pairs in the source.
        used: Pairs that are trained or evaluated on.
        unlabelled: Left out: no label.
        ties: Left out: a tie.
        no_difference: Left out: all responses are the same tokens, identical or identical up to the maximum length.
        truncated: Used, but at least one sequence was cut to the maximum length.
        tokens: Of all sequences that are used, as scored.
        tokens_cut: Tokens that did not fit.
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
    """Encode labelled pairs that have a difference.

    Args:
        pairs: Any.
        model: Its contract says how.
        loss: What the targets of plain labels are smoothed by.
        ties: ``"skip"`` leaves ties out, ``"half"`` takes those of two responses with a target of 1/2.
        where: What an error calls the source.

    Raises:
        InputError: No pair is left.
        PairError: The template refuses a pair.
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
            f"no pair to learn from among {counts['read']}: {left_out}",
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
