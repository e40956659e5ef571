"""What a repair does to the number of wrong labels, with an interval that holds whatever the models' calibration."""

import numpy as np
from numpy.typing import NDArray

from rightly.preferences.evidence import LabelEvidence, WrongLabels
from rightly.types import Frozen


class RepairEffect(Frozen):
    """Labels that a repair flips or drops, and the estimated number of wrong ones among them.

    Attributes:
        flipped: Estimate of wrong labels among the flipped ones.
        dropped: Estimate of wrong labels among the dropped pairs.
    """

    flipped: WrongLabels
    dropped: WrongLabels

    @property
    def change(self) -> float:
        """Expected number of wrong labels after the repair minus before."""
        return self.flipped.n - 2 * self.flipped.expected - self.dropped.expected

    @property
    def change_low(self) -> float:
        """Lower end of its 95% interval."""
        return self.flipped.n - 2 * self.flipped.high - self.dropped.high

    @property
    def change_high(self) -> float:
        """Upper end; above 0, and the repair may add wrong labels."""
        return self.flipped.n - 2 * self.flipped.low - self.dropped.low

    @property
    def flips_may_harm(self) -> bool:
        """Whether the interval allows that more right labels than wrong ones are flipped."""
        return self.flipped.n > 0 and self.flipped.n > 2 * self.flipped.low

    @property
    def sentence(self) -> str:
        """The effect in words."""
        said = [
            f"of {part.n:,} labels {verb}, {part} are expected to be wrong"
            for verb, part in (("flipped", self.flipped), ("left out", self.dropped))
            if part.n
        ]
        if not said:
            return "no label is flipped or left out: the number of wrong labels stays"
        return f"{'; '.join(said)}; wrong labels, after minus before: {self.change_text}"

    @property
    def change_text(self) -> str:
        """The change with its interval."""
        return f"{self.change:+,.0f} [{self.change_low:+,.0f}, {self.change_high:+,.0f}]"


def repair_effect(evidence: LabelEvidence, flipped: NDArray[np.bool_], dropped: NDArray[np.bool_]) -> RepairEffect:
    """The effect of flipping some labels and leaving others out, both ``(N,)`` over the pairs that the evidence is of."""
    return RepairEffect(flipped=evidence.wrong(flipped), dropped=evidence.wrong(dropped))
