"""Whether a matcher may be the reward of a recipe."""

from pathlib import Path

from rightly.errors import InputError
from rightly.inference.run_now import run_now
from rightly.matchers.base import Matcher
from rightly.matchers.validation.trust import trust_in, unmeasured
from rightly.rewards.grader import build_matcher
from rightly.training.judge.recipe import MatcherTable


def require_fit(table: MatcherTable, cache: Path | None) -> None:
    """Check that a matcher may be a reward, since a policy exploits every error of it; ``accept_unfit`` skips the check.

    Args:
        table: The matcher of a recipe.
        cache: File of the answer cache; measurements are stored next to it. A free matcher without one is measured here.

    Raises:
        InputError: The matcher is unfit or was never checked.
    """
    if table.accept_unfit:
        return
    matcher: Matcher = build_matcher(table.spec, cache)
    trust = run_now(trust_in(matcher, cache.parent if cache is not None else None))
    reasons = trust.unfit_for_reward if trust is not None else (unmeasured(table.spec),)
    if reasons:
        raise InputError(
            f"{table.spec} is not fit as a training reward: {'; '.join(reasons)}",
            where="[matcher]",
            fix="choose another, or write accept_unfit = true",
        )
