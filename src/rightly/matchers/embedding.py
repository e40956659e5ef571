"""Sentence embeddings as a matcher: cosine similarity with the A/B reference gate; for smoke runs.

Cosine measures topic, not agreement: it ranks opposites ("cites a source", "cites no source") above paraphrases. Use it to
see the pipeline run, not to measure.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from rightly.errors import InputError, MissingExtraError
from rightly.matchers.base import MOSTLY, Link, Match
from rightly.matchers.packaged_encoder import PACKAGED, base_path
from rightly.matchers.response_filter import same_response
from rightly.references import strip_references
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.version import __version__

FLOOR = 0.5
"""Similarities below this give no link."""


def embedding_fingerprint(path: str | None = None) -> str:
    """Identity of the embedding matcher with this model.

    Raises:
        InputError: There is no such model.
        MissingExtraError: The packaged one is not installed.
    """
    return fingerprint("embedding", version=__version__, model=model_fingerprint(path or base_path(PACKAGED)))


class EmbeddingMatcher:
    """Scores two points by the cosine of their embeddings, response names taken out.

    Args:
        path: Folder or hub id of a sentence-transformers model; ``None`` takes the all-MiniLM-L6-v2 that the extra
            ``embedded`` brings.

    Raises:
        MissingExtraError: The extra is not installed.
    """

    concurrency = 64
    smoke_only = True
    free = True
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    def __init__(self, path: str | None = None) -> None:
        self.name = f"embedding:{path or 'all-MiniLM-L6-v2'}"
        self._path = path or base_path(PACKAGED)
        self.fingerprint = embedding_fingerprint(path)
        self._model: Embedder | None = None
        self._known: dict[str, np.ndarray] = {}
        self._wanted: dict[str, None] = {}
        self._batch: asyncio.Task[None] | None = None

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link what is similar enough and may speak of the same response."""
        if not reference or not candidate:
            return Match()
        await self._learn([*reference, *candidate])
        links = []
        for i, point in enumerate(reference):
            for j, reason in enumerate(candidate):
                score = float(self._known[point] @ self._known[reason])
                if score >= FLOOR and same_response(point, reason):
                    links.append(Link(reference=i, candidate=j, score=round(min(score, 1.0), 4)))
        return Match(links=tuple(links))

    async def _learn(self, texts: Sequence[str]) -> None:
        """Embed what is new, together with what all waiting matches need: one large batch is cheaper than many small."""
        self._wanted.update(dict.fromkeys(text for text in texts if text not in self._known))
        while any(text not in self._known for text in texts):
            if self._batch is None or self._batch.done():
                self._batch = asyncio.ensure_future(self._embed_wanted())
            await self._batch

    async def _embed_wanted(self) -> None:
        await asyncio.sleep(0)
        wanted, self._wanted = list(self._wanted), {}
        self._known.update(await asyncio.to_thread(self._embed, wanted))

    def _embed(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        if self._model is None:
            self._model = Embedder(self._path)
        return dict(zip(texts, self._model.vectors(texts), strict=True))

    async def aclose(self) -> None:
        """Nothing to release: the embeddings stay for the next use."""


class Embedder:
    """Unit vectors of texts, response names taken out.

    Args:
        path: Folder or hub id of a sentence-transformers model.

    Raises:
        InputError: It cannot be loaded.
        MissingExtraError: The extra is not installed.
    """

    def __init__(self, path: str) -> None:
        self._model = _load(path)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """``(len(texts), width)``, float32."""
        bare = [strip_references(text) or text for text in texts]
        found = self._model.encode(bare, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)


def _load(path: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("the embedding matcher", "embedded") from error
    logging.disable_progress_bar()
    try:
        return SentenceTransformer(path)
    except (OSError, ValueError) as error:
        raise InputError(f"embedding:{path} cannot be loaded ({str(error).splitlines()[0]})") from error
