"""A trained cross-encoder as a matcher: it needs no endpoint, and rules gate the learned scores."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rightly.errors import InputError
from rightly.matchers.base import Link, Match
from rightly.matchers.cross_encoder import FLOOR, CrossEncoder, read_card
from rightly.matchers.packaged_encoder import base_path
from rightly.matchers.response_filter import same_quantities, same_response, says_nothing
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.version import __version__

INCOMPATIBLE_FACTOR = 0.2
"""Factor for a score that a gate rejects: below "touched" on the MetaJudge's scale, yet in the learned order."""
_LATIN = 0x250


def local_fingerprint(folder: str | Path | None) -> str:
    """Identity of a trained matcher: its adapter, its calibration and its base.

    Raises:
        InputError: The folder holds no trained matcher.
    """
    folder = _named(folder)
    base = model_fingerprint(base_path(read_card(folder).base))
    return fingerprint("local", version=__version__, adapter=model_fingerprint(folder), base=base)


class LocalMatcher:
    """Scores every point against every reason with a trained cross-encoder.

    Args:
        folder: Folder of a trained matcher (`rightly train matcher`).

    Raises:
        InputError: The folder holds no trained matcher.
    """

    concurrency = 64
    smoke_only = False
    free = True

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = _named(folder)
        self.card = read_card(self._folder)
        self.name, self.fingerprint = f"local:{folder}", local_fingerprint(self._folder)
        self.operating_point = self.card.operating_point
        self.held_out: frozenset[str] | None = frozenset(self.card.held_out)
        self._model: CrossEncoder | None = None
        self._known: dict[tuple[str, str], float] = {}
        self._wanted: dict[tuple[str, str], None] = {}
        self._batch: asyncio.Task[None] | None = None

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the reasons that cover a point; ``detail`` counts the texts unlike the training data."""
        if not reference or not candidate:
            return Match()
        await self._learn([(point, reason) for point in reference for reason in candidate])
        links = []
        for i, point in enumerate(reference):
            for j, reason in enumerate(candidate):
                score = self._known[point, reason] * (1.0 if compatible(point, reason) else INCOMPATIBLE_FACTOR)
                if score >= FLOOR:
                    links.append(Link(reference=i, candidate=j, score=round(score, 3)))
        strange = [text for text in (*reference, *candidate) if self.is_strange(text)]
        detail = (
            f"unlike the training data: {len(strange)} of {len(reference) + len(candidate)} texts" if strange else ""
        )
        return Match(links=tuple(links), detail=detail)

    def is_strange(self, text: str) -> bool:
        """Whether a text is unlike the training data: much longer, or mostly in another script than Latin."""
        letters = [character for character in text if character.isalpha()]
        foreign = sum(ord(letter) >= _LATIN for letter in letters) > len(letters) / 2
        return foreign or len(text.split()) > self.card.max_words

    async def _learn(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Score the new pairs of all waiting matches together: one large batch is cheaper than many small ones."""
        self._wanted.update(dict.fromkeys(pair for pair in pairs if pair not in self._known))
        while any(pair not in self._known for pair in pairs):
            if self._batch is None or self._batch.done():
                self._batch = asyncio.ensure_future(self._score_wanted())
            await self._batch

    async def _score_wanted(self) -> None:
        await asyncio.sleep(0)
        wanted, self._wanted = list(self._wanted), {}
        self._known.update(zip(wanted, await asyncio.to_thread(self._score, wanted), strict=True))

    def _score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if self._model is None:
            self._model = CrossEncoder.load(self._folder)
        return self._model.scores(pairs).tolist()

    async def aclose(self) -> None:
        """Nothing to release: the scores are kept for the next use."""


def compatible(point: str, reason: str) -> bool:
    """Whether the rules let a reason match a point: same response, same quantities, and more than a verdict."""
    return same_response(point, reason) and same_quantities(point, reason) and not says_nothing(reason)


def _named(folder: str | Path | None) -> Path:
    if folder is None:
        raise InputError("'local' names no folder", fix="write local:FOLDER, the output of rightly train matcher")
    return Path(folder)
