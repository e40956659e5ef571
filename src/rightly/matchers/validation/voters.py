"""Check whether a matcher recognises why people voted, on real reasons for preferences without labelled links.

Each voter's reason is compared with the reasons of the others who voted the same on the same pair. A matcher that
recognises reasons, not words, scores it above (a) a reason given for the same vote on *another* pair, and (b) a reason for
the *opposite* vote on the same pair. The same vote is not the same reason, so no matcher reaches 1. A matcher at 0.5 is at
chance level.
"""

from collections.abc import Callable, Sequence

from rightly.matchers.base import Matcher
from rightly.matchers.validation.ranked import Said, Trial, above, ranked, shown
from rightly.metrics.estimate import Estimate
from rightly.types import Frozen, PreferencePair, content_key

ELSEWHERE, OPPOSITE = "another pair's", "opposite vote"


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
            f"with probability {shown(self.against_elsewhere)}, above one for the opposite vote with "
            f"{shown(self.against_opposite)} (0.5 is blind)."
        )


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
    scored, failed = await ranked(matcher, voter_trials(pairs, seed), on_done)
    return VoterCheck(
        matcher=matcher.name,
        n_pairs=len(scored),
        n_failed=failed,
        against_elsewhere=above(scored, ELSEWHERE),
        against_opposite=above(scored, OPPOSITE),
    )


def voter_trials(pairs: Sequence[PreferencePair], seed: int) -> list[Trial]:
    """One trial for each pair with two reasons for one vote; the draw depends only on the seed and the ids."""
    by_vote: dict[str, list[tuple[str, str]]] = {}
    reasons = {pair.id: reasons_by_vote(pair) for pair in pairs}
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
                Trial(
                    id=pair.id,
                    context=pair.context_key,
                    reference=tuple(others),
                    nearer=Said("fellow", fellow),
                    farther=(
                        Said(ELSEWHERE, elsewhere[draw % len(elsewhere)]),
                        *([Said(OPPOSITE, opposite[draw % len(opposite)])] if opposite else []),
                    ),
                )
            )
    return trials


def reasons_by_vote(pair: PreferencePair) -> dict[str, list[str]]:
    """The reasons of the annotators who voted, by their vote."""
    votes = {vote.annotator: vote.choice for vote in pair.votes}
    found: dict[str, list[str]] = {}
    for reason in pair.rationales:
        if reason.annotator in votes and reason.text.strip():
            found.setdefault(votes[reason.annotator], []).append(reason.text)
    return found
