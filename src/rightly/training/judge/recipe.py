"""The recipe of a generative reward model: one TOML file; unknown keys are rejected, and all defaults are here."""

from typing import Any, Literal

from pydantic import Field, model_validator

from rightly.data.source import PairSource
from rightly.rewards.rule import RewardRule
from rightly.training.common.recipe import Lora
from rightly.types import Frozen


class GenrmModel(Frozen):
    """``[model]``: the model to train.

    Attributes:
        name: Folder or hub id of a causal language model with a chat template; ``new`` makes a small Llama in a world.
        dtype: Precision of the weights.
        lora: Low-rank adapter for both stages, merged after each.
    """

    name: str
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    lora: Lora | None = None
    trust_remote_code: bool = False


class JudgingData(Frozen):
    """``[data]``: pairs with a label and human reasons, from sources as for `rightly.data.load_pairs`.

    Attributes:
        train: Files, hub ids or samples; in Python also pairs in memory.
        columns: Column family, if rows fit several.
        limit: Maximum number of pairs of each source.
        held_out: Sources whose pairs are excluded from training by their content (test sets).
        prompt: File of the judge's prompt; by default the prompt of `rightly judge`.
        max_reasons: Number of reasons that the prompt allows.
        max_prompt_tokens: Maximum length of a prompt in tokens; pairs with a longer one are excluded and counted.
    """

    train: tuple[PairSource, ...] = Field(min_length=1)
    columns: str | None = None
    limit: int | None = Field(default=None, ge=1)
    held_out: tuple[PairSource, ...] = ()
    prompt: str | None = None
    max_reasons: int = Field(default=10, ge=1)
    max_prompt_tokens: int = Field(default=8192, ge=1)


class WorldTable(Frozen):
    """``[world]`` instead of ``[data]`` and ``[matcher]``: pairs of `rightly.synthetic.reviews`, and its exact matcher.

    Attributes:
        pairs: Number of training pairs.
        seed: Seed for the training pairs; the audit uses another one.
        correlation: Probability that the styled answer is the better one.
        exchange_style: Whether to exchange the styles of half of the training pairs, so that style is uninformative
            (augmentation).
        sees: Probability that the annotator sees a true point, in the warm-up.
        width: Hidden size of a new model.
        layers: Number of layers of a new model.
    """

    pairs: int = Field(default=4000, ge=1)
    seed: int = 1
    correlation: float = Field(default=0.75, ge=0, le=1)
    exchange_style: bool = False
    sees: float = Field(default=0.65, ge=0, le=1)
    width: int = 64
    layers: int = 3


class MatcherTable(Frozen):
    """``[matcher]``: the matcher that decides which reasons make the same point.

    Attributes:
        spec: Spec of the matcher, as for ``--matcher``.
        timeout: Seconds for a match, retries included; after that the sample is excluded.
        accept_unfit: Whether to accept a matcher that is unfit as a reward or was never checked.
    """

    spec: str
    timeout: float = Field(default=300.0, gt=0)
    accept_unfit: bool = False


class WarmupTable(Frozen):
    """``[warmup]``: imitation of judgments before reinforcement.

    Attributes:
        judgments: Files of judgments (`rightly judge`, ``judgments.jsonl``) by a stronger judge on the training pairs; only
            those with the right verdict are imitated. Without files, the human reasons are imitated.
        trainer: Arguments passed to TRL's ``SFTConfig``.
    """

    judgments: tuple[str, ...] = ()
    trainer: dict[str, Any] = Field(default_factory=dict)


class AuditTable(Frozen):
    """``[audit]``: audits during training, by greedy answers to pairs outside the training data.

    Attributes:
        pairs: Source of the pairs; in a world they are drawn.
        restyled: Source of the same ids with only the style of the responses changed; changed verdicts are flips.
        limit: Maximum number of pairs.
        every: Number of steps between audits.
        max_tokens: Maximum number of tokens of an answer.
        batch_size: Number of answers generated at once.
    """

    pairs: PairSource | None = None
    restyled: PairSource | None = None
    limit: int = Field(default=200, ge=1)
    every: int = Field(default=25, ge=1)
    max_tokens: int = Field(default=1024, ge=1)
    batch_size: int = Field(default=16, ge=1)


class GenrmRecipe(Frozen):
    """The complete recipe of a run.

    Attributes:
        output: Folder for the model, its stages, the audit's records and the report.
        grpo: Arguments passed to TRL's ``GRPOConfig``; without this table only the warm-up runs.
    """

    output: str
    model: GenrmModel
    data: JudgingData | None = None
    world: WorldTable | None = None
    matcher: MatcherTable | None = None
    reward: RewardRule = RewardRule()
    warmup: WarmupTable | None = None
    grpo: dict[str, Any] | None = None
    audit: AuditTable | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "GenrmRecipe":
        if (self.data is None) == (self.world is None):
            raise ValueError("a recipe needs either [data] or [world]")
        if self.world is not None and self.matcher is not None:
            raise ValueError("a [world] has its own matcher; remove [matcher]")
        if self.data is not None and self.matcher is None and self.grpo is not None:
            raise ValueError("[matcher] is missing: it is needed to compare the reasons")
        if self.model.name == "new" and (self.world is None or self.warmup is None):
            raise ValueError('model.name = "new" needs a [world] and a [warmup]')
        if self.warmup is None and self.grpo is None:
            raise ValueError("nothing to do: give [warmup], [grpo] or both")
        if self.data is not None and self.audit is not None and self.audit.pairs is None:
            raise ValueError("audit.pairs is missing: give a source of pairs outside the training data")
        return self
