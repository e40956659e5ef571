"""Valid reasons beside invalid ones, both written by people (WinoWhy, Zhang et al., ACL 2020).

Why does a pronoun mean one noun and not the other? People wrote reasons for the right reading and for the wrong one, and five
others voted whether each reason is valid for the right reading. A matcher that recognises reasons scores a valid reason
above an invalid one, relative to another valid one. Sentences of GPT-2, also in WinoWhy, are left out: their form gives them
away. Licence and changes: ``samples/ATTRIBUTION.md``.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rightly.data.corpus_files import read_json
from rightly.errors import InputError
from rightly.matchers.base import Matcher
from rightly.matchers.validation.packed import packed_rows
from rightly.matchers.validation.ranked import OrderCheck, Said, Trial, check_order
from rightly.types import content_key

ABOUT = "A valid reason for the meaning of a pronoun should score above an invalid one, relative to another valid one."
PER_QUESTION = 2
"""Largest number of trials of a question."""
_PEOPLE = ("human", "reverse")


class Question(NamedTuple):
    """A sentence with a pronoun, and people's reasons for one reading.

    Attributes:
        text: The sentence.
        nouns: The two nouns, the same for both forms of a sentence: the unit of intervals.
        valid: Reasons that at least 0.8 of the votes call valid.
        invalid: Reasons that at most 0.2 of the votes call valid.
    """

    text: str
    nouns: str
    valid: tuple[str, ...]
    invalid: tuple[str, ...]


def winowhy_questions(path: str | Path) -> Iterator[Question]:
    """The questions of the published ``winowhy.json`` with the reasons that people wrote.

    Raises:
        InputError: The file is not WinoWhy's.
    """
    try:
        for row in read_json(path):
            said: dict[str, list[str]] = {"Valid": [], "Invalid": [], "Undecided": []}
            for reason, writer, _, label in row["reasons"]:
                if writer in _PEOPLE and reason.strip():
                    said[label].append(reason.strip())
            text = " ".join(row["text"][part] for part in ("txt1", "pron", "txt2"))
            valid, invalid = (tuple(dict.fromkeys(said[label])) for label in ("Valid", "Invalid"))
            yield Question(text, " / ".join(sorted(row["answers"])), valid, invalid)
    except (KeyError, TypeError, ValueError):
        raise InputError("is not WinoWhy", where=str(path), fix="use winowhy.json as published") from None


@cache
def load_winowhy() -> tuple[Question, ...]:
    """The questions shipped with the package: those with two valid reasons and an invalid one."""
    return tuple(
        Question(row["question"], row["nouns"], tuple(row["valid"]), tuple(row["invalid"]))
        for row in packed_rows("winowhy")
    )


async def check_winowhy(
    matcher: Matcher, questions: Iterable[Question], on_done: Callable[[object], None], *, trained_on: bool = False
) -> OrderCheck:
    """Check a matcher on valid and invalid reasons.

    Args:
        matcher: The matcher to check.
        questions: Questions with their reasons.
        on_done: Callback after each match.
        trained_on: Whether the matcher was trained on reasons of WinoWhy.
    """
    trials = list(winowhy_trials(questions))
    return await check_order(matcher, trials, on_done, data="WinoWhy", about=ABOUT, trained_on=trained_on)


def winowhy_trials(questions: Iterable[Question]) -> Iterator[Trial]:
    """Up to `PER_QUESTION` trials for each question; which reasons they take is drawn by hash."""
    for question in questions:
        valid = sorted(question.valid, key=lambda text: content_key([question.text, text]))
        invalid = sorted(question.invalid, key=lambda text: content_key([question.text, text]))
        if len(valid) < 2 or not invalid:
            continue
        for place in range(min(PER_QUESTION, len(valid))):
            yield Trial(
                id=f"{content_key([question.text])}-{place}",
                context=question.nouns,
                reference=(valid[place],),
                nearer=Said("valid", valid[(place + 1) % len(valid)]),
                farther=(Said("invalid", invalid[place % len(invalid)]),),
            )
