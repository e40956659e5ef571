"""A small model that reads a human point and a judge's reason together and says whether they make the same point.

It answers three questions at once: does the reason entail the point (three logits), do both make the same point, and does the
reason cover the point. The score is the sigmoid of a weighted sum of the logits, calibrated on written points held out of the
training. For coverage, the weighted word overlap of the two lists is added.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from rightly.errors import InputError, MissingExtraError
from rightly.matchers.bases import N_LOGITS, NLI, load_classifier, load_tokenizer
from rightly.references import Side, rename_references, subject_side
from rightly.types import Frozen

_CARD = "matcher.json"
FLOOR = 0.1
"""Scores below this give no link."""
_TOKENS = 4096
_QUESTION = "\nSame point?"

Relation = Literal["same", "covers", "entails"]
"""Whether two texts make the same point, the second says (at least) what the first says, or each entails the other."""


Weights = tuple[float, float, float, float, float, float, float]
"""Weights of the `N_LOGITS` logits, of the weighted word overlap, and of 1."""


class Calibration(Frozen):
    """How the score of one relation is made.

    Attributes:
        weights: Weights of the evidence in the logit of the score.
        operating_point: Score at or above which the relation holds.
    """

    weights: Weights = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    operating_point: float = 0.5


class MatcherCard(Frozen):
    """Description of a trained matcher, stored as ``matcher.json`` next to its weights.

    Attributes:
        base: Model that the training started from: a packaged one, a folder or a hub id.
        made_from: Fingerprint of the base; changes are not added to another one.
        layers: Number of layers that were kept; ``None`` for all.
        same: Calibration for "the same point".
        covers: Calibration for "covers the point".
        max_length: Maximum number of tokens of a pair.
        max_words: Number of words that nearly all texts of the training data stay within.
        sources: Number of training rows by source and kind.
        held_out: Debates and topics that no training row came from.
    """

    base: str
    made_from: str
    layers: int | None = None
    same: Calibration = Calibration()
    covers: Calibration = Calibration()
    max_length: int = 128
    max_words: int = 60
    sources: dict[str, int] = Field(default_factory=dict)
    held_out: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write the card next to the weights."""
        (folder / _CARD).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_card(folder: Path) -> MatcherCard:
    """The card of a trained matcher.

    Raises:
        InputError: The folder holds no trained matcher.
    """
    try:
        return MatcherCard.model_validate_json((folder / _CARD).read_bytes())
    except (OSError, ValidationError):
        raise InputError(
            f"holds no trained matcher (no usable {_CARD})",
            where=str(folder),
            fix="train one: rightly train matcher RECIPE",
        ) from None


def by_role(reference: str, candidate: str) -> tuple[str, str]:
    """Both texts with the response that the point is about renamed to X and the other one to Y.

    A matcher then treats both sides alike and need not learn that "Response 1", "A1" and "the first answer" are the same.
    """
    side = subject_side(reference) or subject_side(candidate)
    names: dict[Side, str] = {"A": "Y", "B": "X"} if side == "B" else {"A": "X", "B": "Y"}
    return rename_references(reference, names), rename_references(candidate, names)


class CrossEncoder:
    """Computes the logits of pairs of texts.

    Args:
        model: A sequence-classification model with `N_LOGITS` labels.
        tokenizer: Its tokenizer; one without a separator (of a decoder) gets both texts as lines, then a question.
        max_length: Maximum number of tokens of a pair.
    """

    def __init__(self, model: Any, tokenizer: Any, max_length: int) -> None:
        self.model, self.tokenizer, self.max_length = model, tokenizer, max_length

    @classmethod
    def load(cls, folder: Path) -> "CrossEncoder":
        """Load a trained matcher.

        Raises:
            InputError: It cannot be loaded.
            MissingExtraError: torch or transformers is not installed.
        """
        card = read_card(folder)
        try:
            from rightly.matchers.weight_changes import apply_changes
        except ImportError as error:
            raise MissingExtraError("a trained matcher", "embedded") from error
        model = load_classifier(card.base, card.layers)
        apply_changes(model, folder)
        return cls(model.eval(), load_tokenizer(card.base), card.max_length)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Uncalibrated logits, ``(len(pairs), N_LOGITS)``; batches hold texts of similar length."""
        import torch

        encoded = [self.encode(*pair) for pair in pairs]
        order = sorted(range(len(pairs)), key=lambda place: len(encoded[place]["input_ids"]))
        found = np.zeros((len(pairs), N_LOGITS))
        with torch.inference_mode():
            for places in _batches(order, [len(each["input_ids"]) for each in encoded]):
                batch = self.tokenizer.pad([encoded[place] for place in places], return_tensors="pt")
                found[places] = self.model(**batch.to(self.model.device)).logits.float().cpu().numpy()
        return found

    def encode(self, reference: str, candidate: str) -> dict[str, list[int]]:
        """Token ids of a pair, responses named by role, truncated to the maximum length."""
        one, other = by_role(reference, candidate)
        options: dict[str, Any] = {"truncation": True, "max_length": self.max_length}
        if self.tokenizer.sep_token is not None:
            return dict(self.tokenizer(one, other, **options))
        question = self.tokenizer(_QUESTION, add_special_tokens=False)["input_ids"]
        options["max_length"] -= len(question)
        ids = self.tokenizer(f"{one}\n{other}", add_special_tokens=False, **options)["input_ids"] + question
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}


def evidence(logits: NDArray[np.float64], overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logits, the weighted word overlap and 1 of each pair, ``(n, N_LOGITS + 2)``."""
    return np.column_stack([logits, overlap, np.ones(len(logits))])


def scores(found: NDArray[np.float64], calibration: Calibration) -> NDArray[np.float64]:
    """Calibrated scores in [0, 1] of rows of `evidence`."""
    return 1 / (1 + np.exp(-(found @ np.array(calibration.weights))))


def mutual_entailment(forward: NDArray[np.float64], backward: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smaller of both probabilities of entailment, of logits in both directions: the usual zero-shot use of an NLI model.

    It is not calibrated for matching.
    """
    shares = []
    for logits in (forward[:, NLI], backward[:, NLI]):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares.append(powers[:, 0] / powers.sum(axis=1))
    return np.minimum(*shares)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    batches: list[list[int]] = []
    for place in order:
        if not batches or (len(batches[-1]) + 1) * lengths[place] > _TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches
