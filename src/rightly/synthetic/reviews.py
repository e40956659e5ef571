"""Reviews: two answers to a small question, with planted faults and strengths, and a style that may give the label away.

A question asks for three of the four attributes of one of four people, and for one courtesy. An answer may misstate an
attribute (severity 3), omit it (2) or forget the courtesy (1); it may explain (2) or caution (1). The label is the answer
with the better balance. One answer is *styled* (heading, bullets, emoji, fillers); it is the better one with probability
``correlation``, which is all that style says: the content is drawn first, without looking at it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rightly.references import Side
from rightly.types import Message, PreferencePair, Rationale

PEOPLE = ("Ada", "Bo", "Cy", "Di")
VALUES = {
    "age": ("ten", "thirty", "fifty", "eighty"),
    "color": ("red", "green", "blue", "black"),
    "size": ("tiny", "small", "large", "huge"),
    "pet": ("cat", "dog", "owl", "fox"),
}
COURTESIES = {"cite": "source", "greet": "hello", "thank": "thanks"}
"""A courtesy that is asked for, and the word that keeps it."""
STRENGTHS = {"explains": "because", "cautions": "beware"}
CUES = ("#", "*", "!", "indeed", "overall", "notably")
WEIGHTS = {"misstates": 3, "omits": 2, "forgets": 1, "explains": 2, "cautions": 1}
"""Of a point in the balance of its answer."""
SYNONYMS = {"garbles": "misstates", "lacks": "omits", "skips": "forgets", "reasons": "explains", "warns": "cautions"}
"""Other words for the same points."""
VAGUE = ("weak", "fine")
"""Words that say which answer is worse or better and nothing else."""

Split = Literal["easy", "normal", "hard"]
CORRELATIONS: dict[Split, float] = {"easy": 1.0, "normal": 0.5, "hard": 0.0}
"""The styled answer is always the better, as often as not, never: RM-Bench's three difficulties."""

_MISSTATED, _OMITTED, _FORGOTTEN = 0.22, 0.18, 0.30
_EXPLAINED, _CAUTIONED = 0.20, 0.15
_CUE, _STRAY_CUE = 0.85, 0.10
_MOST_POINTS = 6


def _facts() -> dict[tuple[str, str], str]:
    draw = random.Random("facts")
    return {(person, attribute): draw.choice(values) for person in PEOPLE for attribute, values in VALUES.items()}


FACTS = _facts()
"""What is true, by person and attribute."""


@dataclass(frozen=True, slots=True)
class Point:
    """What is right or wrong with an answer: ``A omits age``.

    Attributes:
        side: The answer.
        what: One of the verbs of `WEIGHTS`.
        of: The attribute or courtesy; empty for strengths.
    """

    side: Side
    what: str
    of: str = ""

    @property
    def favors(self) -> Side:
        """The answer that the point speaks for."""
        return self.side if self.what in STRENGTHS else "B" if self.side == "A" else "A"

    @property
    def weight(self) -> int:
        """How much it counts in the balance."""
        return WEIGHTS[self.what]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.side, self.what, self.of)))


def read_point(text: str) -> Point | None:
    """The point that a sentence makes, whatever its wording; ``None`` for anything else, a vague verdict included.

    >>> read_point("B lacks age") == read_point("B omits age")
    True
    """
    side, what, *of = [*text.split(), "", ""][: max(len(text.split()), 2)]
    what = SYNONYMS.get(what, what)
    if side not in ("A", "B") or what not in WEIGHTS or len(of) != (what not in STRENGTHS):
        return None
    known = of == [] or of[0] in (COURTESIES if what == "forgets" else VALUES)
    return Point("A" if side == "A" else "B", what, *of) if known else None


def read_stance(rationale: Rationale) -> tuple[Side | None, float]:
    """For whom a judge's reason speaks, and with what weight; a vague one speaks too, with the least."""
    point = read_point(rationale.text)
    if point is not None:
        return point.favors, float(point.weight)
    match rationale.text.split():
        case ["A" | "B" as side, "weak" | "fine" as said]:
            return "A" if (side == "A") == (said == "fine") else "B", 1.0
    return None, 0.0


