"""The recipe of a generative reward model: one TOML file, unknown keys refused, every default stated here."""

from typing import Any, Literal

from pydantic import Field, model_validator

from rightly.data.source import PairSource
from rightly.rewards.rule import RewardRule
from rightly.training.common.recipe import Lora
from rightly.types import Frozen


class GenrmModel(Frozen):
    """``[model]``: what is trained.

    Attributes:
        name: Folder or hub id of a causal language model with a chat template; ``new`` in a world makes a small Llama.
        dtype: Precision of the weights.
        lora: A low-rank adapter for both stages, merged after each.
    """

    name: str
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    lora: Lora | None = None
    trust_remote_code: bool = False


class JudgingData(Frozen):
    """``[data]``: pairs with a label and human reasons, as `rightly.data.load_pairs` takes them.

    Attributes:
        train: Files, hub ids or samples; in Python also pairs in memory.
        columns: The column family, where rows fit several.
        limit: At most so many pairs of each source.
        held_out: Sources whose pairs are taken out of training by their content (test sets).
        prompt: File of the judge's prompt; by default the one that `rightly judge` uses.
        max_reasons: How many reasons the prompt allows.
        max_prompt_tokens: Pairs with a longer prompt are left out, and counted.
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
        pairs: How many to train on.
        seed: Of the training pairs; the audit's are others.
        correlation: Probability that the styled answer is the better one.
        exchange_style: Exchange the styles of half of the training pairs, so that style says nothing (augmentation).
        sees: In the warm-up, the probability that the annotator sees a true point.
        width: Of a new model.
        layers: Of a new model.
    """

    pairs: int = Field(default=4000, ge=1)
    seed: int = 1
    correlation: float = Field(default=0.75, ge=0, le=1)
    exchange_style: bool = False
    sees: float = Field(default=0.65, ge=0, le=1)
    width: int = 64
    layers: int = 3


class MatcherTable(Frozen):
    """``[matcher]``: who says which reasons are the same point.

    Attributes:
        spec: As ``--matcher`` takes it.
        timeout: Seconds for a match, retries included; beyond it the answer is no sample.
        accept_unfit: Train against a matcher that was found unfit as a reward, or was never checked.
    """

    spec: str
    timeout: float = Field(default=300.0, gt=0)
    accept_unfit: bool = False


class WarmupTable(Frozen):
    """``[warmup]``: imitate judgments first.

    Attributes:
        judgments: Files of judgments (`rightly judge`, ``judgments.jsonl``) of a stronger judge on the training pairs; only
            those with the right verdict are imitated. Without any, the human reasons themselves are.
        trainer: Arguments of TRL's ``SFTConfig``, handed through.
    """

    judgments: tuple[str, ...] = ()
    trainer: dict[str, Any] = Field(default_factory=dict)


class AuditTable(Frozen):
    """``[audit]``: what is watched while training, on pairs that are not trained on; greedy answers.

    Attributes:
        pairs: Source of the pairs; in a world they are drawn.
        restyled: The same ids with only the style of the responses changed: verdicts that change are flips.
        limit: At most so many.
        every: Steps between audits.
        max_tokens: Of an answer.
        batch_size: Answers at a time.
    """

    pairs: PairSource | None = None
    restyled: PairSource | None = None
    limit: int = Field(default=200, ge=1)
    every: int = Field(default=25, ge=1)
    max_tokens: int = Field(default=1024, ge=1)
    batch_size: int = Field(default=16, ge=1)


class GenrmRecipe(Frozen):
    """Everything a run is made of.

    Attributes:
        output: Folder of the model, its stages, the audit's records and the report.
        grpo: Arguments of TRL's ``GRPOConfig``, handed through; without the table there is a warm-up only.
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
            raise ValueError("a recipe has [data] or [world], one of them")
        if self.world is not None and self.matcher is not None:
            raise ValueError("a [world] has its own matcher; take [matcher] out")
        if self.data is not None and self.matcher is None and self.grpo is not None:
            raise ValueError("[matcher] is missing: who compares the reasons?")
        if self.model.name == "new" and (self.world is None or self.warmup is None):
            raise ValueError('model.name = "new" needs a [world] and a [warmup]')
        if self.warmup is None and self.grpo is None:
            raise ValueError("nothing to do: give [warmup], [grpo] or both")
        if self.data is not None and self.audit is not None and self.audit.pairs is None:
            raise ValueError("audit.pairs is missing: give a source of pairs that are not trained on")
        return self
