"""The result of training a scalar reward model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rightly.metrics.preference import PreferenceMetrics
from rightly.reward_models.model import Prompt, RewardModel
from rightly.training.reward_model.data import DataCounts


@dataclass(frozen=True)
class TrainedRewardModel:
    """Result of a run.

    Attributes:
        folder: Folder of the model, a plain Hugging Face checkpoint; by default a low-rank adapter is merged into its base.
        results: Metrics of the model in ``folder`` on every evaluation set.
        counts: Counts of used and excluded pairs of ``train`` and of every evaluation set.
        steps: Number of optimiser steps.
        loss: Mean training loss of the run, as reported by the Trainer.
        history: Log of the Trainer, step by step.
    """

    folder: Path
    results: dict[str, PreferenceMetrics]
    counts: dict[str, DataCounts]
    steps: int
    loss: float
    history: list[dict[str, float]]

    @cached_property
    def model(self) -> RewardModel:
        """The trained model, loaded from ``folder`` on first use."""
        return RewardModel.load(self.folder)

    def rewards(self, prompt: Prompt, responses: Sequence[str]) -> list[float]:
        """The rewards of responses to one prompt; see `RewardModel.rewards`."""
        return self.model.rewards(prompt, responses)
