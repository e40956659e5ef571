"""The recipe of a matcher: one TOML file; unknown keys are rejected, and all defaults are here."""

from typing import Any

from pydantic import Field

from rightly.matchers.packaged_encoder import PACKAGED
from rightly.training.common.recipe import Lora
from rightly.types import Frozen


class MatcherModel(Frozen):
    """``[model]``: the model to train.

    Attributes:
        base: Encoder to start from: the packaged MiniLM, a folder, or a hub id.
        max_length: Maximum number of tokens of a point plus a reason.
        lora: Low-rank adapter; only it and the head are saved.
    """

    base: str = PACKAGED
    max_length: int = Field(default=128, ge=16)
    lora: Lora = Lora()


class MatcherData(Frozen):
    """``[data]``: sources of reasons.

    Attributes:
        topics: Topics of SummHay to train on: ``doctor``, ``sales``, ``news``.
        votes: Preference pairs with voters' reasons, from a source as for `rightly.data.load_pairs`.
        held_debates: Domains of those pairs (up to the first ``/``) that are held out.
        comve: Path of ComVE's ``train.csv``.
        winowhy: Path of WinoWhy's ``winowhy.json``.
        contrasts: Files of written contrasts; ``written`` names the file shipped with the package.
        repeat: Number of times that every written row is used.
        limit: Maximum number of rows from each of ``votes``, ``comve`` and ``winowhy``.
        negations: Maximum number of reasons from each of ``votes`` and ``comve`` whose opposites are made by rule.
        max_characters: Maximum length of a reason in characters; longer ones are excluded from training.
    """

    topics: tuple[str, ...] = ()
    votes: tuple[str, ...] = ("sample:ukpconvarg1",)
    held_debates: tuple[str, ...] = ()
    comve: str | None = None
    winowhy: str | None = None
    contrasts: tuple[str, ...] = ("written",)
    repeat: int = Field(default=1, ge=1)
    limit: int = Field(default=5000, ge=0)
    negations: int = Field(default=2500, ge=0)
    max_characters: int = Field(default=220, ge=20)


class MatcherRecipe(Frozen):
    """The complete recipe of a run.

    Attributes:
        output: Folder for the checkpoints and the matcher.
        trainer: Arguments passed to transformers' ``TrainingArguments``.
    """

    output: str
    model: MatcherModel = MatcherModel()
    data: MatcherData = MatcherData()
    trainer: dict[str, Any] = Field(default_factory=dict)
