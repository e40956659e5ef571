"""What a diagnosis of preference strength says, in sentences that the page and the terminal share."""

from rightly.preferences.evidence import FEWEST_KNOWN
from rightly.preferences.pair_classes import Diagnosis
from rightly.reports.numbers import percent


def strength_sentences(found: Diagnosis) -> list[str]:
    """How many labels are wrong, how many are suspected, and how far that can be known."""
    said = [*_rate(found)]
    suspects = found.counts["suspect"]
    if suspects:
        said.append(
            f"{suspects:,} labels are suspected; {found.suspects} of them are expected to be wrong (95% interval)."
        )
    else:
        said.append("No label is suspected: none can be pointed out, whatever the share of wrong ones.")
    if found.no_difference:
        said.append(
            f"{found.no_difference:,} pairs have no difference to any model (identical responses, or identical after "
            "truncation). They are in no other figure."
        )
    return said


def _rate(found: Diagnosis) -> list[str]:
    quality = found.quality
    if quality.noise_low is None or quality.noise_high is None:
        return [f"{percent(quality.noise_rate)} of the labels are wrong, as you expected; nothing here checks it."]
    between = f"{percent(quality.noise_low)} to {percent(quality.noise_high)}"
    if quality.basis == "people":
        return [
            f"{percent(quality.noise_rate)} of the labels are wrong (95% interval {between}), by what people said of "
            f"{quality.known:,} of them."
        ]
    return [
        f"The share of wrong labels cannot be told from margins alone: {between} (95% interval). Where models and a label "
        f"disagree, either may be wrong; check {FEWEST_KNOWN} labels or more (--trusted FILE) to know.",
        f"The estimates below assume that errors do not depend on difficulty and that models are right where they are "
        f"surest: {percent(quality.noise_rate)} wrong.",
    ]
