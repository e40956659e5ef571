"""Right reasons beside confusing ones, all written by people (ComVE, Wang et al., SemEval-2020 task 4).

For each of 1,000 statements against common sense, three people wrote why it makes no sense, and two more reasons were written
to be wrong but to look right. A matcher that recognises reasons scores another person's right reason above a confusing one;
one that recognises the topic does not. Right reasons of two people need not be the same reason, so none reaches 1.
The statements are those of the test part, ``sample:comve``.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

from rightly.data.load import load_pairs
from rightly.data.samples import confusing_reasons
from rightly.matchers.base import Matcher
from rightly.matchers.validation.ranked import OrderCheck, Said, Trial, check_order
from rightly.types import content_key

ABOUT = "Another person's right reason why a statement is against common sense should score above a confusing reason."


class Statement(NamedTuple):
    """People's reasons about a statement against common sense.

    Attributes:
        id: Id of the statement's pair.
        right: Right reasons of three people.
        confusing: Reasons that people wrote to be wrong.
    """

    id: str
    right: tuple[str, ...]
    confusing: tuple[str, ...]


@cache
def load_comve() -> tuple[Statement, ...]:
    """The 1,000 statements of the test part that are shipped with the package."""
    confusing = confusing_reasons()
    return tuple(
        Statement(pair.id, tuple(reason.text for reason in pair.rationales), confusing[pair.id])
        for pair in load_pairs("sample:comve")
    )


async def check_comve(
    matcher: Matcher, statements: Iterable[Statement], on_done: Callable[[object], None], *, trained_on: bool = False
) -> OrderCheck:
    """Check a matcher on right and confusing reasons.

    Args:
        matcher: The matcher to check.
        statements: Statements with their reasons.
        on_done: Callback after each match.
        trained_on: Whether the matcher was trained on the training part.
    """
    trials = list(comve_trials(statements))
    return await check_order(matcher, trials, on_done, data="ComVE", about=ABOUT, trained_on=trained_on)


def comve_trials(statements: Iterable[Statement]) -> Iterator[Trial]:
    """One trial for each statement: one person's reason, another's, and the confusing ones; drawn by hash."""
    for each in statements:
        right = sorted(dict.fromkeys(each.right), key=lambda text: content_key([each.id, text]))
        confusing = [text for text in dict.fromkeys(each.confusing) if text not in right]
        if len(right) > 1 and confusing:
            point, nearer = right[:2]
            farther = tuple(Said("confusing", text) for text in confusing)
            yield Trial(each.id, each.id, (point,), Said("right", nearer), farther)
