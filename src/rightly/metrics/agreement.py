"""Agreement between raters beyond chance: thin, checked doors to statsmodels and krippendorff.

Labels are any hashable values, ``None`` is missing. Where chance agreement is total (everyone gave one and the same
label throughout), kappa and alpha are 0 / 0 and come back as NaN; the share of agreement says what happened.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rightly.errors import InputError

Label = Hashable | None
Level = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement, with what it was taken over.

    Attributes:
        value: The coefficient; 1 is perfect, for kappa and alpha 0 is chance.
        n: Items used.
        n_left_out: Items left out for missing labels.
    """

    value: float
    n: int
    n_left_out: int


def percent_agreement(first: Sequence[Label], second: Sequence[Label]) -> Agreement:
    """Share of items that two raters label alike, over items that both labelled.

    Args:
        first: One label an item; length n.
        second: The same of the other rater; length n.

    Raises:
        InputError: No item was labelled by both.
        ValueError: The lengths differ.
    """
    common = _common(first, second)
    return Agreement(sum(a == b for a, b in common) / len(common), len(common), len(first) - len(common))


def cohen_kappa(first: Sequence[Label], second: Sequence[Label]) -> Agreement:
    """Unweighted kappa of two raters (Cohen, 1960), over items that both labelled.

    Args:
        first: One label an item; length n.
        second: The same of the other rater; length n.

    Raises:
        InputError: No item was labelled by both.
        ValueError: The lengths differ.
    """
    from statsmodels.stats.inter_rater import cohens_kappa

    common = _common(first, second)
    codes = _codes([list(pair) for pair in common])
    size = int(codes.max()) + 1
    table = np.zeros((size, size))
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    value = float("nan") if size == 1 else np.asarray(cohens_kappa(table, return_results=False)).item()
    return Agreement(value, len(common), len(first) - len(common))


def fleiss_kappa(ratings: Sequence[Sequence[Label]]) -> Agreement:
    """Kappa of a fixed number of raters an item, not always the same people (Fleiss, 1971).

    Args:
        ratings: One row an item, one label a rater; shape [n, raters], raters at least 2. The formula has no place for
            a missing label, so items with one are left out (:func:`krippendorff_alpha` keeps them).

    Raises:
        InputError: No item has all its labels.
        ValueError: Rows differ in length, or there are fewer than two raters.
    """
    from statsmodels.stats import inter_rater

    _check_table(ratings)
    complete = [row for row in ratings if None not in row]
    if not complete:
        raise InputError("agreement needs at least one item with a label from every rater", fix="check the votes")
    codes = _codes(complete)
    if codes.max() == 0:
        return Agreement(float("nan"), len(complete), len(ratings) - len(complete))
    table, _ = inter_rater.aggregate_raters(codes)
    return Agreement(float(inter_rater.fleiss_kappa(table)), len(complete), len(ratings) - len(complete))


def krippendorff_alpha(ratings: Sequence[Sequence[Label]], *, level: Level = "nominal") -> Agreement:
    """Alpha of any number of raters, missing labels allowed (Krippendorff, "Content Analysis", 2004, chapter 11).

    Args:
        ratings: One row an item, one label a rater; shape [n, raters]. Items with fewer than two labels say nothing
            and are left out.
        level: ``nominal`` takes any labels; ``ordinal`` and ``interval`` need numbers.

    Raises:
        InputError: No item has two labels.
        ValueError: Rows differ in length, there are fewer than two raters, or labels are not numbers where needed.
    """
    import krippendorff

    _check_table(ratings)
    paired = [row for row in ratings if sum(label is not None for label in row) >= 2]
    if not paired:
        raise InputError("agreement needs at least one item with two labels", fix="check the votes")
    values = _codes(paired).astype(float) if level == "nominal" else _numbers(paired)
    values[values == _MISSING if level == "nominal" else np.isnan(values)] = np.nan
    alpha = float("nan")
    if len(np.unique(values[~np.isnan(values)])) > 1:
        alpha = float(krippendorff.alpha(values.T, level_of_measurement=level))
    return Agreement(alpha, len(paired), len(ratings) - len(paired))


_MISSING = -1


def _common(first: Sequence[Label], second: Sequence[Label]) -> list[tuple[Label, Label]]:
    common = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not common:
        raise InputError("agreement needs at least one item that both raters labelled", fix="check the votes")
    return common


def _check_table(ratings: Sequence[Sequence[Label]]) -> None:
    widths = {len(row) for row in ratings}
    if len(widths) > 1 or (widths and min(widths) < 2):
        raise ValueError(f"rows of {sorted(widths)} labels; every item needs one place for each of two or more raters")


def _codes(ratings: Sequence[Sequence[Label]]) -> NDArray[np.int64]:
    """Labels as 0, 1, ... in order of appearance, -1 for a missing one; the shape of ``ratings``."""
    numbers: dict[Any, int] = {None: _MISSING}
    return np.array([[numbers.setdefault(label, len(numbers) - 1) for label in row] for row in ratings])


def _numbers(ratings: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
    return np.array([[np.nan if label is None else float(label) for label in row] for row in ratings])
