"""Pairs that contradict each other: the same comparison labelled both ways, cycles, and near-copies of texts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from rightly.types import Frozen, PreferencePair, content_key

BANDS, ROWS = 16, 8
"""Of MinHash: texts of Jaccard similarity j meet with probability 1 - (1 - j^8)^16; one half at 0.67, 0.95 at 0.79."""

SHINGLE = 5


class Conflict(Frozen):
    """Pairs that cannot all be right, or that are there more than once.

    Attributes:
        kind: ``contradiction``: the same two responses, labelled both ways; ``duplicate``: the same, labelled alike;
            ``cycle``: responses to one context that beat each other in a ring; ``near-copy``: contexts and responses that
            share most of their words in a row, labelled both ways.
        ids: The pairs.
    """

    kind: str
    ids: tuple[str, ...]


class ConflictFinder:
    """Takes pairs one by one, keeps hashes only: about 1 KiB a pair."""

    def __init__(self) -> None:
        self._same: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._beats: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
        self._bands: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        self._signatures: list[NDArray[np.uint64]] = []
        self._seen: list[tuple[str, str]] = []

    def add(self, pair: PreferencePair) -> None:
        """Take one labelled pair; pairs of ties and without a label say nothing here."""
        if pair.label in (None, "tie"):
            return
        best = pair.choices.index(str(pair.label))
        texts = [content_key([text]) for text in pair.responses]
        context = pair.context_key
        if len(texts) == 2:
            winner, loser = texts[best], texts[1 - best]
            self._same[content_key([context, *sorted(texts)])].append((pair.id, winner))
            self._sign(pair, best)
        else:
            winner = texts[best]
        for loser in texts:
            if loser != winner:
                self._beats[context].setdefault((winner, loser), pair.id)

    def found(self) -> Iterator[Conflict]:
        """All conflicts, contradictions first."""
        for entries in self._same.values():
            if len(entries) > 1:
                both = len({winner for _, winner in entries}) > 1
                yield Conflict(kind="contradiction" if both else "duplicate", ids=tuple(i for i, _ in entries))
        for edges in self._beats.values():
            yield from _cycles(edges)
        yield from self._near_copies()

    def _sign(self, pair: PreferencePair, best: int) -> None:
        context = " ".join(message.content for message in pair.context)
        number = len(self._seen)
        signature = _minhash(_shingles(f"{context} \x00 {min(pair.responses)} \x00 {max(pair.responses)}"))
        winner = "first" if pair.responses[best] == min(pair.responses) else "second"
        self._seen.append((pair.id, winner))
        self._signatures.append(signature)
        for band in range(BANDS):
            self._bands[band, signature[band * ROWS : (band + 1) * ROWS].tobytes()].append(number)

    def _near_copies(self) -> Iterator[Conflict]:
        reported: set[tuple[int, int]] = set()
        exact = {entry[0] for entries in self._same.values() if len(entries) > 1 for entry in entries}
        for members in self._bands.values():
            for at, one in enumerate(members[:64]):
                for other in members[at + 1 : 64]:
                    (first, a), (second, b) = self._seen[one], self._seen[other]
                    if (one, other) in reported or a == b or {first, second} <= exact:
                        continue
                    if np.mean(self._signatures[one] == self._signatures[other]) >= 0.8:
                        reported.add((one, other))
                        yield Conflict(kind="near-copy", ids=(first, second))


def _cycles(edges: dict[tuple[str, str], str]) -> Iterator[Conflict]:
    """Rings of three or more among the responses to one context, a conflict for each set that is bound together."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    names = sorted({name for edge in edges for name in edge})
    if len(names) < 3:
        return
    place = {name: number for number, name in enumerate(names)}
    rows = [place[winner] for winner, _ in edges]
    columns = [place[loser] for _, loser in edges]
    graph = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(names), len(names)))
    _, part = connected_components(graph, directed=True, connection="strong")
    sizes = np.bincount(part)
    for number in np.flatnonzero(sizes >= 3):
        ids = {edges[e] for e in edges if part[place[e[0]]] == number == part[place[e[1]]]}
        yield Conflict(kind="cycle", ids=tuple(sorted(ids)))


def _shingles(text: str) -> NDArray[np.uint64]:
    words = text.lower().split()
    runs: Iterable[str] = (" ".join(words[i : i + SHINGLE]) for i in range(max(len(words) - SHINGLE + 1, 1)))
    return np.array([int(content_key([run])[:16], 16) for run in set(runs)], dtype=np.uint64)


_RANDOM = np.random.default_rng(20240106)
_FACTORS = _RANDOM.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * 2 + 1
_SHIFTS = _RANDOM.integers(0, 2**63, BANDS * ROWS, dtype=np.uint64)


def _minhash(shingles: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Broder (1997), with multiply-shift hashing over 2^64."""
    mixed = shingles[None, :] * _FACTORS[:, None] + _SHIFTS[:, None]
    return (mixed >> np.uint64(32)).min(axis=1)
