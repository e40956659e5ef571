"""Check whether all software gets the same rewards from a checkpoint; see `rightly.reward_models.doctor.examination`."""

from rightly.reward_models.doctor.diagnosis import Diagnosis, Finding, PathResult
from rightly.reward_models.doctor.examination import examine
from rightly.reward_models.doctor.scoring_paths import PROBES, USUAL

__all__ = ["PROBES", "USUAL", "Diagnosis", "Finding", "PathResult", "examine"]