def draw_pairs(n: int, *, seed: int, correlation: float) -> Iterator[PreferencePair]:
    """Labelled pairs with their exact reasons, the weightiest first; ``importance`` is the weight.

    Args:
        n: How many.
        seed: Other seeds give other pairs.
        correlation: Probability that the styled answer is the better one.
    """
    draw = random.Random(f"reviews {seed}")
    for number in range(n):
        yield _draw_pair(draw, f"reviews-{seed}-{number}", correlation)


def exchange_style(pair: PreferencePair) -> PreferencePair:
    """The same pair with the styles of its two answers exchanged: what it says is untouched, so is the label."""
    (words_a, cues_a), (words_b, cues_b) = (_unstyled(response) for response in pair.responses)
    return pair.model_copy(update={"responses": (_styled(words_a, cues_b), _styled(words_b, cues_a))})


def _draw_pair(draw: random.Random, name: str, correlation: float) -> PreferencePair:
    while True:
        person, asked = draw.choice(PEOPLE), draw.sample(sorted(VALUES), 3)
        courtesy = draw.choice(sorted(COURTESIES))
        drawn = [_draw_answer(draw, side, person, asked, courtesy) for side in ("A", "B")]
        points = [point for _, found in drawn for point in found]
        balance = sum(point.weight * (1 if point.favors == "A" else -1) for point in points)
        if balance and len(points) <= _MOST_POINTS:
            break
    better = "A" if balance > 0 else "B"
    styled = better if draw.random() < correlation else "B" if better == "A" else "A"
    responses = [_styled(words, _draw_cues(draw, side == styled)) for side, (words, _) in zip("AB", drawn, strict=True)]
    draw.shuffle(points)
    points.sort(key=lambda point: -point.weight)
    return PreferencePair(
        id=name,
        context=(Message(role="user", content=f"{person} {' '.join(asked)} {courtesy}"),),
        responses=tuple(responses),
        label=better,
        rationales=tuple(
            Rationale(text=str(p), importance=float(p.weight), about=p.side, favors=p.favors) for p in points
        ),
        source="reviews",
    )


def _draw_answer(
    draw: random.Random, side: Side, person: str, asked: Sequence[str], courtesy: str
) -> tuple[list[str], list[Point]]:
    """The statements of an answer, and what is to be said of it."""
    statements, points = [], []
    for attribute in asked:
        luck, value = draw.random(), FACTS[person, attribute]
        if luck < _MISSTATED:
            value = draw.choice([other for other in VALUES[attribute] if other != value])
            points.append(Point(side, "misstates", attribute))
        elif luck < _MISSTATED + _OMITTED:
            points.append(Point(side, "omits", attribute))
            continue
        statements.append(f"{attribute} {value}")
    if draw.random() < _FORGOTTEN:
        points.append(Point(side, "forgets", courtesy))
    else:
        statements.append(COURTESIES[courtesy])
    for strength, chance in (("explains", _EXPLAINED), ("cautions", _CAUTIONED)):
        if draw.random() < chance:
            statements.append(STRENGTHS[strength])
            points.append(Point(side, strength))
    draw.shuffle(statements)
    return statements, points


def _draw_cues(draw: random.Random, styled: bool) -> frozenset[str]:
    return frozenset(cue for cue in CUES if draw.random() < (_CUE if styled else _STRAY_CUE))


def _styled(statements: Sequence[str], cues: frozenset[str]) -> str:
    bullet = "* " if "*" in cues else ""
    words = [f"{bullet}{statement} ." for statement in statements]
    opening = [cue for cue in ("#", "overall", "indeed") if cue in cues]
    closing = [cue for cue in ("notably", "!") if cue in cues]
    return " ".join([*opening, *words, *closing]) or "."


def _unstyled(response: str) -> tuple[list[str], frozenset[str]]:
    words = response.split()
    plain = " ".join(word for word in words if word not in CUES)
    return [statement for part in plain.split(".") if (statement := part.strip())], frozenset(words) & frozenset(CUES)
