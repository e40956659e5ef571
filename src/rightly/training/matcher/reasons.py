"""People's reasons for preferences and answers as training rows: ranked reasons.

A fellow voter's reason is nearer than an opponent's but need not be the same reason (UKPConvArg1), and so are right reasons
beside confusing ones (ComVE): of these only the order is learned.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rightly.data.corpus_files import read_table
from rightly.matchers.validation.voters import reasons_by_vote
from rightly.training.matcher.labelled import Ranked
from rightly.types import PreferencePair

PER_REASON = 2
"""Number of ranked pairs made from each voter's reason."""


def from_votes(pairs: Sequence[PreferencePair], seed: int = 0) -> Iterator[Ranked]:
    """Rank a fellow voter's reason above an opponent's on the same pair, and above a reason from another pair."""
    draw = random.Random(seed)
    said = [(pair, reasons_by_vote(pair)) for pair in pairs]
    elsewhere: dict[str, list[tuple[str, str]]] = {}
    for pair, by_vote in said:
        for choice in ("A", "B"):
            elsewhere.setdefault(pair.context_key, []).extend((pair.id, text) for text in by_vote.get(choice, ()))
    for pair, by_vote in said:
        for choice, other in (("A", "B"), ("B", "A")):
            texts = by_vote.get(choice, [])
            if len(texts) < 2:
                continue
            for place, text in enumerate(texts):
                fellows = [fellow for i, fellow in enumerate(texts) if i != place]
                for _ in range(PER_REASON):
                    if by_vote.get(other) and draw.random() < 0.6:
                        farther, kind = draw.choice(by_vote[other]), "opposite vote"
                    else:
                        pair_id, farther = draw.choice(elsewhere[pair.context_key])
                        kind = "another pair"
                        if pair_id == pair.id:
                            continue
                    yield Ranked(text, draw.choice(fellows), farther, "votes", kind)


def from_comve(path: str | Path, seed: int = 0) -> Iterator[Ranked]:
    """Rank right reasons why a statement is against common sense above confusing ones (ComVE, Wang et al., 2020).

    Raises:
        InputError: The file lacks the columns of ComVE's training file.
    """
    draw = random.Random(seed)
    right, confusing = [f"Right Reason{n}" for n in (1, 2, 3)], [f"Confusing Reason{n}" for n in (1, 2)]
    for row in read_table(path, (*right, *confusing)):
        said = [row[column].strip() for column in right]
        for place, reason in enumerate(said):
            nearer = draw.choice([each for i, each in enumerate(said) if i != place])
            farther = row[draw.choice(confusing)].strip()
            if reason and nearer and farther and farther not in said:
                yield Ranked(reason, nearer, farther, "comve", "confusing reason")
