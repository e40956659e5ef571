"""Score pairs with one or more reward models: rewards, margins, one Parquet table."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from rightly.data.load import rows_named
from rightly.errors import InputError, needs_extra
from rightly.jobs.config import Flag, Out, PairsConfig
from rightly.jobs.events import SILENT, Events

if TYPE_CHECKING:
    from rightly.reward_models.margins import ModelScores
    from rightly.reward_models.model import RewardModel, Scored

_SAY_EVERY_S = 5.0


class ScoreConfig(PairsConfig):
    """Which pairs are scored, by which reward models."""

    models: Annotated[tuple[str, ...], Flag("--model", metavar="NAME")]
    """Reward model: folder or hub id; repeat for several."""
    out: Out
    """Run folder; made when missing."""
    resume: Annotated[bool, Flag(off="--fresh")] = True
    """Go on with what --out holds, or move its records aside and start over."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the weights. Default: what the checkpoint was saved in."""
    max_length: Annotated[int | None, Field(ge=8), Flag(metavar="N")] = None
    """Truncate sequences to N tokens. Default: what the model was trained on."""
    tokens_per_batch: Annotated[int, Field(ge=64), Flag(metavar="N")] = 8192
    """Tokens computed in one pass; lower it where memory is short."""
    compiled: Annotated[bool, Flag("--compile")] = False
    """Compile the layers: slower to start, then faster."""
    packed: Annotated[bool, Flag("--packing", off="--no-packing")] = True
    """Let responses to one prompt share its computation, or compute every sequence alone in padded batches."""
    ray: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Score with N actors of Ray. Default: in this process and its like (accelerate launch)."""

    def build(self, name: str) -> "RewardModel":
        """Load a model as these options say."""
        from rightly.reward_models.model import RewardModel

        model = RewardModel.load(name, dtype=self.dtype, max_length=self.max_length, packed=self.packed)
        if self.compiled:
            model.compile()
        return model


@dataclass(frozen=True)
class Scores:
    """What a run of scoring found.

    Attributes:
        folder: The run folder.
        models: Metrics of every model on the labelled pairs; empty on all processes but the first.
        speed: What this process scored and how fast; empty where everything was scored before.
    """

    folder: Path
    models: "Mapping[str, ModelScores]"
    speed: str

    @property
    def table(self) -> Path:
        """The Parquet table: for every model ``rewards/NAME`` and ``margin/NAME``."""
        return self.folder / "margins.parquet"


def run(config: ScoreConfig, events: Events = SILENT) -> Scores:
    """Score what is not scored yet; writes ``margins.parquet``.

    Raises:
        InputError: A model cannot be loaded, or a pair cannot be scored; names its row.
    """
    with needs_extra("scoring", "train"):
        from rightly.reward_models.identity import reward_model_fingerprint
        from rightly.reward_models.margins import score_run
    if len(set(config.models)) < len(config.models):
        raise InputError("the same model is named twice", where="--model")
    made_by = {
        name: reward_model_fingerprint(name, dtype=config.dtype, max_length=config.max_length) for name in config.models
    }
    meter = _Meter(events)
    with rows_named(config.files, config.columns):
        models = score_run(
            config.out,
            config.load,
            made_by,
            config.build,
            identity={"verb": "score", **config.model_dump(mode="json", include={"pairs", "columns", "limit"})},
            inputs=(*config.files, *config.models),
            tokens_per_batch=config.tokens_per_batch,
            fresh=not config.resume,
            ray_workers=config.ray,
            watch=meter,
        )
    return Scores(config.out, models, meter.line() if meter.pairs else "")


class _Meter:
    """Counts what this process scores and says so now and then."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.pairs = self.tokens = self.truncated = 0
        self._begun = self._said = time.monotonic()

    def __call__(self, scored: "Scored | Any") -> None:
        self.pairs += 1
        self.tokens += sum(scored.tokens)
        self.truncated += any(scored.truncated)
        if time.monotonic() - self._said > _SAY_EVERY_S:
            self._said = time.monotonic()
            self._events.say(self.line())

    def line(self) -> str:
        seconds = max(time.monotonic() - self._begun, 1e-9)
        rates = f"{self.pairs / seconds:,.1f} pairs/s, {self.tokens / seconds:,.0f} tokens/s"
        return f"scored {self.pairs:,} pairs, {self.truncated:,} of them truncated; {rates}"
