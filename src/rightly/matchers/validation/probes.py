"""Written probes of a matcher: 44 points, each with one sentence that makes the same point and six that do not.

"The same point" is strict, as in "Outcome Accuracy is Not Enough" (2026): the same verdict for another reason is not a
match, and numbers and conditions must agree. The six near misses of every point are the opposite (polarity), the same
statement about the other response (swap), another point on the topic, a vague verdict that would fit any point, a changed
number or condition, and a more general point. The probes were written by hand before any matcher was tuned on them. The
half ``held`` is for the final figure only, and the file is verified by its checksum.
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
from rightly.matchers.base import Matcher
from rightly.metrics.auc import auc
from rightly.metrics.clustered import clustered_mean, statistic_spread
from rightly.metrics.estimate import Estimate
from rightly.types import Frozen

CHECKSUM = "8ab5d9b927d514198e80d56e159ac0a526f43c9e2b1ba25a50563cfbf4efafe5"

Category = Literal["paraphrase", "polarity", "swap", "same topic", "vague", "number", "general"]
Half = Literal["open", "held"]


class Probe(Frozen):
    """One pair of sentences with its category.

    Attributes:
        id: Number of the point, followed by the category.
        half: ``open`` for tuning, ``held`` for the final figure.
        category: Relation of the judge's sentence to the human point.
        human: The human point.
        judge: The judge's sentence.
        same: Whether both make the same point; true only for paraphrases.
    """

    id: str
    half: Half
    category: Category
    human: str
    judge: str
    same: bool


class ProbeCheck(Frozen):
    """Result of a matcher on the probes.

    Attributes:
        matcher: Name of the matcher.
        half: Half of the probes; ``None`` for all.
        accepted_at: Operating point of the matcher: a probe is accepted at this score or above.
        n: Number of matched probes.
        n_failed: Number of failed matches, which are excluded.
        accepted: Share of accepted probes by category; high is good for paraphrases only.
        auc: Probability that a paraphrase scores above a near miss, ties one half, over points.
    """

    matcher: str
    half: Half | None
    accepted_at: float
    n: int
    n_failed: int
    accepted: dict[Category, Estimate]
    auc: Estimate

    def line(self) -> str:
        """The line that a report prints."""
        shown = ", ".join(f"{name} {_shown(found)}" for name, found in self.accepted.items())
        which = "written probes" if self.half is None else f"written probes of the {self.half} half"
        return (
            f"On {self.n} {which} (paraphrases should be accepted, all others rejected), accepted at {self.accepted_at} or "
            f"above: {shown}; AUC {_shown(self.auc)}."
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
        match = await matcher.match((probe.human,), (probe.judge,))
        on_done(match)
        return probe, None if match.failure is not None else max((link.score for link in match.links), default=0.0)

    done = [found async for found in run_bounded(load_probes(half), one, concurrency=matcher.concurrency)]
    scored = sorted(((probe, score) for probe, score in done if score is not None), key=lambda each: each[0].id)
    names: list[Category] = list(dict.fromkeys(probe.category for probe in load_probes(half)))
    accepted: dict[Category, Estimate] = {}
    for name in names:
        own = [float(score >= matcher.operating_point) for probe, score in scored if probe.category == name]
        accepted[name] = Estimate.of(clustered_mean(own))
    return ProbeCheck(
        matcher=matcher.name,
        half=half,
        accepted_at=matcher.operating_point,
        n=len(scored),
        n_failed=len(done) - len(scored),
        accepted=accepted,
        auc=_auc(scored),
    )


def _auc(scored: Sequence[tuple[Probe, float]]) -> Estimate:
    points = [probe.id.partition("-")[0] for probe, _ in scored]
    scores, same = np.array([score for _, score in scored]), np.array([probe.same for probe, _ in scored])

    def statistic(rows: NDArray[np.int64]) -> float:
        return auc(scores[rows], same[rows])

    return Estimate.of(statistic_spread(statistic, points))


def _shown(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.2f}"
