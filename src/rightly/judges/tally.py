"""Outcome figures of a judged file of any length, in twelve bytes of memory per pair."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rightly.judges.base import JudgeIdentity
from rightly.types import Choice, FailureKind, Frozen, Judgment, PreferencePair, content_key, letter_of

_MOST = 99
"""Number of responses whose names can be counted: as many as a pair may have."""
_CODES: dict[Choice | None, int] = {None: 0, "tie": 1} | {letter_of(place): place + 2 for place in range(_MOST)}


class JudgeTally(Frozen):
    """Counts of one judge's judgments.

    Attributes:
        judge: Name of the judge.
        n_judgments: Number of judgments; both orders count.
        verdicts: Number of judgments by verdict; verdicts for a third response and later ones only where there are any.
        failures: Number of judgments without a verdict, by failure kind.
        unread: Number of verdicts whose reasons could not be read; prose counts as unread until an audit splits it.
        n_labelled: Number of pairs with a side as label and at least one request that did not fail.
        accuracy: Outcome accuracy over these pairs by the pair rule (orders add up; a tie is wrong, and so is a pair with
            the judge's own failure in either order); ``None`` without such pairs.
    """

    judge: str
    n_judgments: int
    verdicts: dict[str, int]
    failures: dict[FailureKind, int]
    unread: int = 0
    n_labelled: int
    accuracy: float | None

    def ends(self) -> Iterator[tuple[str, str | None]]:
        """The ways in which the judgments ended, with the judge's name: failure kinds, and ``None`` for verdicts."""
        yield from ((self.judge, kind) for kind in self.failures)
        if any(self.verdicts.values()):
            yield self.judge, None


class LabelIndex:
    """Stores the label of every pair in a stream: 11 MB per million pairs with one judge, where a dict takes 290 MB.

    Args:
        judges: The judges whose judgments will be counted.
    """

    def __init__(self, judges: Sequence[JudgeIdentity]) -> None:
        self._keys, self._labels = array("Q"), array("b")
        self._names = {judge.fingerprint: judge.name for judge in judges if not judge.held_out_person}
        self._people = {judge: array("Q") for judge in judges if judge.held_out_person}

    def watch(self, pairs: Iterable[PreferencePair]) -> Iterator[PreferencePair]:
        """Yield the pairs unchanged and store their labels."""
        for pair in pairs:
            self._keys.append(_short(pair.id, pair.content_key))
            self._labels.append(_CODES.get(pair.label, 0))
            for person, makers in self._people.items():
                makers.append(_short(person.made_by(pair)))
            yield pair

    def tally(self, judgments: Iterable[Judgment]) -> list[JudgeTally]:
        """Count these judges' judgments of the watched pairs; the last of several judgments of the same work counts."""
        keys = np.frombuffer(self._keys, dtype=np.uint64) if self._keys else np.zeros(0, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        keys, labels = keys[order], np.frombuffer(self._labels, dtype=np.int8)[order] if len(order) else np.zeros(0)
        counts: dict[str, _Count] = {}
        for judgment in judgments:
            key = _short(judgment.pair_id, judgment.pair_key)
            place = int(np.searchsorted(keys, np.uint64(key)))
            if place == len(keys) or keys[place] != key:
                continue
            name = self._name(judgment.made_by, int(order[place]))
            if name is not None:
                counts.setdefault(name, _Count(len(keys))).add(place, judgment)
        return [count.tally(name, labels) for name, count in counts.items()]

    def _name(self, made_by: str, number: int) -> str | None:
        """Name of the judge that made a judgment of the pair with this number; ``None`` if none of them did."""
        name = self._names.get(made_by)
        people = (person.name for person, makers in self._people.items() if makers[number] == _short(made_by))
        return name if name is not None else next(people, None)


class _Count:
    """The last verdict of every pair in both orders, as codes; -1 for no verdict, -2 for a failed request."""

    def __init__(self, n: int) -> None:
        self._said = {"AB": np.full(n, -1, dtype=np.int8), "BA": np.full(n, -1, dtype=np.int8)}
        self._unread = {"AB": np.zeros(n, dtype=np.int8), "BA": np.zeros(n, dtype=np.int8)}
        self._kinds: dict[tuple[int, str], FailureKind] = {}

    def add(self, place: int, judgment: Judgment) -> None:
        spot = (place, judgment.order)
        if judgment.failure is None:
            self._kinds.pop(spot, None)
        else:
            self._kinds[spot] = judgment.failure
        self._unread[judgment.order][place] = bool(judgment.unread or judgment.prose)
        self._said[judgment.order][place] = -2 if judgment.failure == "provider" else _CODES[judgment.verdict]

    def tally(self, judge: str, labels: np.ndarray) -> JudgeTally:
        both = np.stack([self._said["AB"], self._said["BA"]])
        said = both[both != -1]
        side = (labels >= 2) & (both >= 0).any(axis=0)
        points = np.where(both == labels, 1, np.where(both >= 2, -1, 0)).sum(axis=0)
        points[(both == _CODES[None]).any(axis=0)] = -1
        counts = {name: int((said == code).sum()) for name, code in _CODES.items() if name is not None}
        return JudgeTally(
            judge=judge,
            n_judgments=len(said),
            verdicts={name: n for name, n in counts.items() if n or name in ("tie", "A", "B")},
            failures=dict(Counter(self._kinds.values())),
            unread=int(self._unread["AB"].sum() + self._unread["BA"].sum()),
            n_labelled=int(side.sum()),
            accuracy=float((points[side] > 0).mean()) if side.any() else None,
        )


def _short(*parts: str) -> int:
    """A 64-bit hash that stands for a pair or a maker."""
    return int(content_key(parts)[:16], 16)
