"""The recipe of a training run: one TOML file; unknown keys are rejected, and all defaults are here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from rightly.data.source import PairSource
from rightly.preferences.adjust import AdjustRule
from rightly.training.common.recipe import Lora, check_recipe, read_table
from rightly.types import Frozen


class ModelTable(Frozen):
    """``[model]``: the model to train.

    Attributes:
        name: Folder or hub id of a base, an instruction-tuned or a reward model.
        dtype: Precision of the weights; for bfloat16 computation with float32 weights set ``[trainer] bf16``.
        max_length: Maximum number of tokens of a sequence; the prompt of longer pairs is truncated on the left, and they are
            counted.
        packed: Whether responses to one prompt share its computation.
        compile: Whether to compile the layers, which pays off after a few hundred steps.
        freeze: Whether to train only the head.
    """

    name: str
    dtype: Literal["auto", "float32", "bfloat16"] = "float32"
    max_length: int = Field(default=2048, ge=8)
    packed: bool = True
    compile: bool = False
    freeze: bool = False
    lora: Lora | None = None
    trust_remote_code: bool = False


class DataTable(Frozen):
    """``[data]``: sources as for `rightly.data.load_pairs`.

    Attributes:
        train: Files, hub ids or samples; in Python also pairs in memory.
        eval: Named evaluation sets; the first is the main one.
        columns: Column family, if rows fit several.
        limit: Maximum number of training pairs.
        ties: Whether to exclude (and count) ties, or to train them towards equal rewards.
    """

    train: tuple[PairSource, ...] = Field(min_length=1)
    eval: dict[str, PairSource] = Field(default_factory=dict)
    columns: str | None = None
    limit: int | None = Field(default=None, ge=1)
    ties: Literal["skip", "half"] = "skip"


class LossTable(Frozen):
    """``[loss]``: settings in addition to the data's columns ``target``, ``margin`` and ``weight`` per pair.

    Attributes:
        label_smoothing: Smoothing ``a`` in ``-(1 - a) log p - a log(1 - p)``, for pairs without a target.
        centering: Coefficient of the mean squared sum of rewards (Eisenstein et al., 2023); TRL's
            ``center_rewards_coefficient``.
        listwise: Loss for more than two responses: the best against the rest, or the complete ranking if ranks are given.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    centering: float = Field(default=0.0, ge=0)
    listwise: Literal["best-of-k", "plackett-luce"] = "best-of-k"


_BETA = {
    ("simcse", "response"): 1.0,
    ("simcse", "difference"): 1.0,
    ("swav", "response"): 0.1,
    ("swav", "difference"): 0.5,
}
_PROTOTYPES = {"response": 50, "difference": 20}


class ContrastiveTable(Frozen):
    """``[contrastive]``: an unsupervised loss in addition to the ranking loss.

    Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling" (2024); Wang et al., "Improving
    Discriminative Capability of Reward Models in RLHF Using Contrastive Learning" (2024). Beta and prototypes default
    to the first paper's values for each variant; temperatures are those of SimCSE and SwAV.

    Attributes:
        kind: Contrast of instances or of clusters.
        features: Contrasted features: of each response, or the difference of chosen and rejected.
        beta: Coefficient of the loss.
        temperature: Temperature of the cosine similarities.
        prototypes: Number of SwAV's clusters.
        queue: Number of rows of earlier batches that SwAV assigns together with the present ones.
        exclude_mirror: Whether to exclude a difference's own negative from its negatives (SimCSE).
    """

    kind: Literal["simcse", "swav"]
    features: Literal["response", "difference"] = "response"
    beta: float | None = Field(default=None, ge=0)
    temperature: float | None = Field(default=None, gt=0)
    prototypes: int | None = Field(default=None, ge=2)
    queue: int = Field(default=0, ge=0)
    exclude_mirror: bool = False

    @property
    def coefficient(self) -> float:
        """The coefficient; by default the paper's beta for this variant."""
        return _BETA[self.kind, self.features] if self.beta is None else self.beta

    @property
    def clusters(self) -> int:
        """The number of prototypes; by default the paper's for these features."""
        return self.prototypes or _PROTOTYPES[self.features]


class AdjustTable(AdjustRule):
    """``[adjust]``: each pair's loss follows its preference strength.

    Wang et al., "Secrets of RLHF Part II" (2024) and "Reward Modeling Requires Automatic Adjustment Based on Data Quality"
    (2024); `rightly.preferences.adjust` has the formulas of the presets.

    Attributes:
        strength: Table ``strength.parquet`` of the training data, written by `rightly strength`.
        online: Whether to compute targets from the model's own margins before it trains on each pair, instead of from a table
            (`rightly.training.reward_model.online_adjustment`). Uses the preset ``auto`` without margins. Ties and targets from
            the data do not change.
    """

    strength: str | None = None
    online: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> "AdjustTable":
        if self.online == (self.strength is not None):
            raise ValueError("adjust needs either strength = FILE or online = true")
        if self.online and self.preset != "auto":
            raise ValueError(f"adjust online supports only the preset auto, not {self.preset}")
        return self


class RewardRecipe(Frozen):
    """The complete recipe of a run.

    Attributes:
        output: Folder for the checkpoints, the best model, evaluation records and the model card.
        dropout: Dropout probability in the body, also added to models without dropout. The contrastive views need it.
        trainer: Arguments passed to transformers' ``TrainingArguments``.
    """

    output: str
    model: ModelTable
    data: DataTable
    loss: LossTable = LossTable()
    contrastive: ContrastiveTable | None = None
    adjust: AdjustTable | None = None
    dropout: float = Field(default=0.0, ge=0, lt=1)
    trainer: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _views_differ(self) -> "RewardRecipe":
        if self.contrastive is not None and self.dropout == 0:
            raise ValueError("contrastive needs dropout above 0: its views are two dropout masks (the paper uses 0.05)")
        return self


def read_recipe(path: str | Path, changes: Sequence[str] = ()) -> RewardRecipe:
    """Read the recipe of a reward model; ``changes`` are ``table.key=value`` with TOML values and override the file.

    Raises:
        InputError: The file or a change is unusable; the error names the key.
    """
    return parse_recipe(read_table(path, changes), where=str(path))


def parse_recipe(table: Mapping[str, Any], *, where: str = "recipe") -> RewardRecipe:
    """Validate a parsed table as a recipe.

    Raises:
        InputError: A key is unknown or its value is wrong; the error names the key.
    """
    return check_recipe(RewardRecipe, table, where)
