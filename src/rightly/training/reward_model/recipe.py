"""The recipe of a training run: one TOML file, unknown keys refused, every default stated here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from rightly.data.source import PairSource
from rightly.preferences.adjust import AdjustRule
from rightly.training.common.recipe import Lora, check_recipe, read_table
from rightly.types import Frozen


class ModelTable(Frozen):
    """``[model]``: what is trained.

    Attributes:
        name: Folder or hub id; a base, an instruction-tuned or a reward model.
        dtype: Precision of the weights; computing in bfloat16 over float32 weights is ``[trainer] bf16``.
        max_length: Tokens of a sequence; over-long pairs lose the left of their prompt and are counted.
        packed: Responses to one prompt share its computation.
        compile: Compile the layers; pays from a few hundred steps.
        freeze: Train the head alone.
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
    """``[data]``: sources as `rightly.data.load_pairs` takes them.

    Attributes:
        train: Files, hub ids or samples; in Python also pairs in memory.
        eval: Named sets; the first is the main one.
        columns: The column family, where rows fit several.
        limit: At most so many training pairs.
        ties: Leave ties out (counted), or train them towards equal rewards.
    """

    train: tuple[PairSource, ...] = Field(min_length=1)
    eval: dict[str, PairSource] = Field(default_factory=dict)
    columns: str | None = None
    limit: int | None = Field(default=None, ge=1)
    ties: Literal["skip", "half"] = "skip"


class LossTable(Frozen):
    """``[loss]``: added to what the data say pair by pair (columns ``target``, ``margin``, ``weight``).

    Attributes:
        label_smoothing: a in ``-(1 - a) log p - a log(1 - p)``, for pairs without a target.
        centering: Coefficient of the mean squared sum of rewards (Eisenstein et al., 2023); TRL's
            ``center_rewards_coefficient``.
        listwise: For more than two responses: the best against the rest, or the whole ranking where ranks are given.
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
    """``[contrastive]``: an unsupervised loss beside the ranking loss.

    Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling" (2024); Wang et al., "Improving
    Discriminative Capability of Reward Models in RLHF Using Contrastive Learning" (2024). Beta and prototypes default
    to the first paper's values for each variant; temperatures are those of SimCSE and SwAV.

    Attributes:
        kind: Contrast of instances or of clusters.
        features: Of each response, or the difference of chosen and rejected.
        beta: Coefficient.
        temperature: Of the cosines.
        prototypes: Clusters of SwAV.
        queue: Rows of earlier batches that SwAV assigns together with the present ones.
        exclude_mirror: Leave a difference's own negative out of its negatives (SimCSE).
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
        """Beta, by default the paper's for this variant."""
        return _BETA[self.kind, self.features] if self.beta is None else self.beta

    @property
    def clusters(self) -> int:
        """Prototypes, by default the paper's for these features."""
        return self.prototypes or _PROTOTYPES[self.features]


class AdjustTable(AdjustRule):
    """``[adjust]``: each pair's loss follows its preference strength.

    Wang et al., "Secrets of RLHF Part II" (2024) and "Reward Modeling Requires Automatic Adjustment Based on Data Quality"
    (2024); `rightly.preferences.adjust` has the formulas of the presets.

    Attributes:
        strength: ``strength.parquet`` of the training data, as `rightly strength` writes it.
        online: Instead of a table, targets by the model's own margins as it meets each pair
            (`rightly.training.reward_model.online_adjustment`); preset ``auto``, without margins. Ties and stated
            targets stay as they are.
    """

    strength: str | None = None
    online: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> "AdjustTable":
        if self.online == (self.strength is not None):
            raise ValueError("adjust needs strength = FILE or online = true, one of them")
        if self.online and self.preset != "auto":
            raise ValueError(f"adjust online knows the preset auto alone, not {self.preset}")
        return self


class RewardRecipe(Frozen):
    """Everything a run is made of.

    Attributes:
        output: Folder of checkpoints, the best model, evaluation records and the model card.
        dropout: Probability in the body; put into models that have none. The contrastive views need it.
        trainer: Arguments of transformers' ``TrainingArguments``, handed through.
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
    """The recipe of a reward model; ``changes`` are ``table.key=value`` with TOML values, which win over the file.

    Raises:
        InputError: The file or a change is unusable; names the key.
    """
    return parse_recipe(read_table(path, changes), where=str(path))


def parse_recipe(table: Mapping[str, Any], *, where: str = "recipe") -> RewardRecipe:
    """The recipe of a parsed table.

    Raises:
        InputError: A key is unknown or its value is wrong; names the key.
    """
    return check_recipe(RewardRecipe, table, where)
