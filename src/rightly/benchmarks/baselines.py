"""Rules that need no model; every table holds them, so that a number is seen beside what length and place alone give."""

from collections.abc import Sequence

from rightly.benchmarks.answers import Answer, comparisons, from_outcomes, from_scores
from rightly.metrics.accuracy import Outcome
from rightly.types import PreferencePair

BASELINES = ("longer", "shorter", "first")


def baseline_answers(items: Sequence[PreferencePair]) -> list[list[Answer]]:
    """Answers of ``longer``, ``shorter`` (in characters, equal is a tie) and ``first`` (whatever is shown first)."""
    lengths = {item.id: [float(len(response)) for response in item.responses] for item in items}
    shorter = {name: [-length for length in each] for name, each in lengths.items()}
    return [from_scores(items, "longer", lengths), from_scores(items, "shorter", shorter), _first(items)]


def _first(items: Sequence[PreferencePair]) -> list[Answer]:
    def outcomes(item: PreferencePair) -> list[tuple[Outcome, ...]]:
        return [(1, -1) if pair.label == "A" else (-1, 1) for pair in comparisons(item)]

    return [from_outcomes(item, "first", outcomes(item)) for item in items]
