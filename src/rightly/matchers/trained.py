"""A trained cross-encoder as a matcher: it needs no endpoint, and rules gate the learned scores."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rightly.errors import InputError
from rightly.matchers.base import Link, Match
from rightly.matchers.bases import base_path
from rightly.matchers.cross_encoder import (
    FLOOR,
    CrossEncoder,
    MatcherCard,
    Relation,
    evidence,
    mutual_entailment,
    read_card,
    scores,
)
from rightly.matchers.gathering import Gathering
from rightly.matchers.lexical import weighted_overlap
from rightly.matchers.response_filter import compatible, damped, same_response
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.version import __version__

SHIPPED = ("minilm",)
"""Matchers whose weights are part of the package; ``./minilm`` names a folder."""
ENTAILED = 0.5
"""Operating point of entailment in both directions: each is likelier than not."""
_LATIN = 0x250


def local_fingerprint(folder: str | Path | None, relation: str = "same") -> str:
    """Identity of a trained matcher: its weights, its calibration, its base and the relation that it is asked for.

    Raises:
        InputError: The folder holds no trained matcher, or its base is not the one that it was trained from.
    """
    path = matcher_folder(folder)
    card, changes = read_card(path), model_fingerprint(path)
    base = _checked_base(card, path)
    return fingerprint("local", version=__version__, changes=changes, base=base, relation=_relation(relation))


def matcher_folder(folder: str | Path | None) -> Path:
    """The folder that a spec's target names: one of `SHIPPED`, or a path.

    Raises:
        InputError: There is no target.
    """
    if folder is None:
        shipped = " or ".join(f"local:{name}" for name in SHIPPED)
        raise InputError("'local' names no matcher", fix=f"write {shipped}, or local:FOLDER of rightly train matcher")
    if str(folder) in SHIPPED:
        return Path(str(resources.files("rightly.matchers").joinpath("shipped", str(folder))))
    return Path(folder)


class LocalMatcher:
    """Scores every point against every reason with a trained cross-encoder.

    Args:
        folder: One of `SHIPPED`, or the folder of a trained matcher (`rightly train matcher`).
        relation: ``same``: both make the same point, with all its conditions (for consistency and rewards). ``covers``: the
            reason says at least what the point says (for summaries and long reasons). ``entails``: each entails the other,
            by the entailment logits alone, without rules or calibration (for comparison).

    Raises:
        InputError: The folder holds no trained matcher, its base is another one, or there is no such relation.
    """

    concurrency = 64
    smoke_only = False
    free = True

    def __init__(self, folder: str | Path | None, relation: str = "same") -> None:
        self._folder = matcher_folder(folder)
        self.card = read_card(self._folder)
        self.relation = _relation(relation)
        suffix = "" if relation == "same" else f"?relation={relation}"
        self.name, self.fingerprint = f"local:{folder}{suffix}", local_fingerprint(folder, relation)
        self._calibration = self.card.covers if self.relation == "covers" else self.card.same
        self.operating_point = ENTAILED if self.relation == "entails" else self._calibration.operating_point
        self.held_out: frozenset[str] | None = frozenset(self.card.held_out)
        self._model: CrossEncoder | None = None
        self._logits: Gathering[tuple[str, str], NDArray[np.float64]] = Gathering(self._compute)

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the reasons that make, cover or entail a point, those at or above the operating point.

        ``detail`` counts the texts unlike the training data.
        """
        found = await self.graded(reference, candidate)
        return found.model_copy(
            update={"links": tuple(link for link in found.links if link.score >= self.operating_point)}
        )

    async def graded(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """All scores from `FLOOR` on as links."""
        if not reference or not candidate:
            return Match()
        found = await self._scores(reference, candidate)
        links = [
            Link(reference=place // len(candidate), candidate=place % len(candidate), score=round(float(score), 3))
            for place, score in enumerate(found)
            if score >= FLOOR
        ]
        strange = [text for text in (*reference, *candidate) if self.is_strange(text)]
        n_texts = len(reference) + len(candidate)
        detail = f"unlike the training data: {len(strange)} of {n_texts} texts" if strange else ""
        return Match(links=tuple(links), detail=detail)

    async def _scores(self, reference: Sequence[str], candidate: Sequence[str]) -> NDArray[np.float64]:
        pairs = [(point, reason) for point in reference for reason in candidate]
        turned = [(reason, point) for point, reason in pairs] if self.relation == "entails" else []
        logits = await self._logits.values([*pairs, *turned])
        forward = np.array([logits[pair] for pair in pairs])
        if self.relation == "entails":
            return mutual_entailment(forward, np.array([logits[pair] for pair in turned]))
        # The same point is calibrated without the overlap.
        overlap = weighted_overlap(reference, candidate).ravel() if self.relation == "covers" else np.zeros(len(pairs))
        found = scores(evidence(forward, overlap), self._calibration)
        rule = compatible if self.relation == "same" else same_response
        return damped(found, np.array([not rule(*pair) for pair in pairs]))

    def is_strange(self, text: str) -> bool:
        """Whether a text is unlike the training data: much longer, or mostly in another script than Latin."""
        letters = [character for character in text if character.isalpha()]
        foreign = sum(ord(letter) >= _LATIN for letter in letters) > len(letters) / 2
        return foreign or len(text.split()) > self.card.max_words

    def _compute(self, pairs: Sequence[tuple[str, str]]) -> list[NDArray[np.float64]]:
        if self._model is None:
            self._model = CrossEncoder.load(self._folder)
        return list(self._model.logits(pairs))

    async def aclose(self) -> None:
        """Nothing to release: the logits are kept for the next use."""


def _relation(text: str) -> Relation:
    for known in get_args(Relation):
        if text == known:
            return known
    raise InputError(f"relation={text} is unknown", fix=f"use one of {', '.join(get_args(Relation))}")


def _checked_base(card: MatcherCard, folder: Path) -> str:
    """The fingerprint of the base.

    Raises:
        InputError: It is not the one that the changes were made for.
    """
    found = model_fingerprint(base_path(card.base))
    if found != card.made_from:
        raise InputError(
            f"was trained from another {card.base} than the installed one", where=str(folder), fix="train it again"
        )
    return found
