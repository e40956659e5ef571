"""A small encoder that reads a human point and a judge's reason together, combined with cosine and word overlap.

Cosine and word overlap measure the topic and cannot tell opposites apart; a small cross-encoder recognises opposites and
little else. The score is the sigmoid of a weighted sum of all three. The cross-encoder was trained to correct the other two.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from rightly.errors import InputError, MissingExtraError
from rightly.matchers.embedding import Embedder
from rightly.matchers.lexical import content_words, overlap
from rightly.matchers.packaged_encoder import base_path
from rightly.references import Side, rename_references, subject_side
from rightly.types import Frozen

_CARD = "matcher.json"
FLOOR = 0.1
"""Scores below this give no link."""
_TOKENS = 4096


class MatcherCard(Frozen):
    """Description of a trained matcher, stored as ``matcher.json`` next to its weights.

    Attributes:
        base: Encoder that the training started from: `PACKAGED`, a folder or a hub id.
        prior: Weights of cosine, word overlap and 1 in the logit that the cross-encoder was trained to correct.
        weights: Weights of the cross-encoder's logit, cosine, word overlap and 1 in the logit of the score, calibrated on
            written points held out of the training.
        ceiling: Largest logit of the cross-encoder on those points.
        operating_point: Score at or above which two texts make the same point.
        max_length: Maximum number of tokens of a pair.
        max_words: Number of words that nearly all texts of the training data stay within.
        sources: Number of training rows by source and kind.
        held_out: Debates, topics and shares that no training row came from.
    """

    base: str
    prior: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weights: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    ceiling: float = float("inf")
    operating_point: float = 0.5
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
    """Scores pairs of texts.

    Args:
        model: A sequence-classification model with one label.
        tokenizer: Its tokenizer.
        embedder: Untrained base encoder, for cosines.
        card: Calibration and limits of the matcher.
    """

    def __init__(self, model: Any, tokenizer: Any, embedder: Embedder, card: MatcherCard) -> None:
        self.model, self.tokenizer, self.embedder, self.card = model, tokenizer, embedder, card

    @classmethod
    def load(cls, folder: Path) -> "CrossEncoder":
        """Load a trained matcher.

        Raises:
            InputError: It cannot be loaded.
            MissingExtraError: torch, transformers or the base is not installed.
        """
        card = read_card(folder)
        try:
            from peft import PeftModel
            from transformers import AutoTokenizer
            from transformers.utils import logging
        except ImportError as error:
            raise MissingExtraError("a trained matcher", "embedded") from error
        logging.disable_progress_bar()
        try:
            model = new_classifier(base_path(card.base))
            adapted = PeftModel.from_pretrained(model, str(folder))
            merged: Any = adapted.merge_and_unload()  # type: ignore[operator]
            tokenizer = AutoTokenizer.from_pretrained(base_path(card.base))
            return cls(merged.eval(), tokenizer, Embedder(base_path(card.base)), card)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"cannot be loaded ({str(error).splitlines()[0]})", where=str(folder)) from error

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Uncalibrated logits, ``(len(pairs),)``; batches hold texts of similar length."""
        import torch

        encoded = [self.encode(*pair) for pair in pairs]
        order = sorted(range(len(pairs)), key=lambda place: len(encoded[place]["input_ids"]))
        found = np.zeros(len(pairs))
        with torch.inference_mode():
            for places in _batches(order, [len(each["input_ids"]) for each in encoded]):
                batch = self.tokenizer.pad([encoded[place] for place in places], return_tensors="pt")
                found[places] = self.model(**batch.to(self.model.device)).logits[:, 0].float().cpu().numpy()
        return found

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Calibrated score in [0, 1] for how far the second text covers the first.

        If cosine and word overlap are so low that not even the calibration's largest logit would lift the pair to `FLOOR`, the
        cross-encoder does not read it and its score is 0.
        """
        own, *surface = self.card.weights
        logits = self.surface(pairs) @ np.array(surface)
        near = np.flatnonzero(logits + own * self.card.ceiling >= np.log(FLOOR / (1 - FLOOR))).tolist()
        logits[near] += own * self.logits([pairs[place] for place in near])
        scores = np.zeros(len(pairs))
        scores[near] = 1 / (1 + np.exp(-logits[near]))
        return scores

    def evidence(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Logit of the cross-encoder, cosine, word overlap and 1, ``(len(pairs), 4)``."""
        return np.column_stack([self.logits(pairs), self.surface(pairs)])

    def surface(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Cosine, word overlap and 1, ``(len(pairs), 3)``; a text is embedded once."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        place = {text: number for number, text in enumerate(texts)}
        vectors, words = self.embedder.vectors(texts), [content_words(text) for text in texts]
        one, other = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
        cosines = np.einsum("ij,ij->i", vectors[one], vectors[other])
        overlaps = [overlap(words[i], words[j]) for i, j in zip(one, other, strict=True)]
        return np.column_stack([cosines, overlaps, np.ones(len(pairs))])

    def encode(self, reference: str, candidate: str) -> dict[str, list[int]]:
        """Token ids of a pair, responses named by role, truncated to the card's length."""
        one, other = by_role(reference, candidate)
        return dict(self.tokenizer(one, other, truncation=True, max_length=self.card.max_length))


def new_classifier(path: str) -> Any:
    """An encoder with a new head of one label.

    Raises:
        InputError: The model does not exist.
    """
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()  # the head is new on purpose
    try:
        return AutoModelForSequenceClassification.from_pretrained(path, num_labels=1)
    except (OSError, ValueError) as error:
        raise InputError(f"no encoder can be loaded ({str(error).splitlines()[0]})", where=path) from error
    finally:
        logging.set_verbosity(before)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    batches: list[list[int]] = []
    for place in order:
        if not batches or (len(batches[-1]) + 1) * lengths[place] > _TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches
