"""From people's reasons to what a matcher learns: graded pairs of points, and pairs of which one is nearer than the other.

Where people said that two points are the same (SummHay's links) or sentences were written to be so, the pair has a grade.
Where they did not (a fellow voter's reason is nearer than an opponent's, but need not be the same reason; UKPConvArg1, ComVE,
WinoWhy), only the order is learned. The grades are the MetaJudge's anchors ("Outcome Accuracy is Not Enough", 2026): 0 absent,
contradicted or vague, .25 touched, .5 partial, 1 full.
"""

import csv
import gzip
import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from rightly.data.load import Rows, open_rows
from rightly.errors import InputError
from rightly.matchers.validation.summhay import CoverageCase
from rightly.references import subject_side, swap_references
from rightly.training.matcher.negation_augmentation import negations
from rightly.types import Frozen, PreferencePair

Source = Literal["summhay", "votes", "comve", "winowhy", "written"]
PER_POINT = 2
"""Bullets of the same summary that are no match, for each point."""
PER_REASON = 2
"""Orders learned from each voter's reason."""


class Graded(NamedTuple):
    """A human point and a judge's reason, and how far the reason covers the point, in [0, 1]."""

    reference: str
    candidate: str
    score: float
    source: Source
    kind: str


class Ranked(NamedTuple):
    """A reason that is nearer to a point than another one is."""

    reference: str
    nearer: str
    farther: str
    source: Source
    kind: str


class Contrast(Frozen):
    """A written point with sentences that say the same and sentences that do not.

    Attributes:
        point: One reason for a preference.
        paraphrases: The same in other words.
        opposites: What contradicts it, of the same response.
        changed: One decisive detail is another.
        topic: Something else on the subject.
        general: The point without what is specific in it.
        vague: A verdict that would fit any point.
    """

    point: str
    paraphrases: tuple[str, ...]
    opposites: tuple[str, ...]
    changed: tuple[str, ...]
    topic: tuple[str, ...]
    general: str
    vague: str


def from_summaries(cases: Sequence[CoverageCase], seed: int = 0) -> Iterator[Graded]:
    """People's links, and for every point some bullets of the summary that they did not link."""
    draw = random.Random(seed)
    for case in cases:
        people = {(link.reference, link.candidate): link.score for link in case.human}
        for (reference, candidate), score in people.items():
            yield Graded(case.points[reference], case.bullets[candidate], score, "summhay", "link")
        for reference, point in enumerate(case.points):
            others = [i for i in range(len(case.bullets)) if (reference, i) not in people]
            for i in draw.sample(others, min(PER_POINT, len(others))):
                yield Graded(point, case.bullets[i], 0.0, "summhay", "no link")


def from_votes(pairs: Sequence[PreferencePair], seed: int = 0) -> Iterator[Ranked]:
    """A fellow voter's reason is nearer than an opponent's on the same pair, and than a reason from another pair."""
    draw = random.Random(seed)
    said = [(pair, _by_vote(pair)) for pair in pairs]
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
    """Right reasons why a statement is against common sense are nearer to one another than confusing ones (ComVE, 2020).

    Raises:
        InputError: The file has not the columns of ComVE's training file.
    """
    draw = random.Random(seed)
    for row in _read_csv(path):
        right = [row[f"Right Reason{n}"].strip() for n in (1, 2, 3)]
        confusing = [row[f"Confusing Reason{n}"].strip() for n in (1, 2)]
        for place, reason in enumerate(right):
            nearer = draw.choice([each for i, each in enumerate(right) if i != place])
            farther = draw.choice(confusing)
            if reason and nearer and farther:
                yield Ranked(reason, nearer, farther, "comve", "confusing reason")


def from_winowhy(path: str | Path, seed: int = 0) -> Iterator[Ranked]:
    """WinoWhy (Zhang et al., 2020): a valid reason for a reading is nearer to another valid one than an invalid one is.

    Raises:
        InputError: The file is not WinoWhy's.
    """
    draw = random.Random(seed)
    for question in winowhy_questions(path):
        for reason in question.valid:
            others = [each for each in question.valid if each != reason]
            if others and question.invalid:
                yield Ranked(reason, draw.choice(others), draw.choice(question.invalid), "winowhy", "invalid reason")


