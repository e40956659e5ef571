"""What a matcher is trained on, in which order: entailment first, then reasons, drawn anew for every epoch."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.matchers.cross_encoder import by_role
from rightly.matchers.validation.probes import load_probes
from rightly.matchers.validation.summhay import load_summhay
from rightly.training.matcher.contrasts import Contrast, contrast_file, from_contrasts, read_contrasts
from rightly.training.matcher.edits import changed_detail, less_specific, light_edit
from rightly.training.matcher.entailment import read_entailment
from rightly.training.matcher.labelled import Labelled, Ranked, Row, texts_of, word_overlap
from rightly.training.matcher.negation_augmentation import negations
from rightly.training.matcher.reasons import from_comve, from_votes
from rightly.training.matcher.recipe import MatcherData
from rightly.training.matcher.stances import from_key_points, from_perspectrum
from rightly.types import PreferencePair

HELD_CONTRASTS = 8
"""One in this many written points is held out for the calibration."""
UNRELATED = 3
"""Number of sentences of other points for each point in the calibration."""
OVERLAP_BINS = 5
"""Number of equal bins of word overlap within which both labels weigh the same."""
LARGEST_WEIGHT = 3.0
"""Largest weight of a row, relative to the mean of its question."""
BATCHES_BY_LENGTH = 50
"""Number of batches that are sorted by length together."""


class Curriculum(NamedTuple):
    """The rows of a run in the order of training, with their weights, and those held out for the calibration."""

    rows: list[Row]
    weights: list[float]
    held: list[Labelled]

    def counts(self) -> dict[str, int]:
        """Number of rows by source and kind."""
        return dict(sorted(Counter(f"{row.source}: {row.kind}" for row in self.rows).items()))


class _Sources(NamedTuple):
    pairs: list[PreferencePair]
    contrasts: list[Contrast]
    entailment: list[Labelled]


def curriculum(data: MatcherData, seed: int, batch: int) -> Curriculum:
    """All rows of a run, grouped into batches of texts of similar length.

    Args:
        data: ``[data]`` of the recipe.
        seed: Seed for every draw.
        batch: Number of rows of a batch.

    Raises:
        InputError: A source is unusable, or no training row remains.
    """
    draw = random.Random(seed)
    contrasts = [each for source in data.contrasts for each in read_contrasts(contrast_file(source))]
    draw.shuffle(contrasts)
    kept = len(contrasts) // HELD_CONTRASTS
    entailment = read_entailment(data.entailment, data.entailment_limit, seed)
    sources = _Sources(_votes(data), contrasts[kept:], entailment)
    rows = _in_batches(draw.sample(entailment, min(len(entailment), data.entailment_first)), batch, draw)
    for epoch in range(data.epochs):
        rows += _in_batches(_epoch(data, sources, random.Random(f"{seed}/{epoch}")), batch, draw)
    if not rows:
        raise InputError("no row to train on", where="[data]", fix="give a source of reasons")
    held = [*from_contrasts(contrasts[:kept], seed), *_open_probes()]
    return Curriculum(rows, _weights(rows), [*held, *_unrelated(held, draw)])


def _epoch(data: MatcherData, sources: _Sources, draw: random.Random) -> list[Row]:
    seed = draw.randrange(2**31)
    votes = _some(from_votes(sources.pairs, seed), data, data.limit, draw)
    comve = _some(from_comve(data.comve, seed) if data.comve else (), data, data.limit, draw)
    written = list(from_contrasts(sources.contrasts, seed))
    stances = list(from_perspectrum(data.perspectrum, "train", seed)) if data.perspectrum else []
    key_points = from_key_points(data.argkp, data.limit, seed) if data.argkp else []
    again = draw.sample(sources.entailment, min(len(sources.entailment), data.entailment_again))
    rows: list[Row] = [*votes, *comve, *written, *stances, *key_points, *again]
    texts = [(row.source, row.reference) for row in (*votes, *comve, *written, *stances, *again)]
    rows += _edited(texts, data.edits, draw)
    return rows if data.rows is None else draw.sample(rows, min(len(rows), data.rows))


def _edited(texts: Sequence[tuple[str, str]], count: int, draw: random.Random) -> list[Labelled]:
    """Rows by rule: the same text, light edits, another number or condition, the opposite, and the less specific text."""
    rows: list[Labelled] = []
    for source, text in draw.sample(texts, min(len(texts), count)):
        text = by_role(text, text)[0]
        kept = light_edit(text, draw)
        rows.append(
            Labelled(text, kept, source, "light edit" if kept != text else "the same text", same=1.0, covers=1.0)
        )
        if draw.random() < 0.25:
            rows.append(Labelled(text, text, source, "the same text", same=1.0, covers=1.0))
        changed = [("another detail", changed_detail(text, draw)), ("opposite by rule", _opposite(text, draw))]
        for kind, new in changed:
            if new is not None and new != text:
                new = light_edit(new, draw, 2) if draw.random() < 0.5 else new
                rows.append(Labelled(text, new, source, kind, same=0.0, covers=0.0))
        if (wider := less_specific(text, draw)) is not None and draw.random() < 0.4:
            rows.append(Labelled(text, wider, source, "less specific", same=0.0, covers=0.0))
    return rows


def _opposite(text: str, draw: random.Random) -> str | None:
    found = negations(text)
    return draw.choice(found) if found else None


def _votes(data: MatcherData) -> list[PreferencePair]:
    pairs = [pair for source in data.votes for pair in load_pairs(source)]
    unknown = set(data.held_debates) - {debate_of(pair) for pair in pairs} if pairs else set()
    if unknown:
        raise InputError(f"no pair belongs to the debate {min(unknown)!r}", where="data.held_debates")
    return [pair for pair in pairs if debate_of(pair) not in data.held_debates]


def debate_of(pair: PreferencePair) -> str:
    """The debate that a pair belongs to."""
    return (pair.domain or "").split("/", 1)[0]


def held_out(data: MatcherData) -> tuple[str, ...]:
    """Names of the SummHay topics and the debates that give no training row."""
    topics = sorted({case.topic for case in load_summhay()} - set(data.topics))
    return (*(f"summhay: {topic}" for topic in topics), *(f"votes: {debate}" for debate in sorted(data.held_debates)))


def _some(rows: Iterable[Ranked], data: MatcherData, limit: int, draw: random.Random) -> list[Ranked]:
    short = [row for row in rows if max(map(len, texts_of(row))) <= data.max_characters]
    return draw.sample(short, min(len(short), limit))


def _in_batches(rows: Sequence[Row], batch: int, draw: random.Random) -> list[Row]:
    """The rows shuffled, in batches of similar length, in random order of the batches."""
    rows = draw.sample(rows, len(rows))
    batches: list[list[Row]] = []
    for start in range(0, len(rows), batch * BATCHES_BY_LENGTH):
        some = sorted(rows[start : start + batch * BATCHES_BY_LENGTH], key=lambda row: -sum(map(len, texts_of(row))))
        batches += [some[place : place + batch] for place in range(0, len(some), batch)]
    full = [each for each in batches if len(each) == batch]
    draw.shuffle(full)
    return [row for each in [*full, *(each for each in batches if len(each) < batch)] for row in each]


def _weights(rows: Sequence[Row]) -> list[float]:
    """Weights with which both labels of a question weigh the same within every bin of word overlap.

    Otherwise the share of common words tells the label: written near misses share more words with their point than paraphrases.
    """
    bins: list[tuple[int, bool] | None] = []
    total: dict[tuple[int, bool], int] = defaultdict(int)
    for row in rows:
        place = None
        if isinstance(row, Labelled) and row.nli is None and row.same is not None:
            place = min(int(word_overlap(row) * OVERLAP_BINS), OVERLAP_BINS - 1), row.same > 0.5
            total[place] += 1
        bins.append(place)
    weights = []
    for place in bins:
        if place is None:
            weights.append(1.0)
            continue
        both = total[place[0], True] + total[place[0], False]
        weights.append(min(both / (2 * total[place]), LARGEST_WEIGHT))
    return weights


def _open_probes() -> list[Labelled]:
    return [
        Labelled(probe.human, probe.judge, "probes", probe.category, same=float(probe.same), covers=float(probe.same))
        for probe in load_probes("open")
    ]


def _unrelated(held: Sequence[Labelled], draw: random.Random) -> list[Labelled]:
    """Each point with sentences of other points: between two lists most pairs are unrelated."""
    points = list(dict.fromkeys(row.reference for row in held))
    return [
        Labelled(point, other.candidate, "written", "unrelated", same=0.0, covers=0.0)
        for point in points
        for other in draw.sample(held, min(UNRELATED, len(held)))
        if other.reference != point
    ]
