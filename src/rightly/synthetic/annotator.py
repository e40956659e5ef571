"""A noisy annotator of reviews: the judgments from which a start model learns to list reasons and to give a verdict."""

import random

from rightly.references import Side
from rightly.synthetic.reviews import COURTESIES, STRENGTHS, SYNONYMS, VAGUE, VALUES, Point, read_point, read_stance
from rightly.types import PreferencePair, Rationale

_INVENTED, _INVENTIONS = 0.12, 2
_TWICE, _VAGUE, _MUDDLED = 0.10, 0.12, 0.10
_PARAPHRASED = 0.5
_OTHER_WORDS = {point: word for word, point in SYNONYMS.items()}


def annotate(pair: PreferencePair, draw: random.Random, *, sees: float) -> tuple[tuple[Rationale, ...], Side]:
    """What the annotator writes of a pair: reasons, some invented, repeated or vague, and the verdict that they give.

    Args:
        pair: A pair of `rightly.synthetic.reviews`.
        draw: Source of chance.
        sees: Probability that a true point is seen.
    """
    true = [point for rationale in pair.rationales if (point := read_point(rationale.text))]
    seen = [point for point in true if draw.random() < sees]
    seen += [_invent(pair, draw) for _ in range(_INVENTIONS) if draw.random() < _INVENTED]
    seen.sort(key=lambda point: -point.weight + draw.gauss(0, 0.7))
    said = [_word(point, draw) for point in seen]
    said = [text for text in said for _ in range(1 + (draw.random() < _TWICE))]
    balance = sum(point.weight * (1 if point.favors == "A" else -1) for point in seen)
    if balance == 0 or draw.random() < _MUDDLED:
        balance = draw.choice((-1, 1))
    reasons = tuple(Rationale(text=text) for text in said)
    return tuple(r.model_copy(update={"favors": read_stance(r)[0]}) for r in reasons), "A" if balance > 0 else "B"


def _invent(pair: PreferencePair, draw: random.Random) -> Point:
    _, *asked, courtesy = pair.context[0].content.split()
    side: Side = draw.choice(("A", "B"))
    what = draw.choice(("misstates", "omits", "forgets", *STRENGTHS))
    of = {"misstates": draw.choice(asked), "omits": draw.choice(asked), "forgets": courtesy}.get(what, "")
    if of not in (*VALUES, *COURTESIES, ""):
        raise ValueError(f"pair {pair.id!r} is not of this world")
    return Point(side, what, of)


def _word(point: Point, draw: random.Random) -> str:
    if draw.random() < _VAGUE:
        return f"{point.side} {VAGUE[point.what in STRENGTHS]}"
    return str(point) if draw.random() > _PARAPHRASED else str(point).replace(point.what, _OTHER_WORDS[point.what])