def from_negations(rows: Sequence[Ranked], seed: int = 0) -> Iterator[Ranked | Graded]:
    """People's reasons against their own opposites by rule (`rightly.training.matcher.negation_augmentation`).

    A fellow's right reason, in other words, is nearer than the opposite in the same words; and a reason is not its opposite,
    but is itself.
    """
    draw = random.Random(seed)
    for row in rows:
        negated = negations(row.reference)
        if not negated:
            continue
        opposite = draw.choice(negated)
        yield Graded(row.reference, opposite, 0.0, row.source, "opposite by rule")
        yield Graded(row.reference, row.reference, 1.0, row.source, "the same text")
        if row.source == "comve":
            yield Ranked(row.reference, row.nearer, opposite, row.source, "opposite by rule")
            of_fellow = negations(row.nearer)
            if of_fellow:
                yield Graded(row.reference, draw.choice(of_fellow), 0.0, row.source, "opposite by rule")


class WinoWhyQuestion(NamedTuple):
    """A question with its reasons, by what most annotators said of them."""

    text: str
    valid: tuple[str, ...]
    invalid: tuple[str, ...]


def winowhy_questions(path: str | Path) -> Iterator[WinoWhyQuestion]:
    """The questions of WinoWhy's file.

    Raises:
        InputError: The file is not WinoWhy's.
    """
    yield from open_rows(str(path)).converted(_questions)


def read_contrasts(path: str | Path) -> tuple[Contrast, ...]:
    """Written contrasts, one JSON object a line.

    Raises:
        InputError: A line is unusable; names it.
    """
    return tuple(open_rows(str(path)).converted(_contrasts))


def from_contrasts(contrasts: Sequence[Contrast], seed: int = 0) -> Iterator[Graded]:
    """Every written point against its sentences, both ways where the grade is symmetric, and against the other response."""
    draw = random.Random(seed)
    grades = (("paraphrases", 1.0), ("opposites", 0.0), ("changed", 0.25), ("topic", 0.0))
    for each in contrasts:
        for kind, score in grades:
            for text in getattr(each, kind):
                yield Graded(each.point, text, score, "written", kind)
        first, *others = each.paraphrases
        for text in others:
            yield Graded(first, text, 1.0, "written", "paraphrases")
        yield Graded(first, draw.choice(each.opposites), 0.0, "written", "opposites")
        yield Graded(draw.choice(each.opposites), draw.choice(each.paraphrases), 0.0, "written", "opposites")
        yield Graded(first, draw.choice(each.changed), 0.25, "written", "changed")
        yield Graded(each.point, each.general, 0.5, "written", "general")
        yield Graded(each.general, each.point, 1.0, "written", "specific")
        yield Graded(each.point, each.vague, 0.0, "written", "vague")
        if subject_side(each.point) is not None:
            yield Graded(each.point, swap_references(draw.choice(each.paraphrases)), 0.0, "written", "swap")
            yield Graded(each.point, swap_references(each.point), 0.0, "written", "swap")


def _contrasts(rows: Rows) -> Iterator[Contrast]:
    for row in rows:
        try:
            yield Contrast.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _questions(rows: Rows) -> Iterator[WinoWhyQuestion]:
    for row in rows:
        try:
            text = " ".join(row["text"][part] for part in ("txt1", "pron", "txt2"))
            said: dict[str, list[str]] = {"Valid": [], "Invalid": [], "Undecided": []}
            for reason, _, _, label in row["reasons"]:
                said[label].append(reason.strip())
        except (KeyError, TypeError, ValueError):
            raise InputError("is no row of WinoWhy", fix="use winowhy.json as published") from None
        yield WinoWhyQuestion(text, tuple(said["Valid"]), tuple(said["Invalid"]))


def _read_csv(path: str | Path) -> Iterator[dict[str, str]]:
    path = Path(path)
    wanted = {*(f"Right Reason{n}" for n in (1, 2, 3)), *(f"Confusing Reason{n}" for n in (1, 2))}
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", errors="replace")
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", where=str(path)) from None
    reader = csv.DictReader(io.StringIO(text))
    missing = sorted(wanted - set(reader.fieldnames or ()))
    if missing:
        raise InputError(f"has no column {missing[0]!r}", where=str(path), fix="use ComVE's train.csv as published")
    yield from reader


def _by_vote(pair: PreferencePair) -> dict[str, list[str]]:
    votes = {vote.annotator: vote.choice for vote in pair.votes}
    found: dict[str, list[str]] = {}
    for reason in pair.rationales:
        if reason.annotator in votes and reason.text.strip():
            found.setdefault(votes[reason.annotator], []).append(reason.text)
    return found
