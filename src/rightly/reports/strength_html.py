"""The report of preference strength: distribution, deciles, conflicts, and suspected labels to review, in one HTML file."""

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rightly.preferences.effect import RepairEffect
from rightly.preferences.pair_classes import Diagnosis
from rightly.reports.charts import LineChart, histogram
from rightly.reports.page import write_page
from rightly.reports.strength_words import strength_sentences
from rightly.types import PreferencePair

MAX_SUSPECTS = 200
MAX_CONFLICTS = 100
_SHARED = 0.3
"""Below this likeness nearly every word differs, and marks would say nothing."""

Pieces = list[tuple[str, bool]]
"""Of a text: words, and whether they are marked."""


def write_strength_report(folder: Path, summary: dict[str, Any], load: Callable[[], Iterable[PreferencePair]]) -> None:
    """Write ``report.html`` beside the table.

    Args:
        folder: Holds ``strength.parquet``.
        summary: Content of ``strength.json``.
        load: Gives the pairs; gives none where only scores were diagnosed, and then no texts are shown.
    """
    import pyarrow.parquet as pq

    found = Diagnosis.model_validate(summary["diagnosis"])
    table = folder / "strength.parquet"
    worst = _worst(table)
    write_page(
        folder / "report.html",
        "strength.html",
        summary=summary,
        found=found,
        sentences=strength_sentences(found),
        distribution=histogram(pq.read_table(table, columns=["strength"])["strength"].to_numpy()),
        curve=_curve(found),
        effects={name: RepairEffect.model_validate(effect) for name, effect in summary["effects"].items()},
        conflicts=summary["conflicts"][:MAX_CONFLICTS],
        n_worst=len(worst),
        suspects=_suspects(worst, load),
    )


def _worst(path: Path) -> dict[str, tuple[float, float, float]]:
    """Strength, standard deviation and probability of the suspects least likely to be labelled right, by id, worst first."""
    import pyarrow.parquet as pq

    kept: list[tuple[float, float, float, str]] = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["probability", "strength", "std", "id", "class"]):
            suspected = np.flatnonzero(np.array(batch.column(4).to_pylist()) == "suspect")
            probability = batch.column(0).to_numpy(zero_copy_only=False)
            few = suspected[np.argsort(probability[suspected], kind="stable")[:MAX_SUSPECTS]]
            rows = batch.select(range(4)).take(few)
            kept += zip(*(column.to_pylist() for column in rows.columns), strict=True)
            kept = sorted(kept)[:MAX_SUSPECTS]
    return {str(i): (s, d, q) for q, s, d, i in kept}


def _curve(found: Diagnosis) -> LineChart:
    """Shares of right labels over the deciles: the estimate within its interval, and what people said."""
    last = max(len(found.deciles) - 1, 1)
    right = [(place / last, *each.right) for place, each in enumerate(found.deciles)]
    people = [(place / last, each.people.right) for place, each in enumerate(found.deciles) if each.people is not None]
    lines = [("model", [(x, value) for x, value, _, _ in right])]
    if people:
        lines.append(("people", people))
    return LineChart(
        kind="curve",
        said=("line: by what people said; " if people else "")
        + "dashed: estimated share of right labels, with its 95% interval",
        width=640,
        height=200,
        left=34,
        bottom=10,
        before=10,
        after=10,
        grid=[(value, f"{value:g}") for value in (0.0, 0.25, 0.5, 0.75, 1.0)],
        lines=lines,
        band=[(x, low) for x, _, low, _ in right] + [(x, high) for x, _, _, high in reversed(right)],
    )


def _suspects(
    worst: dict[str, tuple[float, float, float]], load: Callable[[], Iterable[PreferencePair]]
) -> Iterable[dict[str, Any]]:
    """What the page shows of each suspect, worst first."""
    pairs = {pair.id: pair for pair in load() if pair.id in worst} if worst else {}
    for name, (strength, std, probability) in worst.items():
        pair = pairs.get(name)
        if pair is None or pair.label is None:
            continue
        best = pair.choices.index(str(pair.label))
        other = 1 if best == 0 else 0
        labelled, rejected = marked(pair.responses[best], pair.responses[other])
        yield {
            "pair": pair,
            "strength": strength,
            "std": std,
            "probability": probability,
            "label": pair.choices[best],
            "other": pair.choices[other],
            "labelled": labelled,
            "rejected": rejected,
        }


def marked(first: str, second: str) -> tuple[Pieces, Pieces]:
    """Both texts in pieces, and whether the other lacks a piece at that place; whole where they share little."""
    one, two = re.findall(r"\S+\s*|\s+", first), re.findall(r"\S+\s*|\s+", second)
    matcher = difflib.SequenceMatcher(None, [w.strip() for w in one], [w.strip() for w in two], autojunk=False)
    if matcher.ratio() < _SHARED:
        return [(first, False)], [(second, False)]
    left: Pieces = []
    right: Pieces = []
    for operation, a, b, c, d in matcher.get_opcodes():
        for out, words in ((left, one[a:b]), (right, two[c:d])):
            if words:
                out.append(("".join(words), operation != "equal"))
    return left, right
