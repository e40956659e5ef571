"""Check whether a matcher recognises why people voted, on real reasons for preferences without labelled links.

Each voter's reason is compared with the reasons of the others who voted the same on the same pair. A matcher that
recognises reasons, not words, scores it above (a) a reason given for the same vote on *another* pair, and (b) a reason for
the *opposite* vote on the same pair. The same vote is not the same reason, so no matcher reaches 1. A matcher at 0.5 is at
chance level.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rightly.inference.dispatch import run_bounded
from rightly.matchers.base import Matcher
from rightly.metrics.clustered import clustered_mean
from rightly.metrics.estimate import Estimate
from rightly.types import Frozen, PreferencePair, content_key


class VoterCheck(Frozen):
    """Result of a matcher on voters' reasons.

    Attributes:
        matcher: Name of the matcher.
        n_pairs: Number of pairs with two or more reasons for the same vote.
        n_failed: Number of failed matches, which are excluded.
        against_elsewhere: Probability that a fellow voter's reason scores above one for the same vote on another pair,
            ties one half.
        against_opposite: Probability that it scores above a reason for the opposite vote on the same pair, if there is one.
    """

    matcher: str
    n_pairs: int
    n_failed: int
    against_elsewhere: Estimate
    against_opposite: Estimate

    def line(self) -> str:
        """The line that a report prints."""
        failed = f", {self.n_failed} more failed" if self.n_failed else ""
        return (
            f"On voters' reasons ({self.n_pairs} pairs{failed}): a fellow voter's reason scores above one from another pair "
            f"with probability {_shown(self.against_elsewhere)}, above one for the opposite vote with "
            f"{_shown(self.against_opposite)} (0.5 is blind)."
        )


class _Trial(NamedTuple):
    pair_id: str
    debate: str
    reference: tuple[str, ...]
    fellow: str
    elsewhere: str
    opposite: str | None


async def check_voters(
    matcher: Matcher, pairs: Sequence[PreferencePair], on_done: Callable[[object], None], *, seed: int = 0
) -> VoterCheck:
    """Check a matcher on voters' reasons.

    Args:
        matcher: The matcher to check.
        pairs: Pairs with votes and reasons by the same annotators.
        on_done: Callback after each match.
        seed: Seed for the draw of the reasons.
    """
    trials = _trials(pairs, seed)

    async def one(trial: _Trial) -> tuple[_Trial, list[float] | None]:
        said = [trial.fellow, trial.elsewhere, *([trial.opposite] if trial.opposite else [])]
        # Shown in random order: a language model may favour the first of a list.
        shown = sorted(range(len(said)), key=lambda place: content_key([trial.pair_id, said[place]]))
        match = await matcher.match(trial.reference, [said[place] for place in shown])
        on_done(match)
        if match.failure is not None:
            return trial, None
        best = [0.0] * len(said)
        for link in match.links:
            best[shown[link.candidate]] = max(link.score, best[shown[link.candidate]])
        return trial, best

    done = [result async for result in run_bounded(trials, one, concurrency=matcher.concurrency)]
    scored = sorted(((trial, best) for trial, best in done if best is not None), key=lambda each: each[0].pair_id)
    return VoterCheck(
        matcher=matcher.name,
        n_pairs=len(scored),
        n_failed=len(done) - len(scored),
        against_elsewhere=_estimate([(t.debate, best[0], best[1]) for t, best in scored]),
        against_opposite=_estimate([(t.debate, best[0], best[2]) for t, best in scored if len(best) > 2]),
    )


def _trials(pairs: Sequence[PreferencePair], seed: int) -> list[_Trial]:
    """One trial for each pair with two reasons for one vote; the draw depends only on the seed and the ids."""
    by_vote: dict[str, list[tuple[str, str]]] = {}
    reasons = {pair.id: _reasons_by_vote(pair) for pair in pairs}
    pairs = sorted(pairs, key=lambda each: each.id)
    for pair in pairs:
        for choice, texts in reasons[pair.id].items():
            by_vote.setdefault(choice, []).extend((pair.id, text) for text in texts)
    trials = []
    for pair in pairs:
        said = {choice: texts for choice, texts in reasons[pair.id].items() if choice != "tie" and len(texts) > 1}
        if not said:
            continue
        choice = max(said, key=lambda each: (len(said[each]), each))
        draw = int(content_key([str(seed), pair.id])[:12], 16)
        fellow, *others = sorted(said[choice], key=lambda text: content_key([str(seed), pair.id, text]))
        elsewhere = [text for pair_id, text in by_vote[choice] if pair_id != pair.id]
        opposite = reasons[pair.id].get("B" if choice == "A" else "A", [])
        if elsewhere:
            trials.append(
                _Trial(
                    pair_id=pair.id,
                    debate=pair.context_key,
                    reference=tuple(others),
                    fellow=fellow,
                    elsewhere=elsewhere[draw % len(elsewhere)],
                    opposite=opposite[draw % len(opposite)] if opposite else None,
                )
            )
    return trials


def _reasons_by_vote(pair: PreferencePair) -> dict[str, list[str]]:
    votes = {vote.annotator: vote.choice for vote in pair.votes}
    found: dict[str, list[str]] = {}
    for reason in pair.rationales:
        if reason.annotator in votes and reason.text.strip():
            found.setdefault(votes[reason.annotator], []).append(reason.text)
    return found


def _estimate(rows: Sequence[tuple[str, float, float]]) -> Estimate:
    wins = [1.0 if above > below else 0.5 if above == below else 0.0 for _, above, below in rows]
    return Estimate.of(clustered_mean(wins, [debate for debate, _, _ in rows]))


def _shown(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    interval = "" if estimate.low is None else f" [{estimate.low:.2f}, {estimate.high:.2f}]"
    return f"{estimate.value:.2f}{interval}"
