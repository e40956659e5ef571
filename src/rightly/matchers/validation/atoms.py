"""Coverage of atomic points: which of the reference's points does a critique make?

MetaCritique (Sun et al., ACL Findings 2024) splits a critique into atomic information units; its recall is the share of the
reference's units that the critique covers. Two sets of cases ask a matcher for that decision:

* **Joined reasons** (shipped): two to four of people's reasons for one side of a claim, each from another cluster of
  Perspectrum's development part, joined into one text. Asked are the joined reasons themselves (``as written``), other reasons
  of their clusters (``in other words``), and reasons of clusters that were left out (``left out``). Nothing was labelled
  again: the labels follow from the clusters and from the joining.
* **MetaCritique's annotated critiques** (a published file that the user gives): 300 critiques of 100 answers, where people said
  for every unit of the reference whether the critique covers it. The critique is matched as the list of its units.

MetaCritique's precision, the share of the critique's units that are true, needs the question and is no question for a matcher.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rightly.data.corpus_files import read_json
from rightly.errors import InputError
from rightly.inference.dispatch import run_bounded
from rightly.matchers.base import Match, Matcher, graded
from rightly.matchers.validation.perspectrum import Claim, Cluster, by_hash
from rightly.matchers.validation.ranked import shown
from rightly.metrics.auc import auc
from rightly.metrics.clustered import clustered_mean, statistic_spread
from rightly.metrics.estimate import Estimate
from rightly.types import Frozen, content_key

MOST_JOINED = 4
AS_WRITTEN, OTHER_WORDS, LEFT_OUT, COVERED = "as written", "in other words", "left out", "covered"
_KINDS = (AS_WRITTEN, OTHER_WORDS, COVERED, LEFT_OUT)
_CRITIQUES = ("human_critique", "llm1_critique", "llm2_critique")


class Atom(NamedTuple):
    """A point, its kind, and whether the text covers it."""

    text: str
    kind: str
    covered: bool


class AtomCase(NamedTuple):
    """A text as a list of reasons, and the atoms that are asked for.

    Attributes:
        id: Identity of the case, which orders the results.
        context: Context of the case, the unit of intervals.
        atoms: Points that are asked for.
        reasons: What may cover them.
    """

    id: str
    context: str
    atoms: tuple[Atom, ...]
    reasons: tuple[str, ...]


class AtomCheck(Frozen):
    """Result of a matcher on the coverage of atomic points.

    Attributes:
        data: Name of the data.
        matcher: Name of the matcher.
        n_cases: Number of matched cases.
        n_atoms: Number of their atoms.
        n_failed: Number of failed matches, which are excluded.
        accepted_at: Operating point of the matcher: an atom is covered if its best link has this score or more.
        accepted: Share of atoms called covered, by kind; high is right for all kinds but ``left out``.
        auc: Probability that a covered atom scores above one that is left out, ties one half, without those ``as written``.
        recall: Mean over cases of the share of atoms called covered.
        true_recall: The same by the labels.
        trained_on: Whether the matcher was trained on another part of the same data set.
    """

    data: str
    matcher: str
    n_cases: int
    n_atoms: int
    n_failed: int
    accepted_at: float
    accepted: dict[str, Estimate]
    auc: Estimate
    recall: float | None
    true_recall: float | None
    trained_on: bool = False

    def line(self) -> str:
        """The result in a sentence."""
        failed = f", {self.n_failed} more failed" if self.n_failed else ""
        accepted = ", ".join(f"{kind} {shown(found)}" for kind, found in self.accepted.items())
        trained = " It was trained on another part of this data set." if self.trained_on else ""
        return (
            f"On {self.data} ({self.n_atoms} points, {self.n_cases} texts{failed}), points called covered: {accepted}; "
            f"AUC {shown(self.auc)}.{trained}"
        )


async def check_atoms(
    matcher: Matcher,
    cases: Sequence[AtomCase],
    on_done: Callable[[object], None],
    *,
    data: str,
    trained_on: bool = False,
) -> AtomCheck:
    """Check a matcher on the coverage of atomic points.

    Args:
        matcher: The matcher to check.
        cases: Texts with their atoms.
        on_done: Callback after each match.
        data: Name of the data.
        trained_on: Whether the matcher was trained on another part of the data set.
    """

    async def one(case: AtomCase) -> tuple[AtomCase, Match]:
        match = await graded(matcher, [atom.text for atom in case.atoms], case.reasons)
        on_done(match)
        return case, match

    done = [found async for found in run_bounded(cases, one, concurrency=matcher.concurrency)]
    found = sorted(((case, match) for case, match in done if match.failure is None), key=lambda each: each[0].id)
    best = [_best(match, len(case.atoms)) for case, match in found]
    point = matcher.operating_point
    rows = [
        (case.context, atom, score)
        for (case, _), scores in zip(found, best, strict=True)
        for atom, score in zip(case.atoms, scores, strict=True)
    ]
    kinds = sorted({atom.kind for case in cases for atom in case.atoms}, key=_KINDS.index)
    return AtomCheck(
        data=data,
        matcher=matcher.name,
        n_cases=len(found),
        n_atoms=len(rows),
        n_failed=len(done) - len(found),
        accepted_at=point,
        accepted={
            kind: _share([(context, score >= point) for context, atom, score in rows if atom.kind == kind])
            for kind in kinds
        },
        auc=_auc([row for row in rows if row[1].kind != AS_WRITTEN]),
        recall=_mean([float((scores >= point).mean()) for scores in best]),
        true_recall=_mean([float(np.mean([atom.covered for atom in case.atoms])) for case, _ in found]),
        trained_on=trained_on,
    )


def joined_cases(claims: Iterable[Claim]) -> Iterator[AtomCase]:
    """Two to four reasons for one side of a claim as one text, one case for each side with three clusters or more."""
    for claim in claims:
        for supports in (True, False):
            clusters = [each for each in claim.clusters if each.supports == supports]
            if len(clusters) >= 3:
                yield _joined(f"{content_key([claim.text])}-{supports}", claim.text, clusters)


def _joined(key: str, claim: str, clusters: Sequence[Cluster]) -> AtomCase:
    # Clusters with a second reason first: only they can be asked for in other words.
    ordered = sorted(clusters, key=lambda each: (len(each.texts) < 2, content_key([claim, *each.texts])))
    most = min(MOST_JOINED, len(ordered) - 1)
    count = 2 + int(content_key([key])[:8], 16) % (most - 1)
    texts = [by_hash(claim, cluster.texts) for cluster in ordered]
    said = texts[:count]
    left = [each for each in texts[count:] if not {*each} & {text for own in said for text in own}][:count]
    atoms = [Atom(each[0], AS_WRITTEN, covered=True) for each in said]
    atoms += [Atom(each[1], OTHER_WORDS, covered=True) for each in said if len(each) > 1]
    atoms += [Atom(each[0], LEFT_OUT, covered=False) for each in left]
    text = " ".join(f"{each[0].rstrip('. ')}." for each in said)
    return AtomCase(key, claim, tuple(atoms), (text,))


def metacritique_cases(path: str | Path) -> Iterator[AtomCase]:
    """The annotated critiques of MetaCritique's published ``data/annotation_data.json``.

    Raises:
        InputError: The file is not MetaCritique's.
    """
    try:
        for row in read_json(path):
            units, context = row["gpt4_critique"]["aius"], f"{row['index']:03}"
            for name in _CRITIQUES:
                critique = row[name]
                labels = zip(units, critique["recall_labels"], strict=True)
                atoms = tuple(Atom(text, COVERED if yes else LEFT_OUT, bool(yes)) for text, yes in labels)
                yield AtomCase(f"{context}-{name}", context, atoms, tuple(critique["aius"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "is not MetaCritique's annotation", where=str(path), fix="use data/annotation_data.json as published"
        ) from None


def _best(match: Match, count: int) -> NDArray[np.float64]:
    scores = np.zeros(count)
    for link in match.links:
        scores[link.reference] = max(link.score, scores[link.reference])
    return scores


def _share(rows: Sequence[tuple[str, bool]]) -> Estimate:
    return Estimate.of(clustered_mean([float(yes) for _, yes in rows], [context for context, _ in rows]))


def _auc(rows: Sequence[tuple[str, Atom, float]]) -> Estimate:
    scores, covered = np.array([row[2] for row in rows]), np.array([row[1].covered for row in rows], dtype=bool)

    def statistic(places: NDArray[np.int64]) -> float:
        return auc(scores[places], covered[places])

    return Estimate.of(statistic_spread(statistic, [row[0] for row in rows]))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
