"""Sentence embeddings as a matcher: cosine similarity with the A/B reference gate, for smoke tests.

Cosine measures topic, not agreement: it ranks opposites ("cites a source", "cites no source") above paraphrases. Use it to
test the pipeline, not to measure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rightly.errors import InputError, MissingExtraError
from rightly.matchers.base import MOSTLY, Link, Match
from rightly.matchers.bases import MINILM, base_path
from rightly.matchers.gathering import Gathering
from rightly.matchers.response_filter import compatible, same_response
from rightly.references import strip_references
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.version import __version__

FLOOR = 0.5
"""Similarities below this give no link."""


def embedding_fingerprint(path: str | None = None, filter: str = "") -> str:
    """Identity of the embedding matcher with this model and these rules.

    Raises:
        InputError: The model does not exist, or the value of ``filter`` is unknown.
        MissingExtraError: The packaged model is not installed.
    """
    rules = {"rules": "all"} if _filtered(filter) else {}
    return fingerprint("embedding", version=__version__, model=model_fingerprint(path or base_path(MINILM)), **rules)


class EmbeddingMatcher:
    """Scores two points by the cosine of their embeddings, with response names removed.

    Args:
        path: Folder or hub id of a sentence-transformers model; ``None`` uses the all-MiniLM-L6-v2 that the extra
            ``embedded`` installs.
        filter: ``true`` applies all rules of `rightly.matchers.response_filter.compatible`: besides the response meant, both
            must state a common quantity, if any, and the reason must be more than a verdict.

    Raises:
        InputError: The model does not exist, or ``filter`` is neither ``true`` nor ``false``.
        MissingExtraError: The extra is not installed.
    """

    concurrency = 64
    smoke_only = True
    free = True
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    def __init__(self, path: str | None = None, filter: str = "") -> None:
        plain = f"embedding:{path or 'all-MiniLM-L6-v2'}"
        self.name = f"embedding{f':{path}' if path else ''}?filter=true" if _filtered(filter) else plain
        self._path = path or base_path(MINILM)
        self.fingerprint = embedding_fingerprint(path, filter)
        self._rule = compatible if _filtered(filter) else same_response
        self._model: Embedder | None = None
        self._vectors: Gathering[str, np.ndarray] = Gathering(self._embed)

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the points that are similar enough and that the rules let match."""
        if not reference or not candidate:
            return Match()
        vectors = await self._vectors.values([*reference, *candidate])
        links = []
        for i, point in enumerate(reference):
            for j, reason in enumerate(candidate):
                score = float(vectors[point] @ vectors[reason])
                if score >= FLOOR and self._rule(point, reason):
                    links.append(Link(reference=i, candidate=j, score=round(min(score, 1.0), 4)))
        return Match(links=tuple(links))

    def _embed(self, texts: Sequence[str]) -> list[np.ndarray]:
        if self._model is None:
            self._model = Embedder(self._path)
        return list(self._model.vectors(texts))

    async def aclose(self) -> None:
        """Nothing to release: the embeddings are kept for the next use."""


class Embedder:
    """Unit vectors of texts, with response names removed.

    Args:
        path: Folder or hub id of a sentence-transformers model.

    Raises:
        InputError: The model cannot be loaded.
        MissingExtraError: The extra is not installed.
    """

    def __init__(self, path: str) -> None:
        self._model = _load(path)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of the texts, ``(len(texts), width)``, float32."""
        bare = [strip_references(text) or text for text in texts]
        found = self._model.encode(bare, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)


def _filtered(text: str) -> bool:
    if text not in ("", "true", "false"):
        raise InputError(f"filter={text} is unknown", fix="write filter=true, or leave it out")
    return text == "true"


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
