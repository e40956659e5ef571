"""Agreement between raters beyond chance, with labels that may be missing."""

from collections.abc import Hashable, Sequence

import numpy as np

_MISSING = -1


def krippendorff_alpha(ratings: Sequence[Sequence[Hashable | None]]) -> float:
    """Nominal alpha of any number of raters (Krippendorff, "Content Analysis", 2004, chapter 11).

    Args:
        ratings: One row per item, one label per rater; shape [n, raters]. ``None`` is a missing label; items with fewer
            than two labels are excluded.

    Returns:
        1 is perfect agreement, 0 is chance. NaN where no item has two labels, or where all labels are the same: then
        chance agreement is total, and alpha is 0 / 0.

    Raises:
        ValueError: Rows differ in length.
    """
    import krippendorff

    widths = {len(row) for row in ratings}
    if len(widths) > 1:
        raise ValueError(f"rows of {sorted(widths)} labels; every item needs one place for each rater")
    paired = [row for row in ratings if sum(label is not None for label in row) >= 2]
    numbers: dict[Hashable | None, int] = {None: _MISSING}
    codes = np.array([[numbers.setdefault(label, len(numbers) - 1) for label in row] for row in paired], dtype=float)
    if len(numbers) < 3:
        return float("nan")
    codes[codes == _MISSING] = np.nan
    return float(krippendorff.alpha(codes.T, level_of_measurement="nominal"))
