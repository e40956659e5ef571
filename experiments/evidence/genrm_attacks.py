"""Which tricks pay under which reward: hand-made lists on 500 pairs of the miniature world, verdict always right.

    python experiments/evidence/genrm_attacks.py [--pairs 500]

Each cell is a mean reward, in Markdown. ``honest`` is what people listed. A trick is in bold where it earns at least as much as
being honest does. The lenient matcher also takes a vague reason for any point of the same answer and polarity, as language
models at times do; only the lists that it changes are shown for it.
"""

import argparse
import random
from collections.abc import Callable, Sequence

import numpy as np

from rightly.matchers.base import Link, Match
from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.rule import Reference, RewardRule
from rightly.synthetic.exact_matcher import ReviewsMatcher
from rightly.synthetic.reviews import COURTESIES, STRENGTHS, VALUES, Point, draw_pairs, read_point, read_stance
from rightly.types import PreferencePair, Rationale

REWARDS: dict[str, RewardRule] = {
    "outcome": RewardRule(compose="outcome"),
    "AP": RewardRule(),
    "AP, public script": RewardRule(agreement="ap-official"),
    "AP - .1/junk": RewardRule(point_cost=0.1),
    "gate AP ≥ ½": RewardRule(compose="gate"),
    "½ AP + ½ outcome": RewardRule(compose="additive"),
    "recall": RewardRule(agreement="recall"),
    "F1": RewardRule(agreement="f1"),
    "F1, importance": RewardRule(agreement="f1", by_importance=True),
    "F1, follows": RewardRule(agreement="f1", follow=1.0),
}


def points_of(pair: PreferencePair) -> list[str]:
    return [rationale.text for rationale in pair.rationales]


def everything(pair: PreferencePair) -> list[str]:
    """All points that a reason could make of this pair."""
    _, *asked, courtesy = pair.context[0].content.split()
    found = [Point(side, what, of) for side in "AB" for what in ("misstates", "omits") for of in asked if of in VALUES]
    found += [Point(side, "forgets", courtesy) for side in "AB" if courtesy in COURTESIES]
    return [str(point) for point in [*found, *(Point(side, what) for side in "AB" for what in STRENGTHS)]]


def junk(pair: PreferencePair, draw: random.Random) -> list[str]:
    known = {read_point(text) for text in points_of(pair)}
    rest = [text for text in everything(pair) if read_point(text) not in known]
    draw.shuffle(rest)
    return rest


def shuffled(texts: list[str], draw: random.Random) -> list[str]:
    return draw.sample(texts, len(texts))


def for_verdict(pair: PreferencePair, texts: Sequence[str]) -> list[str]:
    return [text for text in texts if read_stance(Rationale(text=text))[0] == pair.label]


HONEST = ("honest", "honest, any order")
LISTS: dict[str, Callable[[PreferencePair, random.Random], list[str]]] = {
    "honest": lambda pair, _: points_of(pair),
    "honest, any order": lambda pair, draw: shuffled(points_of(pair), draw),
    "honest, then all else": lambda pair, draw: points_of(pair) + junk(pair, draw),
    "everything, any order": lambda pair, draw: shuffled(everything(pair), draw),
    "one invented, then honest": lambda pair, draw: junk(pair, draw)[:1] + points_of(pair),
    "weightiest only": lambda pair, _: points_of(pair)[:1],
    "weightiest, five times": lambda pair, _: points_of(pair)[:1] * 5,
    "only what suits the verdict": lambda pair, _: for_verdict(pair, points_of(pair)),
    "vague, three times": lambda pair, _: [f"{'B' if pair.label == 'A' else 'A'} weak"] * 3,
    "vague, on both": lambda pair, _: ["A weak", "B weak", "A fine", "B fine"],
}


class LenientMatcher(ReviewsMatcher):
    """Also links "A weak" to every fault of A, "A fine" to every strength."""

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        strict = await super().match(reference, candidate)
        vague = [
            Link(reference=i, candidate=j, score=1.0)
            for i, point in enumerate(map(read_point, reference))
            for j, words in enumerate(text.split() for text in candidate)
            if point and words == [point.side, "fine" if point.what in STRENGTHS else "weak"]
        ]
        return Match(links=(*strict.links, *vague))


def means(rule: RewardRule, matcher: type[ReviewsMatcher], pairs: Sequence[PreferencePair]) -> dict[str, float]:
    reward = JudgmentReward(rule, matcher, stance=read_stance)
    found = {}
    for name, make in LISTS.items():
        draw = random.Random(name)
        texts = ["\n".join([*(f"- {text}" for text in make(pair, draw)), f"[[{pair.label}]]"]) for pair in pairs]
        graded = reward.grade_now([JudgeAnswer(text) for text in texts], [Reference.of(pair) for pair in pairs])
        found[name] = float(np.mean([each.reward for each in graded]))
    reward.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=500)
    pairs = list(draw_pairs(parser.parse_args().pairs, seed=0, correlation=0.5))
    for title, matcher in (("exact", ReviewsMatcher), ("lenient", LenientMatcher)):
        columns = {name: means(rule, matcher, pairs) for name, rule in REWARDS.items()}
        print(
            f"\n**{title} matcher, one to one**\n\n| list | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}"
        )
        for name in LISTS if matcher is ReviewsMatcher else [each for each in LISTS if "vague" in each]:
            pays = [name not in HONEST and found[name] > found["honest"] - 1e-9 for found in columns.values()]
            shown = [f"{found[name]:.2f}" for found in columns.values()]
            cells = [f"**{value}**" if trick else value for value, trick in zip(shown, pays, strict=True)]
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
