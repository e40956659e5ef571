"""Written probes of a matcher: 164 points, each with sentences that make the same point and sentences that do not.

"The same point" is strict, as in "Outcome Accuracy is Not Enough" (2026): the same verdict for another reason is not a
match, and numbers and conditions must agree. The same point is made in the same text, with small edits, and reworded lightly
and heavily. The near misses are the opposite (polarity), the same statement about the other response (swap), another point on
the topic, a vague verdict that would fit any point, a changed number or condition, and a more general point; polarity, number
and general each in nearly the same words and in other words, so that the share of common words does not tell. The probes were
written before any matcher was trained with them. The half ``held`` (60 points) is for the final figure only, and the file
is verified by its checksum.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rightly.inference.dispatch import run_bounded
from rightly.matchers.base import Matcher, graded
from rightly.metrics.auc import auc
from rightly.metrics.clustered import clustered_mean, statistic_spread
from rightly.metrics.estimate import Estimate
from rightly.types import Frozen

CHECKSUM = "6f0e95d0cf4f23cc09ee5f0ebb534ff5c6e1794e994aac273497dc77becfb494"

Category = Literal["identical", "edit", "paraphrase", "polarity", "swap", "same topic", "vague", "number", "general"]
SAME: tuple[Category, ...] = ("identical", "edit", "paraphrase")
"""Categories that make the same point."""
NEAR_MISSES: tuple[Category, ...] = ("polarity", "swap", "same topic", "vague", "number", "general")
"""Categories that do not."""
Wording = Literal["light", "heavy"]
Half = Literal["open", "held"]


class Probe(Frozen):
    """One pair of sentences with its category.

    Attributes:
        id: Number of the point, followed by the category and the wording.
        half: ``open`` for tuning, ``held`` for the final figure.
        category: Relation of the judge's sentence to the human point.
        human: The human point.
        judge: The judge's sentence.
        same: Whether both make the same point.
        wording: Whether few or most words differ from the point's, where both were written.
    """

    id: str
    half: Half
    category: Category
    human: str
    judge: str
    same: bool
    wording: Wording | None = None


class ProbeCheck(Frozen):
    """Result of a matcher on the probes.

    Attributes:
        matcher: Name of the matcher.
        half: Half of the probes; ``None`` for all.
        accepted_at: Operating point of the matcher: a probe is accepted at this score or above.
        n: Number of matched probes.
        n_failed: Number of failed matches, which are excluded.
        accepted: Share of accepted probes by category; high is good for `SAME` only.
        by_wording: The same by category and wording ("number, light"), where both were written.
        auc: Probability that a paraphrase scores above a near miss, ties one half, over points.
    """

    matcher: str
    half: Half | None
    accepted_at: float
    n: int
    n_failed: int
    accepted: dict[Category, Estimate]
    by_wording: dict[str, Estimate]
    auc: Estimate

    def line(self) -> str:
        """The line that a report prints."""
        shown = ", ".join(f"{name} {_shown(found)}" for name, found in self.accepted.items())
        which = "written probes" if self.half is None else f"written probes of the {self.half} half"
        return (
            f"On {self.n} {which} (identical, edited and paraphrased points should be accepted, all others rejected), "
            f"accepted at {self.accepted_at} or above: {shown}; AUC of paraphrases {_shown(self.auc)}."
        )


@cache
def load_probes(half: Half | None = None) -> tuple[Probe, ...]:
    """Load the probes shipped with the package.

    Args:
        half: Half to load, ``open`` or ``held``; all by default.

    Raises:
        RuntimeError: The file was modified.
    """
    content = resources.files("rightly.matchers").joinpath("samples", "probe.jsonl").read_bytes()
    if hashlib.sha256(content).hexdigest() != CHECKSUM:
        raise RuntimeError("probe.jsonl is not the frozen file; install rightly again")
    probes = (Probe.model_validate(json.loads(line)) for line in content.splitlines())
    return tuple(probe for probe in probes if half is None or probe.half == half)


async def check_probes(matcher: Matcher, on_done: Callable[[object], None], *, half: Half | None = None) -> ProbeCheck:
    """Match every probe separately.

    Args:
        matcher: The matcher to check.
        on_done: Callback after each match.
        half: Half of the probes to use; all by default.
    """

    async def one(probe: Probe) -> tuple[Probe, float | None]:
        match = await graded(matcher, (probe.human,), (probe.judge,))
        on_done(match)
        return probe, None if match.failure is not None else max((link.score for link in match.links), default=0.0)

    done = [found async for found in run_bounded(load_probes(half), one, concurrency=matcher.concurrency)]
    scored = sorted(((probe, score) for probe, score in done if score is not None), key=lambda each: each[0].id)
    point = matcher.operating_point
    names: dict[Category, None] = dict.fromkeys(probe.category for probe in load_probes(half))
    worded = dict.fromkeys(_worded(probe) for probe in load_probes(half) if probe.wording)
    return ProbeCheck(
        matcher=matcher.name,
        half=half,
        accepted_at=matcher.operating_point,
        n=len(scored),
        n_failed=len(done) - len(scored),
        accepted={name: _share([s >= point for p, s in scored if p.category == name]) for name in names},
        by_wording={name: _share([s >= point for p, s in scored if _worded(p) == name]) for name in worded},
        auc=_auc(scored),
    )


def _worded(probe: Probe) -> str:
    return f"{probe.category}, {probe.wording}"


def _share(accepted: Sequence[bool]) -> Estimate:
    return Estimate.of(clustered_mean([float(each) for each in accepted]))


def _auc(scored: Sequence[tuple[Probe, float]]) -> Estimate:
    """Paraphrases against near misses; identical and edited texts would make it easier than it is."""
    scored = [(probe, score) for probe, score in scored if probe.category not in ("identical", "edit")]
    points = [probe.id.partition("-")[0] for probe, _ in scored]
    scores, same = np.array([score for _, score in scored]), np.array([probe.same for probe, _ in scored])

    def statistic(rows: NDArray[np.int64]) -> float:
        return auc(scores[rows], same[rows])

    return Estimate.of(statistic_spread(statistic, points))


def _shown(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.2f}"
