"""How a trained matcher's logits become scores, and from which score on a relation holds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from rightly.matchers.cross_encoder import Calibration, CrossEncoder, Weights, evidence, scores
from rightly.matchers.lexical import weighted_overlap
from rightly.matchers.response_filter import compatible, damped
from rightly.matchers.validation.summhay import CoverageCase
from rightly.training.matcher.labelled import Labelled
from rightly.types import content_key

MOST_ACCEPTED = 0.08
"""Largest accepted share of any kind of near miss in the calibration set; the checks allow .10."""
MOST_CASES = 60
"""Largest number of summaries, drawn by hash, that coverage is calibrated on: seven weights need no more."""
_RIDGE = 1e-3
_SIGNS = ((0.0, None), (None, 0.0), (None, 0.0), (0.0, None), (0.0, None))
"""Bounds of the weights of entailment, neutral, contradiction, the same point and coverage."""


class Calibrated(NamedTuple):
    """The calibrations of both relations, and the accepted share of each kind of row at the operating point."""

    same: Calibration
    covers: Calibration
    accepted: dict[str, float]


def calibrated(encoder: CrossEncoder, held: Sequence[Labelled], cases: Sequence[CoverageCase]) -> Calibrated:
    """Fit both relations.

    Args:
        encoder: The trained model.
        held: Labelled rows that it was not trained on, for "the same point".
        cases: Human-labelled summaries, for coverage; without any, coverage is fitted on ``held``.
    """
    pairs = [(row.reference, row.candidate) for row in held]
    logits, closed = encoder.logits(pairs), np.array([not compatible(*pair) for pair in pairs])
    none = np.zeros(len(held))
    found = evidence(logits, none)
    same = Calibration(weights=_logistic(found, np.array([float(row.same or 0) for row in held])))
    scored = damped(scores(found, same), closed)
    kinds = np.array([row.kind for row in held])
    point = _operating_point([scored[kinds == kind] for kind in sorted({row.kind for row in held if not row.same})])
    accepted = {str(kind): float((scored[kinds == kind] >= point).mean()) for kind in sorted(set(kinds))}
    covers = _coverage(encoder, cases) if cases else _coverage_of(found, [float(row.covers or 0) for row in held])
    return Calibrated(same.model_copy(update={"operating_point": point}), covers, accepted)


def _operating_point(wrong: Sequence[NDArray[np.float64]]) -> float:
    bound = max(float(np.quantile(each, 1 - MOST_ACCEPTED)) for each in wrong)
    return round(min(max(bound + 1e-3, 0.5), 0.999), 3)


def _coverage(encoder: CrossEncoder, cases: Sequence[CoverageCase]) -> Calibration:
    found, labels = [], []
    for case in sorted(cases, key=lambda each: content_key(["calibration", each.id]))[:MOST_CASES]:
        people = {(link.reference, link.candidate): link.score for link in case.human}
        pairs = [(point, bullet) for point in case.points for bullet in case.bullets]
        found.append(evidence(encoder.logits(pairs), weighted_overlap(case.points, case.bullets).ravel()))
        labels += [people.get((i, j), 0.0) for i in range(len(case.points)) for j in range(len(case.bullets))]
    return _coverage_of(np.concatenate(found), labels)


def _coverage_of(found: NDArray[np.float64], labels: Sequence[float]) -> Calibration:
    """Weights for coverage; the operating point accepts as many pairs as are covered."""
    target = np.array(labels)
    fitted = Calibration(weights=_logistic(found, target))
    point = float(np.quantile(scores(found, fitted), 1 - float((target >= 0.5).mean())))
    return fitted.model_copy(update={"operating_point": round(min(max(point, 0.1), 0.999), 3)})


def _logistic(found: NDArray[np.float64], target: NDArray[np.float64]) -> Weights:
    """Logistic regression on grades in [0, 1], with a small ridge and bounded signs."""

    def loss(weights: NDArray[np.float64]) -> float:
        logits = found @ weights
        return float(np.mean(np.logaddexp(0, logits) - target * logits) + _RIDGE * (weights[:-1] ** 2).sum())

    bounds = [*_SIGNS, (0.0, None), (None, None)]
    best = minimize(loss, np.zeros(found.shape[1]), method="L-BFGS-B", bounds=bounds)
    entails, neutral, contradicts, same, covers, overlap, one = (round(float(weight), 6) for weight in best.x)
    return entails, neutral, contradicts, same, covers, overlap, one
