"""Does a reason that should be nearer to a point score above others? The measurement that several checks share."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rightly.inference.dispatch import run_bounded
from rightly.matchers.base import Matcher, graded
from rightly.metrics.clustered import clustered_mean
from rightly.metrics.estimate import Estimate
from rightly.types import Frozen, content_key


class Said(NamedTuple):
    """A reason and its relation to the reference."""

    kind: str
    text: str


class Trial(NamedTuple):
    """Reasons to compare with a reference.

    Attributes:
        id: Identity of the trial, which orders the results.
        context: Context of the trial, the unit of intervals.
        reference: Points that the reasons are compared with; the best link of a reason counts.
        nearer: Reason that should score above all others.
        farther: The others.
    """

    id: str
    context: str
    reference: tuple[str, ...]
    nearer: Said
    farther: tuple[Said, ...]


class Scored(NamedTuple):
    """A trial with the scores of its reasons, the nearer one first."""

    trial: Trial
    scores: tuple[float, ...]

    def each(self) -> Iterator[tuple[str, float]]:
        """Kind and score of every reason."""
        for said, score in zip((self.trial.nearer, *self.trial.farther), self.scores, strict=True):
            yield said.kind, score


class OrderCheck(Frozen):
    """Result of a matcher on reasons of which one kind should score above the others.

    Attributes:
        data: Name of the data.
        about: What should be above what, in a sentence.
        matcher: Name of the matcher.
        nearer: Kind of the reasons that should score highest.
        n: Number of matched trials.
        n_failed: Number of failed matches, which are excluded.
        accepted_at: Operating point of the matcher: a reason is accepted at this score or above.
        above: Probability that the nearer reason scores above one of each other kind, ties one half.
        accepted: Share of accepted reasons of each kind.
        trained_on: Whether the matcher was trained on another part of the same data set.
    """

    data: str
    about: str
    matcher: str
    nearer: str
    n: int
    n_failed: int
    accepted_at: float
    above: dict[str, Estimate]
    accepted: dict[str, Estimate]
    trained_on: bool = False

    def line(self) -> str:
        """The result in a sentence."""
        failed = f", {self.n_failed} more failed" if self.n_failed else ""
        above = ", ".join(f"above {kind} {shown(found)}" for kind, found in self.above.items())
        accepted = ", ".join(f"{kind} {shown(found)}" for kind, found in self.accepted.items())
        trained = " It was trained on another part of this data set." if self.trained_on else ""
        return (
            f"On {self.data} ({self.n} trials{failed}), {self.nearer} scores {above} (0.5 is blind); "
            f"accepted at {self.accepted_at} or above: {accepted}.{trained}"
        )


async def ranked(
    matcher: Matcher, trials: Sequence[Trial], on_done: Callable[[object], None]
) -> tuple[list[Scored], int]:
    """The scores of all trials in order of their ids, and the number of failed matches."""

    async def one(trial: Trial) -> Scored | None:
        said = [trial.nearer.text, *(each.text for each in trial.farther)]
        # Shown in random order: a language model may favour the first of a list.
        order = sorted(range(len(said)), key=lambda place: content_key([trial.id, said[place]]))
        match = await graded(matcher, trial.reference, [said[place] for place in order])
        on_done(match)
        if match.failure is not None:
            return None
        best = [0.0] * len(said)
        for link in match.links:
            best[order[link.candidate]] = max(link.score, best[order[link.candidate]])
        return Scored(trial, tuple(best))

    done = [found async for found in run_bounded(trials, one, concurrency=matcher.concurrency)]
    scored = sorted((found for found in done if found is not None), key=lambda each: each.trial.id)
    return scored, len(done) - len(scored)


async def check_order(
    matcher: Matcher,
    trials: Sequence[Trial],
    on_done: Callable[[object], None],
    *,
    data: str,
    about: str,
    trained_on: bool = False,
) -> OrderCheck:
    """Check a matcher on trials whose kinds are the same.

    Args:
        matcher: The matcher to check.
        trials: Trials; the first one's nearer kind names that of all.
        on_done: Callback after each match.
        data: Name of the data.
        about: What should be above what, in a sentence.
        trained_on: Whether the matcher was trained on another part of the data set.
    """
    scored, failed = await ranked(matcher, trials, on_done)
    farther = dict.fromkeys(said.kind for trial in trials for said in trial.farther)
    nearer = trials[0].nearer.kind
    return OrderCheck(
        data=data,
        about=about,
        matcher=matcher.name,
        nearer=nearer,
        n=len(scored),
        n_failed=failed,
        accepted_at=matcher.operating_point,
        above={kind: above(scored, kind) for kind in farther},
        accepted={kind: _accepted(scored, kind, matcher.operating_point) for kind in (nearer, *farther)},
        trained_on=trained_on,
    )


def above(scored: Sequence[Scored], kind: str) -> Estimate:
    """Probability that the nearer reason scores above one of this kind, ties one half; contexts are the unit."""
    rows = [
        (found.trial.context, _win(found.scores[0], score))
        for found in scored
        for (name, score) in list(found.each())[1:]
        if name == kind
    ]
    return Estimate.of(clustered_mean([win for _, win in rows], [context for context, _ in rows]))


def _accepted(scored: Sequence[Scored], kind: str, point: float) -> Estimate:
    rows = [
        (found.trial.context, float(score >= point)) for found in scored for name, score in found.each() if name == kind
    ]
    return Estimate.of(clustered_mean([share for _, share in rows], [context for context, _ in rows]))


def _win(nearer: float, farther: float) -> float:
    return 1.0 if nearer > farther else 0.5 if nearer == farther else 0.0


def shown(estimate: Estimate) -> str:
    """A figure with two digits and its interval, if it has one."""
    if estimate.value is None:
        return "–"
    interval = "" if estimate.low is None else f" [{estimate.low:.2f}, {estimate.high:.2f}]"
    return f"{estimate.value:.2f}{interval}"
