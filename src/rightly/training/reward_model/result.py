"""What the training of a scalar reward model leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rightly.metrics.preference import PreferenceMetrics
from rightly.reward_models.model import Prompt, RewardModel
from rightly.training.reward_model.data import DataCounts


@dataclass(frozen=True)
class TrainedRewardModel:
    """What a run left behind.

    Attributes:
        folder: The model: a plain Hugging Face checkpoint, a low-rank adapter merged into its base unless told otherwise.
        results: Metrics of every evaluation set, of the model in ``folder``.
        counts: What became of the pairs of ``train`` and of every evaluation set.
        steps: Optimiser steps.
        loss: Mean training loss of the run as the Trainer reports it.
        history: What the Trainer logged, step by step.
    """

    folder: Path
    results: dict[str, PreferenceMetrics]
    counts: dict[str, DataCounts]
    steps: int
    loss: float
    history: list[dict[str, float]]

    @cached_property
    def model(self) -> RewardModel:
        """The trained model, loaded from ``folder`` at the first use."""
        return RewardModel.load(self.folder)

    def rewards(self, prompt: Prompt, responses: Sequence[str]) -> list[float]:
        """The rewards of responses to one prompt; `RewardModel.rewards`."""
        return self.model.rewards(prompt, responses)
